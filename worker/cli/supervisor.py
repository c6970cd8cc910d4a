"""A small supervisor: starts roles, restarts what dies, and ends all in order.

A child that lived for a while is started again at once; one that dies young waits longer each time. Each child leads a session of its own:
a Ctrl-C in the terminal reaches the supervisor alone, which tells its children, and what a killed child left behind can be ended with it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from worker.cli.child import SUPERVISOR

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import IO

GRACE: Final = 45.0
"""Seconds that children have to end in order: longer than a call to an ERP."""

POLL: Final = 0.1
YOUNG: Final = 10.0
FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 15.0
PLACE: Final = "KITRELAY_PLACE"  # as worker.processes reads it; imported from there, it would bring all of the worker along
_log = structlog.get_logger("supervisor")


@dataclass(frozen=True, slots=True)
class Role:
    """What to run: a role of `worker.cli.child` with its words. `environ` stands above ours; `log` is a file for what it says."""

    name: str
    words: tuple[str, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    log: Path | None = None


def command(role: Role) -> list[str]:
    """The command of a child."""
    return [sys.executable, "-m", "worker.cli.child", role.name, *role.words]


def environment(role: Role) -> dict[str, str]:
    """Ours, and what the child must know of us."""
    place = f"{socket.gethostname()}:{os.getpid()}:{role.name}"
    found = {**os.environ, SUPERVISOR: str(os.getpid()), PLACE: place, **role.environ}
    top = str(Path(__file__).parents[2])
    if top not in (sysconfig.get_paths()["purelib"], sysconfig.get_paths()["platlib"]):  # a checkout that is not installed
        found["PYTHONPATH"] = os.pathsep.join(filter(None, (top, found.get("PYTHONPATH"))))
    return found


def launch(role: Role, stdout: IO[bytes] | int | None = None) -> subprocess.Popen[bytes]:
    """Start one child in a session of its own. Call it from a thread that outlives the child: Linux ties the two together."""
    with contextlib.ExitStack() as files:
        log = files.enter_context(role.log.open("ab")) if role.log is not None else None
        return subprocess.Popen(  # noqa: S603 - our own interpreter and module, and no shell
            command(role),
            env=environment(role),
            stdin=subprocess.DEVNULL,
            stdout=log if stdout is None else stdout,
            stderr=log,
            start_new_session=True,
        )


def end(process: subprocess.Popen[bytes], number: int) -> None:
    """A signal to a child; SIGKILL to all of its session."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if number == signal.SIGKILL:
            os.killpg(process.pid, number)
        elif process.poll() is None:
            process.send_signal(number)


class Child:
    """One role: its process now, and when to start the next."""

    def __init__(self, role: Role) -> None:
        self.role = role
        self.process: subprocess.Popen[bytes] | None = None
        self.starts = 0
        self.young_deaths = 0
        self._started_at = 0.0
        self._next_at = 0.0

    def tend(self, now: float) -> None:
        """Start it if it does not run and its pause is over."""
        if self.process is not None and self.process.poll() is not None:
            self._buried(now)
        if self.process is None and now >= self._next_at:
            self.process = launch(self.role)
            self.starts += 1
            self._started_at = now

    def running(self) -> bool:
        """Whether its process lives."""
        return self.process is not None and self.process.poll() is None

    def _buried(self, now: float) -> None:
        process, self.process = self.process, None
        assert process is not None  # noqa: S101 - for the type checker; the caller looked
        end(process, signal.SIGKILL)  # what it left behind must not hold its port
        young = now - self._started_at < YOUNG
        self.young_deaths = self.young_deaths + 1 if young else 0
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (self.young_deaths - 1)) if young else 0.0
        self._next_at = now + pause
        _log.warning("a process ended and is started again", role=self.role.name, status=process.returncode, pause=round(pause, 1))


class Supervisor:
    """Some roles. `run` in one thread until `stop`; everything else from any."""

    def __init__(self, roles: Sequence[Role], grace: float = GRACE) -> None:
        self.children = {role.name: Child(role) for role in roles}
        self._grace = grace
        self._stopping = False  # plain flags: a signal handler may set them at any moment
        self._killing = False

    def run(self) -> bool:
        """Keep all running until told to stop, then end them; whether all ended by themselves."""
        try:
            while not self._stopping:
                for child in self.children.values():
                    child.tend(time.monotonic())
                time.sleep(POLL)
        finally:
            orderly = self._end()
        return orderly

    def stop(self) -> None:
        """End all in order."""
        self._stopping = True

    def kill(self) -> None:
        """End all at once."""
        self._stopping = self._killing = True

    def on_signals(self) -> None:
        """SIGTERM and Ctrl-C end all in order; a second Ctrl-C at once. For the main thread."""
        signal.signal(signal.SIGTERM, lambda *_: self.stop())
        signal.signal(signal.SIGINT, lambda *_: self.kill() if self._stopping else self.stop())

    def _end(self) -> bool:
        for child in self.children.values():
            if child.process is not None:
                end(child.process, signal.SIGTERM)
        until = time.monotonic() + self._grace
        while (left := [child for child in self.children.values() if child.running()]) and time.monotonic() < until and not self._killing:
            time.sleep(POLL / 2)
        for child in self.children.values():
            if child.process is not None:
                end(child.process, signal.SIGKILL)
                child.process.wait()
        if left:
            _log.warning("some did not end in time and were killed", roles=[child.role.name for child in left])
        return not left
