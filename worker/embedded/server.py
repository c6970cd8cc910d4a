"""A Redis server of our own, for one machine: started by whoever needs it first, shared by all, stopped by the last.

Three files in its folder hold it together, and none of them needs tidying after a `kill -9`, because the kernel gives locks back:

    server.lock   held by the server process itself (it inherits the open file): while it is held, no second server starts on this folder
    users.lock    held, shared, by every process that uses the server: whoever leaves and is alone stops it
    server.json   port and password (readable by its owner only), kept from one start to the next so that an address stays true

A server whose users were all killed goes on alone; the next one that needs it adopts it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import socket
import subprocess
import time
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final, Self, cast

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from worker.embedded.program import find_server
from worker.errors import Fault, SettingsError

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator
    from pathlib import Path

PORTS: Final = range(21_000, 31_000)  # below the ports that outgoing calls take, so that a restarted server finds its own free
STARTS_WITHIN: Final = 15.0  # seconds
LAUNCHES: Final = 3
PAUSE: Final = 0.02
CONFIGURATION: Final = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir "{directory}"
daemonize no
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
tcp-keepalive 60
loglevel warning
"""

_started: Final[list[subprocess.Popen[bytes]]] = []  # kept so that a dead one is reaped, by `poll`


@dataclass(frozen=True, slots=True)
class _Address:
    """Where the server answers. The password keeps other users of the machine out."""

    port: int
    password: str

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def client(self) -> redis.Redis:
        """A client that asks once: who calls it repeats by itself."""
        return redis.Redis(
            host="127.0.0.1",
            port=self.port,
            password=self.password,
            socket_timeout=2.0,
            socket_connect_timeout=2.0,
            retry=Retry(NoBackoff(), 0),
        )

    def answers(self) -> bool:
        """Whether our server is there and ready; another one on this port knows not our password."""
        try:
            with contextlib.closing(self.client()) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def __repr__(self) -> str:
        return f"_Address(port={self.port})"


class EmbeddedRedis:
    """The server of one folder, as one process sees it. A context manager: `with EmbeddedRedis(folder) as server: server.url`."""

    def __init__(self, directory: Path, *, program: Path | None = None) -> None:
        self.directory = directory.absolute()
        self.url = ""
        self._program = program
        self._user: IO[bytes] | None = None
        self._owner = 0

    def __enter__(self) -> Self:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._user = self._file("users.lock")
        fcntl.flock(self._user, fcntl.LOCK_SH)  # waits only for one who is just stopping the server
        self._owner = os.getpid()
        try:
            self.ensure()
        except BaseException:
            self._user.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Leave; the last one out stops the server. A forked child only lets go: its parent is still there."""
        if self._user is None:
            return
        self._user.close()
        self._user = None
        if os.getpid() == self._owner:
            self._stop_if_alone()

    def ensure(self) -> str:
        """Give the address of the running server, starting it when there is none. Raises SettingsError when it can't be started."""
        deadline = time.monotonic() + STARTS_WITHIN
        launches = 0
        while time.monotonic() < deadline:
            with self._unless_running() as lock:
                if lock is not None and launches == LAUNCHES:
                    break
                if lock is not None:
                    self._launch(lock)
                    launches += 1
            if (address := self._read()) and address.answers():
                self.url = address.url
                return self.url
            time.sleep(PAUSE)
        raise SettingsError((Fault("redis_url", f"the embedded Redis in {self.directory} does not start: {self._last_words()}"),))

    def alive(self) -> bool:
        """Whether the server process exists; costs no connection."""
        with self._unless_running() as lock:
            if lock is not None:
                fcntl.flock(lock, fcntl.LOCK_UN)  # closing would not do if this process forked meanwhile
            return lock is None

    def running(self) -> str | None:
        """The address of the server if it answers now; else None. Nothing is started or made: for those who only look."""
        address = self._read()
        return address.url if address is not None and address.answers() else None

    def watch(self, stop: threading.Event, *, every: float = 0.25) -> None:
        """Restart the server, on its old port, whenever it dies; returns when `stop` is set. Any number of processes may watch."""
        while not stop.wait(every):
            for child in _started:
                child.poll()
            if not self.alive():
                with contextlib.suppress(SettingsError, OSError):  # its users see for themselves; the next round tries again
                    self.ensure()

    def _stop_if_alone(self) -> None:
        with self._file("users.lock") as users:
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            if self.alive():
                self._shut_down()

    def _shut_down(self) -> None:
        address = self._read()
        if address is None:
            return
        with contextlib.closing(address.client()) as client, contextlib.suppress(redis.RedisError):
            client.shutdown()  # writes the append-only file out first
        deadline = time.monotonic() + STARTS_WITHIN
        while self.alive() and time.monotonic() < deadline:
            time.sleep(PAUSE)
        for child in _started:
            child.poll()

    @contextlib.contextmanager
    def _unless_running(self) -> Iterator[IO[bytes] | None]:
        """Hold server.lock, or give None because a server (or one who is starting it) has it."""
        with self._file("server.lock") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield None
            else:
                yield lock

    def _launch(self, lock: IO[bytes]) -> None:
        address = self._choose()
        program = self._program or find_server()
        with self._file("redis.log") as log:
            child = subprocess.Popen(  # noqa: S603 - found on the path or in the wheel, and no shell
                [program, "-"],  # its settings come through the pipe: the password stands in no list of processes
                cwd=self.directory,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=(lock.fileno(),),
                start_new_session=True,  # a Ctrl-C is for its users: they may still have something to say to it
            )
        _started.append(child)
        directory = str(self.directory).replace("\\", "\\\\").replace('"', '\\"')
        text = CONFIGURATION.format(port=address.port, password=address.password, directory=directory)
        with contextlib.suppress(BrokenPipeError), cast("IO[bytes]", child.stdin) as pipe:
            pipe.write(text.encode())

    def _choose(self) -> _Address:
        """The address of last time if its port is free, else a new one; written down before the server starts."""
        before = self._read()
        if before is not None and _is_free(before.port):
            return before
        port = next(port for port in iter(lambda: secrets.choice(PORTS), None) if _is_free(port))
        address = _Address(port, before.password if before else secrets.token_urlsafe(24))
        self._write(address)
        return address

    def _read(self) -> _Address | None:
        try:
            kept = json.loads((self.directory / "server.json").read_bytes())
            return _Address(int(kept["port"]), str(kept["password"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _write(self, address: _Address) -> None:
        new = self.directory / "server.json.new"
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump({"port": address.port, "password": address.password}, file)
        new.replace(self.directory / "server.json")

    def _last_words(self) -> str:
        try:
            lines = (self.directory / "redis.log").read_text(errors="replace").strip().splitlines()
        except OSError:
            lines = []
        return lines[-1] if lines else "it says nothing"

    def _file(self, name: str) -> IO[bytes]:
        return (self.directory / name).open("ab")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
