"""The supervisor: what dies is started again, what shall end ends, and nobody is left behind."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread, Timer
from typing import TYPE_CHECKING

import pytest

from worker.cli import supervisor as module
from worker.cli.child import SUPERVISOR
from worker.cli.supervisor import FIRST_PAUSE, LONGEST_PAUSE, YOUNG, Child, Role, Supervisor, environment
from worker.processes import PLACE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TOP = Path(__file__).parents[3]
SLEEPER = "import time; time.sleep(60)"
PARENT = "import subprocess, sys, time; p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); time.sleep(60)"
BOUND = (
    "import os, time; from worker.cli.child import *; end_with(int(os.environ[SUPERVISOR])); print(os.getpid(), flush=True); time.sleep(60)"
)


def until(true: Callable[[], object], seconds: float = 30.0) -> float:
    """Wait for it; how long it took."""
    started = time.monotonic()
    while not true():
        assert time.monotonic() - started < seconds, "it did not come true"
        time.sleep(0.01)
    return time.monotonic() - started


def stubborn(mark: Path) -> str:
    """A program that heeds no SIGTERM; the mark is there as soon as it does not."""
    return (
        f"import pathlib, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); pathlib.Path({str(mark)!r}).touch(); time.sleep(60)"
    )


def alive(pid: int) -> bool:
    """Whether a process is there, and no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.fixture
def code(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What each role runs, by its name."""
    programs: dict[str, str] = {}
    monkeypatch.setattr(module, "command", lambda role: [sys.executable, "-c", programs[role.name]])
    return programs


@pytest.fixture
def supervised(code: dict[str, str]) -> Iterator[Callable[..., tuple[Supervisor, Thread]]]:
    """Start a supervisor of these programs in a thread."""
    running: list[tuple[Supervisor, Thread]] = []

    def start(grace: float = 10.0, **programs: str) -> tuple[Supervisor, Thread]:
        code.update(programs)
        supervisor = Supervisor([Role(name) for name in programs], grace)
        thread = Thread(target=supervisor.run)
        thread.start()
        running.append((supervisor, thread))
        until(lambda: all(child.running() for child in supervisor.children.values()))
        return supervisor, thread

    yield start
    for supervisor, thread in running:
        supervisor.kill()
        thread.join()


def test_killed_child_comes_back(supervised: Callable[..., tuple[Supervisor, Thread]]) -> None:
    """A child that was killed is there again at once; the others are not touched."""
    supervisor, _ = supervised(a=SLEEPER, b=SLEEPER)
    a, b = supervisor.children["a"], supervisor.children["b"]
    assert a.process is not None
    assert b.process is not None
    first, other = a.process.pid, b.process.pid
    os.kill(first, signal.SIGKILL)
    until(lambda: a.process is not None and a.process.pid != first and a.running())
    assert b.process.pid == other


def test_left_behind_is_ended(supervised: Callable[..., tuple[Supervisor, Thread]]) -> None:
    """What a killed child started dies with it: it may hold the port that the next one needs."""
    supervisor, _ = supervised(a=PARENT)
    leader = supervisor.children["a"].process
    assert leader is not None
    from worker.cli.family import family_of  # noqa: PLC0415 - reads /proc

    until(lambda: len(family_of(leader.pid)) == 2)
    grandchild = family_of(leader.pid)[1]
    os.kill(leader.pid, signal.SIGKILL)
    until(lambda: not alive(grandchild))


def test_stop_is_orderly(supervised: Callable[..., tuple[Supervisor, Thread]]) -> None:
    """Told to stop, children get SIGTERM and are waited for, and none is started again."""
    supervisor, thread = supervised(a=SLEEPER, b=SLEEPER)
    processes = [child.process for child in supervisor.children.values()]
    supervisor.stop()
    thread.join(60.0)
    assert not thread.is_alive()
    assert [process.returncode for process in processes if process is not None] == [-signal.SIGTERM] * 2


def test_stubborn_child_is_killed(code: dict[str, str], tmp_path: Path) -> None:
    """One that does not end within the grace is killed, and the supervisor says so."""
    code["a"] = stubborn(tmp_path / "mark")
    supervisor = Supervisor([Role("a")], grace=0.3)
    ended: list[bool] = []
    thread = Thread(target=lambda: ended.append(supervisor.run()))
    thread.start()
    until((tmp_path / "mark").exists)
    supervisor.stop()
    thread.join(60.0)
    process = supervisor.children["a"].process
    assert ended == [False]
    assert process is not None
    assert process.returncode == -signal.SIGKILL


def test_second_interrupt_kills(code: dict[str, str], tmp_path: Path) -> None:
    """The first Ctrl-C asks, the second does not wait."""
    code["a"] = stubborn(tmp_path / "mark")
    supervisor = Supervisor([Role("a")], grace=60.0)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def interrupt() -> None:
        until((tmp_path / "mark").exists)
        os.kill(os.getpid(), signal.SIGINT)
        until(lambda: supervisor._stopping)
        os.kill(os.getpid(), signal.SIGINT)

    thread = Thread(target=interrupt)
    rescue = Timer(50.0, supervisor.stop)  # where no interrupt comes through
    try:
        supervisor.on_signals()
        thread.start()
        rescue.start()
        assert supervisor.run() is False
        assert rescue.is_alive()
    finally:
        rescue.cancel()
        thread.join()
        for number, handler in before.items():
            signal.signal(number, handler)


def test_crash_loop_slows_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses double up to a longest one while a child dies young; one that lived is started at once."""

    class Dead:
        pid, returncode = 2**22 + 1, 1  # no such process group

        def poll(self) -> int:
            return 1

    monkeypatch.setattr(module, "launch", lambda _role: Dead())
    child = Child(Role("a"))
    now = 0.0
    starts: list[float] = []
    while len(starts) < 10:
        before = child.starts
        child.tend(now)
        starts += [now] if child.starts > before else []
        now = round(now + 0.1, 1)
    pauses = [round(after - before, 1) for before, after in itertools.pairwise(starts)]
    assert pauses[1:4] == [0.5, 0.9, 1.7]  # 0.4, 0.8, 1.6 and a look: it must be seen dead first
    assert pauses == sorted(pauses)
    assert pauses[0] > FIRST_PAUSE
    assert pauses[-1] <= LONGEST_PAUSE + 0.2
    child.tend(now + YOUNG + LONGEST_PAUSE)
    assert child.young_deaths == 0


def test_orphans_end() -> None:
    """When the supervisor itself is killed, its child ends by itself."""
    code = (
        "import subprocess, sys, worker.cli.supervisor as s\n"
        f"s.command = lambda role: [sys.executable, '-c', {BOUND!r}]\n"
        "s.Supervisor([s.Role('a')]).run()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=TOP) as supervisor:
        assert supervisor.stdout is not None
        child = int(supervisor.stdout.readline())
        assert alive(child)
        supervisor.kill()
    until(lambda: not alive(child))


def test_late_child_ends_at_once() -> None:
    """A child whose supervisor was dead before it could ask does not begin."""
    done = subprocess.run([sys.executable, "-c", BOUND], env={**os.environ, SUPERVISOR: "1"}, capture_output=True, check=False, cwd=TOP)
    assert done.returncode == 1
    assert not done.stdout


def test_child_knows_its_place() -> None:
    """The next child of the same supervisor stands in the place of the last, and settings of a role stand above the environment's."""
    told = environment(Role("worker", environ={"A": "b"}))
    assert told[module.PLACE].endswith(f":{os.getpid()}:worker")
    assert told["A"] == "b"
    assert module.PLACE == PLACE
