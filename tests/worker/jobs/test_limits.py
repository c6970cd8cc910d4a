"""A connection's limits as rows: what all workers together may do."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from tests.worker.jobs.acting import LANE, NOW, later
from worker.connections import FAILURES_TO_OPEN, HOUR, Limits, Report
from worker.jobs import limits
from worker.jobs.engine import Database
from worker.jobs.model import Lane
from worker.jobs.tables import holdings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from worker.jobs.limits import Share

WORKERS: Final = ("w0", "w1", "w2", "w3")
LIFE: Final = 12.0
EIGHT: Final = Limits(8)


def refresh(
    db: Database, worker: str, report: Report | None = None, *, allowed: Limits = EIGHT, seconds: float = 0, life: float = LIFE
) -> Share:
    """Hand in a report, take a share."""
    now = later(seconds)
    with db.write() as connection:
        return limits.refresh(db, connection, LANE, worker, allowed, report or Report(), now, now + timedelta(seconds=life), 0.5)


def give_back(db: Database, worker: str) -> None:
    """Leave."""
    with db.write() as connection:
        limits.give_back(connection, LANE, worker)


@contextmanager
def fresh(template: Path) -> Iterator[Database]:
    """A ledger of its own for one example."""
    with TemporaryDirectory() as folder:
        shutil.copyfile(template, Path(folder) / "ledger.db")
        database = Database(f"sqlite:///{folder}/ledger.db")
        try:
            yield database
        finally:
            database.close()


def held(db: Database, now: datetime) -> int:
    """Slots held by all."""
    with db.read() as connection:
        return limits.slots_in_use(connection, LANE, now)


def granted(db: Database) -> int:
    """Calls granted to all."""
    with db.read() as connection:
        return int(connection.execute(select(func.coalesce(func.sum(holdings.c.calls), 0))).scalar_one())


def test_alone_has_all(db: Database) -> None:
    """One worker alone has every slot and a whole grant."""
    share = refresh(db, "w0", allowed=Limits(8, None, 100))
    assert (share.slots, share.calls, share.settler, share.probe, share.resume_at) == (8, 100, True, False, None)


def test_shares_even_out(db: Database) -> None:
    """A second worker gets what is free, and within two refreshes each has its half."""
    assert refresh(db, "w0").slots == 8
    assert refresh(db, "w1").slots == 0
    assert [refresh(db, "w0").slots, refresh(db, "w1").slots] == [4, 4]
    give_back(db, "w0")
    assert refresh(db, "w1").slots == 8


def test_one_settler(db: Database) -> None:
    """One worker of all looks after the waiting jobs."""
    for worker in WORKERS:
        refresh(db, worker)
    assert [refresh(db, worker).settler for worker in WORKERS] == [True, False, False, False]
    give_back(db, "w0")
    assert refresh(db, "w1").settler


def test_lapsed_share_is_free(db: Database) -> None:
    """A worker that is not heard of any more loses its slots when its time is over."""
    refresh(db, "w0")
    assert refresh(db, "w1", seconds=LIFE).slots == 0
    assert refresh(db, "w1", seconds=LIFE + 1).slots == 8


def test_lanes_are_apart(db: Database) -> None:
    """Another connection's slots are its own."""
    refresh(db, "w0")
    other = Lane("other", "visma")
    with db.write() as connection:
        share = limits.refresh(db, connection, other, "w1", Limits(2), Report(), NOW, later(LIFE), 0)
    assert share.slots == 2


@settings(max_examples=15)
@given(slots=st.integers(1, 9), steps=st.lists(st.tuples(st.sampled_from(WORKERS), st.integers(0, 10), st.integers(0, 3)), max_size=30))
def test_slots_never_exceed(sqlite_template: Path, slots: int, steps: list[tuple[str, int, int]]) -> None:
    """However four workers come, use their slots, and go: never are more calls under way, or slots held, than allowed."""
    under_way = dict.fromkeys(WORKERS, 0)
    seconds = 0.0
    with fresh(sqlite_template) as db:
        for worker, use, pause in steps:
            seconds += pause
            if use == 10:
                under_way[worker] = 0
                give_back(db, worker)
                continue
            share = refresh(db, worker, Report(under_way=under_way[worker]), allowed=Limits(slots), seconds=seconds, life=1000)
            assert share.slots >= under_way[worker]
            under_way[worker] = min(use, share.slots)
            assert held(db, later(seconds)) <= slots
            assert sum(under_way.values()) <= slots


