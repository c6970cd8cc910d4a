"""Scheduled comparisons: one scheduler begins them, one is open at a time, and none for ever."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta
from threading import Barrier, Thread
from typing import TYPE_CHECKING

from tests.worker.kit_ledger.acting import NOW
from worker.kit_ledger import rounds
from worker.kit_ledger.model import Round

if TYPE_CHECKING:
    from worker.jobs.engine import Database

EVERY = 900.0


def begin(db: Database, after: float = 0.0, tenant: str = "acme") -> bool:
    """Try to begin a round so many seconds after `NOW`."""
    with db.write() as connection:
        return rounds.begin_round(db, connection, tenant, EVERY, later(after))


def end(db: Database, began: float, ended: float, *, found: int | None = None, message: str | None = None) -> bool:
    """End the round that was begun then."""
    with db.write() as connection:
        return rounds.end_round(connection, "acme", later(began), later(ended), found=found, message=message)


def latest(db: Database) -> Round | None:
    """The last round."""
    with db.read() as connection:
        return rounds.latest_round(connection, "acme")


def later(seconds: float) -> datetime:
    """So many seconds after `NOW`."""
    return NOW + timedelta(seconds=seconds)


def test_one_is_open(db: Database) -> None:
    """While a round is open no other begins, however late it is; another tenant's may."""
    assert latest(db) is None
    assert begin(db)
    assert not begin(db, 1)
    assert not begin(db, 5_000)
    assert begin(db, 1, "other")
    with db.read() as connection:
        assert [each.tenant for each in rounds.open_rounds(connection)] == ["acme", "other"]


def test_next_is_due(db: Database) -> None:
    """After one has ended the next begins when it is due, counted from the beginning of the last."""
    begin(db)
    assert end(db, 0, 300, found=3, message="3 kits differed")
    assert latest(db) == Round("acme", NOW, later(300), None, 3, "3 kits differed")
    assert not begin(db, 899)
    assert begin(db, 900)


def test_end_is_once(db: Database) -> None:
    """A round ends once, and only the one that is named."""
    begin(db)
    assert not end(db, 1, 9)
    assert end(db, 0, 10)
    assert not end(db, 0, 20, message="again")
    assert latest(db) == Round("acme", NOW, later(10))


def test_lost_round_is_given_up(db: Database) -> None:
    """A round that nobody ended is given up after a day; its late end does not touch the one that followed."""
    begin(db)
    day = 86_400
    assert not begin(db, day - 1)
    assert begin(db, day)
    assert not end(db, 0, day + 1)
    last = latest(db)
    assert last is not None
    assert (last.started_at, last.finished_at) == (later(day), None)


def test_batch_is_named(db: Database) -> None:
    """An open round can say in which batch its work is done."""
    begin(db)
    with db.write() as connection:
        assert rounds.set_batch(connection, "acme", NOW, "b1")
    last = latest(db)
    assert last is not None
    assert last.batch == "b1"
    end(db, 0, 1)
    with db.write() as connection:
        assert not rounds.set_batch(connection, "acme", NOW, "b2")


def test_one_of_many_begins(db: Database) -> None:
    """Of many schedulers that try at one time one begins the round, also where it ends at once."""
    start = Barrier(6)
    began: list[bool] = []

    def run(number: int) -> None:
        start.wait(30)
        mine = begin(db, number / 1_000)
        began.append(mine)
        if mine:
            end(db, number / 1_000, 1)

    threads = [Thread(target=run, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(began) == [False] * 5 + [True]


def test_rolled_back_is_free(db: Database) -> None:
    """A round whose work could not be made was not begun."""

    def fail() -> None:
        with db.write() as connection:
            assert rounds.begin_round(db, connection, "acme", EVERY, NOW)
            raise KeyError

    with contextlib.suppress(KeyError):
        fail()
    assert begin(db)


def test_ended_are_pruned(db: Database) -> None:
    """Ended rounds are forgotten after a month; an open one is not."""
    begin(db)
    end(db, 0, 10)
    begin(db, 1_000)
    with db.write() as connection:
        assert rounds.prune(db, connection, later(10) + timedelta(days=30)) == 0
        assert rounds.prune(db, connection, later(11) + timedelta(days=30)) == 1
    last = latest(db)
    assert last is not None
    assert last.started_at == later(1_000)
