"""The embedded Redis: started once for a machine, shared, restarted, adopted, stopped by the last."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest
import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from worker.embedded import EmbeddedRedis, find_server, program, running_url
from worker.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

USER = """
import sys
from pathlib import Path
from worker.embedded import EmbeddedRedis
with EmbeddedRedis(Path(sys.argv[1])) as server:
    print(server.url, flush=True)
    sys.stdin.read()
"""

ASK_TWICE = """
import sys
from pathlib import Path
from worker.embedded import embedded_url
print(embedded_url(Path(sys.argv[1])))
print(embedded_url(Path(sys.argv[1])))
"""


@contextlib.contextmanager
def client(url: str) -> Iterator[redis.Redis]:
    """A client that waits out a restart."""
    with contextlib.closing(redis.Redis.from_url(url, retry=Retry(ConstantBackoff(0.05), 100))) as connected:
        yield connected


def process_id(url: str) -> int:
    """The server's own process id."""
    with client(url) as connected:
        return int(connected.info("server")["process_id"])


@contextlib.contextmanager
def another_user(directory: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Another process that uses the server, until its input ends; gives it and the address it found."""
    with subprocess.Popen([sys.executable, "-c", USER, directory], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as user:
        assert user.stdout is not None
        try:
            yield user, user.stdout.readline().strip()
        finally:
            user.communicate()


def eventually(holds: Callable[[], bool]) -> bool:
    """Whether it comes to hold within ten seconds."""
    deadline = time.monotonic() + 10
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.02)
    return holds()


def test_server_keeps_data(tmp_path: Path) -> None:
    """What was written before an orderly stop is there after the next start, under the same address."""
    with EmbeddedRedis(tmp_path) as server, client(server.url) as connected:
        first = server.url
        connected.set("bell", "rung")
    with EmbeddedRedis(tmp_path) as server, client(server.url) as connected:
        assert server.url == first
        assert connected.get("bell") == b"rung"


def test_settings_are_safe(tmp_path: Path) -> None:
    """It writes an append-only file, evicts nothing and listens on loopback only."""
    with EmbeddedRedis(tmp_path) as server, client(server.url) as connected:
        settings = connected.config_get("*")
    assert settings["appendonly"] == "yes"
    assert settings["maxmemory-policy"] == "noeviction"
    assert settings["bind"] == "127.0.0.1"


def test_password_guards_it(tmp_path: Path) -> None:
    """Nobody without the password gets in, and only the owner can read the file that holds it."""
    with EmbeddedRedis(tmp_path) as server:
        port = server.url.rsplit(":", 1)[1]
        with contextlib.closing(redis.Redis.from_url(f"redis://127.0.0.1:{port}")) as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()
        command = subprocess.check_output(["ps", "-o", "args=", "-p", str(process_id(server.url))], text=True)
        password = server.url.split("@")[0].removeprefix("redis://:")
    assert stat.S_IMODE((tmp_path / "server.json").stat().st_mode) == 0o600
    assert password not in command


def test_users_share_one(tmp_path: Path) -> None:
    """A second process finds the running server, and its leaving does not stop it."""
    with EmbeddedRedis(tmp_path) as server:
        with another_user(tmp_path) as (_, url):
            assert url == server.url
        assert server.alive()
    assert not server.alive()


def test_last_one_stops_it(tmp_path: Path) -> None:
    """The one who started it may go first: the server stays for the other and stops with it."""
    with contextlib.ExitStack() as stack:
        with EmbeddedRedis(tmp_path) as server:
            stack.enter_context(another_user(tmp_path))
        assert server.alive()
    assert not server.alive()


def test_start_together(tmp_path: Path) -> None:
    """Processes that start at the same moment end with one server."""
    with contextlib.ExitStack() as stack:
        found = {stack.enter_context(another_user(tmp_path))[1] for _ in range(3)}
        assert len(found) == 1
        assert found.pop().startswith("redis://")


def test_orphan_is_adopted(tmp_path: Path) -> None:
    """A server whose only user was killed goes on, and the next one takes it over and stops it."""
    with another_user(tmp_path) as (user, url):
        running = process_id(url)
        user.send_signal(signal.SIGKILL)
        user.wait()
    with EmbeddedRedis(tmp_path) as server:
        assert process_id(server.url) == running
    assert not server.alive()


def test_watch_restarts_it(tmp_path: Path) -> None:
    """A killed server is back, on the same address, with its data."""
    stop = threading.Event()
    with EmbeddedRedis(tmp_path) as server, client(server.url) as connected:
        watcher = threading.Thread(target=server.watch, args=(stop,))
        watcher.start()
        connected.set("bell", "rung")
        connected.config_set("appendfsync", "always")
        connected.set("last", "kept")
        killed = process_id(server.url)
        os.kill(killed, signal.SIGKILL)
        try:
            assert eventually(lambda: not server.alive() or process_id(server.url) != killed)
            assert connected.mget("bell", "last") == [b"rung", b"kept"]
            assert process_id(server.url) != killed
        finally:
            stop.set()
            watcher.join()


def test_url_stays_same(tmp_path: Path) -> None:
    """`embedded_url` starts the server once in a process, and it is gone when the process ends."""
    done = subprocess.run([sys.executable, "-c", ASK_TWICE, tmp_path], capture_output=True, text=True, check=True, timeout=30)
    first, second = done.stdout.split()
    assert first == second
    assert not EmbeddedRedis(tmp_path).alive()


def test_broken_program_is_named(tmp_path: Path) -> None:
    """A program that dies at once gives an error with its last words, not a wait without end."""
    broken = tmp_path / "redis-server"
    broken.write_text("#!/bin/sh\necho out of luck\nexit 3\n")
    broken.chmod(0o755)
    with pytest.raises(SettingsError, match="does not start: out of luck"), EmbeddedRedis(tmp_path / "data", program=broken):
        pass


def test_path_comes_first(tmp_path: Path) -> None:
    """A server on the path is taken before the one in the wheel, Redis before Valkey."""
    for name in ("valkey-server", "redis-server"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
        assert find_server(str(tmp_path)) == tmp_path / name


def test_missing_program_advises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no server at all, the error says how to get one here, under the setting's name."""
    (tmp_path / "brew").write_text("")
    (tmp_path / "brew").chmod(0o755)
    monkeypatch.setattr(program, "_packed_server", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SettingsError) as caught:
        find_server()
    assert [fault.path for fault in caught.value.faults] == ["redis_url"]
    assert "brew install valkey" in str(caught.value)


def test_running_only_looks(tmp_path: Path) -> None:
    """Who only looks finds a server that runs, and neither starts one nor makes the folder."""
    folder = tmp_path / "redis"
    before = running_url(folder)
    made = folder.exists()
    with EmbeddedRedis(folder) as server:
        during = running_url(folder)
        address = server.url
    assert (before, made, during) == (None, False, address)
    assert running_url(folder) is None