@dataclass
class Erp:
    """An ERP that grants so many calls an hour and says what is left."""

    allows: int
    calls: int = 0
    most: int = 0

    def call(self) -> int:
        """One call; what is left after it."""
        self.calls += 1
        return self.allows - self.calls


@dataclass
class Caller:
    """A worker that makes calls within its share; some are answered only after the next refresh."""

    name: str
    calls: int = 0
    open: list[int] = field(default_factory=list)
    answered: list[int] = field(default_factory=list)

    def work(self, erp: Erp, begun: int, ended: int) -> None:
        """Begin calls as far as the share goes, then hear some answers."""
        for _ in range(min(begun, self.calls)):
            self.calls -= 1
            self.open.append(erp.call())
        for _ in range(min(ended, len(self.open))):
            self.answered.append(self.open.pop(0))

    def refresh(self, db: Database, allowed: Limits, *, tells: bool, seconds: float) -> None:
        """Hand in what was answered, with the ERP's number or without."""
        left = min(self.answered, default=None) if tells else None
        report = Report(calls=len(self.answered), under_way=len(self.open), left=left, resets_at=later(3600))
        self.answered = []
        self.calls = refresh(db, self.name, report, allowed=allowed, seconds=seconds, life=1000).calls


steps = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 12), st.integers(0, 12)), min_size=5, max_size=40)


@settings(max_examples=15)
@given(budget=st.integers(1, 60), grant=st.integers(1, 40), steps=steps)
def test_own_budget_holds(sqlite_template: Path, budget: int, grant: int, steps: list[tuple[int, int, int]]) -> None:
    """Four workers together never begin more calls in an hour than the settings allow, also while answers are outstanding."""
    erp = Erp(10_000)
    callers = [Caller(name) for name in WORKERS]
    with fresh(sqlite_template) as db:
        for number, (who, begun, ended) in enumerate(steps):
            callers[who].refresh(db, Limits(20, budget, grant), tells=False, seconds=number)
            callers[who].work(erp, begun, ended)
            assert erp.calls <= budget
            assert granted(db) <= budget


@settings(max_examples=15)
@given(allows=st.integers(1, 60), grant=st.integers(1, 40), steps=steps)
def test_remote_budget_holds(sqlite_template: Path, allows: int, grant: int, steps: list[tuple[int, int, int]]) -> None:
    """Once the ERP said what is left, four workers together never begin more calls than that."""
    erp = Erp(allows)
    callers = [Caller(name) for name in WORKERS]
    with fresh(sqlite_template) as db:
        refresh(db, "w0", Report(left=allows, resets_at=later(3600)), life=1000)
        for number, (who, begun, ended) in enumerate(steps):
            callers[who].refresh(db, Limits(20, None, grant), tells=True, seconds=number)
            callers[who].work(erp, begun, ended)
            assert erp.calls <= allows


def test_budget_spent_tells_when(db: Database) -> None:
    """With no calls left a worker knows when there will be some, and then gets them."""
    allowed = Limits(8, 10, 100)
    assert refresh(db, "w0", allowed=allowed).calls == 10
    share = refresh(db, "w0", Report(calls=10), allowed=allowed, seconds=1)
    assert (share.calls, share.resume_at) == (0, later(1) + HOUR)
    assert refresh(db, "w0", allowed=allowed, seconds=3602).calls == 10


def test_order_blocks_all(db: Database) -> None:
    """One 429 with an ordered wait stops every worker until it is over."""
    refresh(db, "w0")
    refresh(db, "w0", Report(calls=1, blocked_until=later(30)), seconds=1)
    for worker in WORKERS:
        share = refresh(db, worker, seconds=2)
        assert (share.slots, share.calls, share.resume_at, share.probe) == (0, 0, later(30), False)
    assert refresh(db, "w1", seconds=30).calls > 0


def test_longest_order_holds(db: Database) -> None:
    """A shorter wait that comes later does not shorten a longer one."""
    refresh(db, "w0", Report(blocked_until=later(60)))
    share = refresh(db, "w1", Report(blocked_until=later(30)), seconds=1)
    assert share.resume_at == later(60)


def opened(db: Database) -> Share:
    """Four workers, one of which sees the ERP fail."""
    for worker in WORKERS:
        refresh(db, worker)
    for _ in range(FAILURES_TO_OPEN):
        share = refresh(db, "w2", Report(calls=1, failures=1, why="answers 503"))
    return share


def test_breaker_stops_all(db: Database) -> None:
    """After five failures in a row nobody may call."""
    share = opened(db)
    assert (share.slots, share.calls, share.state.breaker.why) == (0, 0, "answers 503")
    assert {refresh(db, worker, seconds=1).calls for worker in WORKERS} == {0}


