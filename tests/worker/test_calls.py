"""The threads in which calls are made."""

from __future__ import annotations

import time
from contextlib import closing
from threading import Barrier, Event, Lock
from typing import TYPE_CHECKING

import pytest

from worker.calls import CallThreads
from worker.jobs.model import Lane

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def threads() -> Iterator[CallThreads]:
    """Eight threads."""
    with closing(CallThreads(8)) as made:
        yield made


@pytest.mark.parametrize(("lanes", "room"), [(0, 8), (1, 8), (2, 4), (3, 2), (8, 1), (20, 1)])
def test_room_is_shared(threads: CallThreads, lanes: int, room: int) -> None:
    """Each lane that has work may use an equal part, and one thread at least."""
    for number in range(lanes):
        threads.enter(Lane("acme", str(number)))

    assert threads.room() == room


def test_room_comes_back(threads: CallThreads) -> None:
    """A lane that leaves makes room for the others; leaving twice does no harm."""
    first, second = Lane("acme", "visma"), Lane("acme", "intacct")
    threads.enter(first)
    threads.enter(second)
    threads.enter(second)

    threads.leave(second)
    threads.leave(second)

    assert threads.room() == 8


def test_all_at_once(threads: CallThreads) -> None:
    """So many pieces of work run at once as there are threads."""
    together, done = Barrier(8), []

    for _ in range(8):
        threads.run(lambda: done.append(together.wait(5.0)))

    threads.close()
    assert sorted(done) == list(range(8))


def test_no_more_at_once(threads: CallThreads) -> None:
    """Never more."""
    lock, now, most = Lock(), 0, 0

    def work() -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.005)
        with lock:
            now -= 1

    for _ in range(40):
        threads.run(work)
    while most < 8:
        time.sleep(0.001)
    threads.close()
    assert most == 8


def test_close_waits() -> None:
    """Closing waits for what is under way."""
    threads, ended = CallThreads(1), Event()

    def work() -> None:
        time.sleep(0.05)
        ended.set()

    threads.run(work)
    time.sleep(0.01)
    threads.close()

    assert ended.is_set()
