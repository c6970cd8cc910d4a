"""The demo and `up` as real processes: started, used, stopped, and nothing left."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from worker.cli.family import family_of
from worker.cli.launching import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.xdist_group("journeys")

TOP = Path(__file__).parents[3]
Start = Callable[..., subprocess.Popen[str]]


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


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a command as a process of its own; ended with the test, whatever happens in it."""
    started: list[subprocess.Popen[str]] = []

    def begin(*words: str, **environ: str) -> subprocess.Popen[str]:
        told = {**os.environ, "PYTHONPATH": str(TOP), **environ}
        command = [sys.executable, "-m", "worker.cli", *words]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=told, start_new_session=True)
        started.append(process)
        return process

    yield begin
    for process in started:
        with process:
            if process.poll() is None:
                process.terminate()


def test_demo_does_it_right(tmp_path: Path, start: Start) -> None:
    """Thirty documents are released exactly once; kept, it answers with the key it told; SIGTERM ends it and leaves nothing."""
    demo = start("demo", "--documents", "30", "--keep", "--json", TMPDIR=str(tmp_path), PORT="1", KITRELAY_API_KEY="not-for-the-demo")
    assert demo.stderr is not None
    told: dict[str, str] = {}
    for line in demo.stderr:
        name, _, value = line.strip().rpartition(": ")
        told[name] = value
        if "Ctrl-C ends it." in line:
            break
    batches = ask(told["It goes on running"], "/api/batches", told["its key"])["items"]
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


def test_demo_refuses_unknown_fault(tmp_path: Path, start: Start) -> None:
    """A fault that there is not is wrong use; the message has those there are."""
    demo = start("demo", "--fault", "nonsense", TMPDIR=str(tmp_path))
    _, told = demo.communicate(timeout=60)
    assert demo.returncode == 2
    assert "lost, duplicated" in told
    assert list(tmp_path.iterdir()) == []


def test_up_survives_and_ends(file: Path, start: Start) -> None:
    """On an empty folder it makes the ledger and answers; a killed worker and receiver come back; SIGTERM ends all with 0."""
    port = free_port()
    file.write_text(f"port = {port}\nweb_processes = 1\n{file.read_text()}")

    def ready() -> bool:
        try:
            return bool(ask(f"http://127.0.0.1:{port}", "/readyz")["workers"] == "ok")
        except (OSError, http.client.HTTPException):
            return False

    up = start("up", "--host", "127.0.0.1")
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
def test_roles_need_ledger(role: str, file: Path, start: Start) -> None:
    """On a database that is not at this version no role starts, and the message says what to do."""
    assert file.exists()
    process = start(role)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "kitrelay migrate" in told