def test_breaker_asks_one(db: Database) -> None:
    """When its pause is over one worker is asked for one harmless read; the others go on waiting."""
    share = opened(db)
    assert share.resume_at is not None
    after = (share.resume_at - NOW).total_seconds()
    assert not any(refresh(db, worker, seconds=after - 0.1).probe for worker in WORKERS)
    shares = [refresh(db, worker, seconds=after) for worker in WORKERS]
    assert [each.probe for each in shares] == [True, False, False, False]
    assert {each.calls for each in shares} == {0}


def test_breaker_closes(db: Database) -> None:
    """A good answer lets all go on."""
    opened(db)
    refresh(db, "w0", Report(calls=1, oks=1, last_ok_at=later(6)), seconds=6)
    shares = [refresh(db, worker, seconds=7) for worker in WORKERS]
    assert all(share.calls > 0 for share in shares)
    assert sum(share.slots for share in shares) <= 8


def test_breaker_stays_open(db: Database) -> None:
    """A read that fails lengthens the pause."""
    first = opened(db)
    assert first.resume_at is not None
    seconds = (first.resume_at - NOW).total_seconds()
    second = refresh(db, "w0", Report(calls=1, failures=1), seconds=seconds)
    assert second.resume_at is not None
    assert second.resume_at - later(seconds) > first.resume_at - NOW


def test_pause_and_resume(db: Database) -> None:
    """A paused connection gives nobody a call, and no read; resumed, it goes on at the next refresh, breaker or not."""
    opened(db)
    with db.write() as connection:
        limits.set_paused(db, connection, LANE, "ops", NOW)
    share = refresh(db, "w0", seconds=500)
    assert (share.slots, share.calls, share.probe, share.state.paused_by) == (0, 0, False, "ops")
    with db.write() as connection:
        limits.set_paused(db, connection, LANE, None, NOW)
    assert refresh(db, "w0", seconds=501).calls > 0


def test_pause_keeps_calls_under_way(db: Database) -> None:
    """What is under way at a pause still takes its slots: resuming does not double them."""
    refresh(db, "w0", Report(under_way=8))
    with db.write() as connection:
        limits.set_paused(db, connection, LANE, "ops", NOW)
    refresh(db, "w0", Report(under_way=5), seconds=1)
    with db.write() as connection:
        limits.set_paused(db, connection, LANE, None, NOW)
    assert refresh(db, "w1", seconds=2).slots <= 3


def test_changed_limits_hold_at_once(db: Database) -> None:
    """Slots and calls that an admin set hold at the next refresh of each worker, one by itself or both; given back, it is the settings'."""
    for worker in WORKERS[:2] * 2:
        refresh(db, worker)
    with db.write() as connection:
        limits.set_limits(db, connection, LANE, {"slots": 2})
    assert [refresh(db, worker).slots for worker in WORKERS[:2] * 2][2:] == [1, 1]
    with db.write() as connection:
        limits.set_limits(db, connection, LANE, {"calls_per_hour": 7})
    give_back(db, "w1")
    share = refresh(db, "w0")
    assert (share.slots, share.calls) == (2, 7)
    with db.write() as connection:
        limits.set_limits(db, connection, LANE, {"slots": None})
    give_back(db, "w0")
    share = refresh(db, "w0")
    assert (share.slots, share.calls) == (8, 7)


def test_state_is_kept(db: Database) -> None:
    """What workers learn of an ERP is there for the next ones."""
    refresh(db, "w0", Report(calls=1, oks=1, ms=120, last_ok_at=NOW, learned={"zone": 60}))
    refresh(db, "w1", Report(learned={"other": 1}))
    with db.read() as connection:
        state = limits.state_of(connection, LANE)
        nothing = limits.state_of(connection, Lane("nobody", "visma"))
    assert (state.ms, state.last_ok_at, state.learned) == (120, NOW, {"zone": 60, "other": 1})
    assert nothing == limits.ConnectionState()


@pytest.mark.parametrize("calls", [0, 3])
def test_under_way_is_reserved(calls: int, db: Database) -> None:
    """Calls under way are in no report yet, but they are begun: they are taken off the next grant."""
    allowed = Limits(8, 10, 100)
    refresh(db, "w0", allowed=allowed)
    share = refresh(db, "w0", Report(calls=calls, under_way=4), allowed=allowed)
    assert share.calls == 10 - calls - 4
    assert refresh(db, "w1", allowed=replace(allowed, slots=16)).calls == 0
