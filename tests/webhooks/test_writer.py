"""Group commit: many in one transaction, each with its own answer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from tests.webhooks.world import NOW, World
from webhooks.concurrency import Threads
from webhooks.writer import MOST, Writer
from worker.errors import LedgerUnavailable
from worker.jobs import arrivals
from worker.jobs.arrivals import Arrival, Stored
from worker.jobs.tables import deliveries
from worker.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def arrival(key: str) -> Arrival:
    """One delivery of acme; the odd one can't be written."""
    return Arrival("acme", "visma", "T", {"x": "\ud800"} if key == "odd" else {}, "{}", key, "visma")


class Gate(Threads):
    """Lets the first group wait at the door, so that others gather behind it, and counts groups."""

    def __init__(self) -> None:
        self.open = Event()
        self.reached = Event()
        self.groups = 0

    def store(self, work: Callable[[], T]) -> T:
        """Wait, then work."""
        self.groups += 1
        self.reached.set()
        assert self.open.wait(10)
        return work()


def writer(world: World, concurrency: Threads) -> Writer:
    """A writer on the world's ledger."""
    return Writer(world.database, concurrency, Metrics(), lambda: NOW)


def together(mine: Writer, gate: Gate, keys: list[str]) -> list[Any]:
    """Send all but the first while the first is being stored; their answers or exceptions, in order."""

    def one(key: str) -> Stored | Exception:
        try:
            return mine.store(arrival(key))
        except Exception as error:  # noqa: BLE001 - whatever the request is told
            return error

    with ThreadPoolExecutor(len(keys)) as threads:
        pending = [threads.submit(one, keys[0])]
        assert gate.reached.wait(10)
        pending += [threads.submit(one, key) for key in keys[1:]]
        while len(mine._line) < len(keys) - 1:
            gate.open.wait(0.01)
        gate.open.set()
        return [each.result(10) for each in pending]


def test_moment_is_one_transaction(world: World) -> None:
    """What gathers behind a transaction is stored in the next one, and each request has its own answer."""
    gate = Gate()

    answers = together(writer(world, gate), gate, [f"k{n}" for n in range(MOST + 1)])

    assert gate.groups == 2
    assert len({answer.delivery for answer in answers}) == MOST + 1
    assert {row.id for row in world.rows(deliveries)} == {answer.delivery for answer in answers}


def test_more_than_most(small_world: World) -> None:
    """A group has its limit; the rest has the next one."""
    gate = Gate()

    together(writer(small_world, gate), gate, [f"k{n}" for n in range(MOST + 5)])

    assert gate.groups == 3


def test_failure_reaches_each(small_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A group that can't be stored fails for every request of it, and the next group is tried anew."""
    gate = Gate()
    mine = writer(small_world, gate)
    real = arrivals.store

    def fails(db: Any, connection: Any, group: Any, now: Any) -> list[Stored]:
        if len(group) > 1:
            raise LedgerUnavailable("away")
        return real(db, connection, group, now)

    monkeypatch.setattr(arrivals, "store", fails)

    answers = together(mine, gate, ["a", "b", "c"])

    assert [type(answer) for answer in answers] == [Stored, LedgerUnavailable, LedgerUnavailable]
    assert mine.store(arrival("d")).duplicate is False


def test_odd_one_harms_no_other(small_world: World) -> None:
    """What can't be written at all fails for its own request; what gathered beside it is stored."""
    gate = Gate()

    answers = together(writer(small_world, gate), gate, ["a", "odd", "c"])

    assert [isinstance(answer, Stored) for answer in answers] == [True, False, True]
    assert {row.id for row in small_world.rows(deliveries)} == {answers[0].delivery, answers[2].delivery}


def test_other_process_was_first(world: World) -> None:
    """Another process stores the same key in the same instant: here it ends as a duplicate, and its neighbours are stored."""
    gate = Gate()
    mine = writer(world, gate)
    with ThreadPoolExecutor(1) as threads:
        with world.database.write() as other:
            (first,) = arrivals.store(world.database, other, [arrival("same")], NOW)
            pending = threads.submit(together, mine, gate, ["w", "same", "x"])
            with pytest.raises(TimeoutError):
                pending.result(0.3)
        answers = pending.result(20)

    assert (answers[1].duplicate, answers[1].delivery) == (True, first.delivery)
    assert [answers[0].duplicate, answers[2].duplicate] == [False, False]


def test_ended_leader_hands_on(small_world: World) -> None:
    """A leader that is ended in the middle leaves nobody waiting."""

    class Ended(BaseException):
        """What ends a greenlet."""

    class Ending(Gate):
        def store(self, work: Callable[[], T]) -> T:
            super().store(lambda: None)
            if self.groups == 1:
                raise Ended
            return work()

    gate = Ending()
    mine = writer(small_world, gate)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(mine.store, arrival("a"))
        assert gate.reached.wait(10)
        second = threads.submit(mine.store, arrival("b"))
        while not mine._line:
            gate.open.wait(0.01)
        gate.open.set()
        with pytest.raises(Ended):
            first.result(10)
        assert second.result(10).duplicate is False
