"""The demo and `up` as real processes: started, used, stopped, and nothing left."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from worker.cli.family import family_of
from worker.cli.launching import free_port

if TYPE_CHECKING:
    from collections.abc import Callable

TOP = Path(__file__).parents[3]


def until(true: Callable[[], object], seconds: float = 40.0) -> None:
    """Wait for it."""
    started = time.monotonic()
    while not true():
        assert time.monotonic() - started < seconds, "it did not come true"
        time.sleep(0.05)


def gone(pids: list[int]) -> bool:
    """Whether none of these processes is there."""
    return not any(Path(f"/proc/{pid}").exists() for pid in pids)


def ask(address: str, path: str, key: str = "") -> Any:
    """What a receiver answers."""
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=10)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {key}"})
        return json.load(connection.getresponse())
    finally:
        connection.close()


def start(*words: str, **environ: str) -> subprocess.Popen[str]:
    """A command as a process of its own."""
    told = {**os.environ, "PYTHONPATH": str(TOP), **environ}
    command = [sys.executable, "-m", "worker.cli", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=told, start_new_session=True)


def test_demo_does_it_right(tmp_path: Path) -> None:
    """Thirty documents are released exactly once; kept, it answers with the key it told; SIGTERM ends it and leaves nothing."""
    with start(
        "demo", "--documents", "30", "--keep", "--json", TMPDIR=str(tmp_path), PORT="1", KITRELAY_API_KEY="not-for-the-demo"
    ) as demo:
        assert demo.stderr is not None
        told: dict[str, str] = {}
        for line in demo.stderr:
            name, _, value = line.strip().rpartition(": ")
            told[name] = value
            if "Ctrl-C ends it." in line:
                break
        request = urllib.request.Request(
            told["It goes on running"] + "/api/batches", headers={"Authorization": f"Bearer {told['its key']}"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            batches = json.load(answer)["items"]
        family = family_of(demo.pid)
        demo.send_signal(signal.SIGTERM)
        out, _ = demo.communicate(timeout=60)
    summary = json.loads(out)
    assert demo.returncode == 0
    assert (summary["ok"], summary["released_once"], summary["problems"]) == (True, 30, [])
    assert summary["erp_calls_per_document"] < 1.5
    assert [batch["state"] for batch in batches] == ["succeeded"]
    assert len(family) >= 6
    until(lambda: gone(family))
    assert list(tmp_path.iterdir()) == []


def test_demo_refuses_unknown_fault(tmp_path: Path) -> None:
    """A fault that there is not is wrong use; the message has those there are."""
    with start("demo", "--fault", "nonsense", TMPDIR=str(tmp_path)) as demo:
        _, told = demo.communicate(timeout=60)
    assert demo.returncode == 2
    assert "lost, duplicated" in told
    assert list(tmp_path.iterdir()) == []


def test_up_survives_and_ends(file: Path) -> None:
    """On an empty folder it makes the ledger and answers; a killed worker and receiver come back; SIGTERM ends all with 0."""
    port = free_port()
    file.write_text(f"port = {port}\nweb_processes = 1\n{file.read_text()}")

    def ready() -> bool:
        try:
            return bool(ask(f"http://127.0.0.1:{port}", "/readyz")["workers"] == "ok")
        except (OSError, http.client.HTTPException):
            return False

    with start("up", "--host", "127.0.0.1") as up:
        until(ready)
        before = family_of(up.pid)
        taken = start("web", "--host", "127.0.0.1")
        _, words = taken.communicate(timeout=30)
        for pid in before[1:]:
            if b"child" in (Path(f"/proc/{pid}/cmdline").read_bytes() if Path(f"/proc/{pid}").exists() else b""):
                os.kill(pid, signal.SIGKILL)
        until(lambda: len([pid for pid in family_of(up.pid) if pid not in before]) >= 3)
        until(ready)
        family = family_of(up.pid)
        up.send_signal(signal.SIGTERM)
        _, told = up.communicate(timeout=60)
    assert up.returncode == 0
    assert taken.returncode == 1
    assert f"can't listen on 127.0.0.1:{port}" in words
    assert f"http://127.0.0.1:{port}" in told
    until(lambda: gone(family))


@pytest.mark.parametrize("role", ["web", "worker", "scheduler"])
def test_roles_need_ledger(role: str, file: Path) -> None:
    """On a database that is not at this version no role starts, and the message says what to do."""
    assert file.exists()
    with start(role) as process:
        _, told = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "kitrelay migrate" in told
