"""When no call of a connection could be started, as its refreshes found it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import event

from tests.worker.jobs.acting import LANE, NOW, later
from worker.connections import FAILURES_TO_OPEN, Limits, Report
from worker.jobs import limits, pruning, standstills
from worker.jobs.model import Lane
from worker.jobs.standstills import BROKEN, BUDGET, ORDERED, PAUSED

if TYPE_CHECKING:
    from worker.jobs.engine import Database
    from worker.jobs.standstills import Standstill

QUIET: Final = Report()
DOWN: Final = Report(calls=5, failures=FAILURES_TO_OPEN, why="answers 503")
FINE: Final = Report(calls=1, oks=1)


def refresh(db: Database, seconds: float, report: Report = QUIET, *, hourly: int | None = None, worker: str = "w0") -> None:
    """A worker's refresh, so many seconds after `NOW`."""
    now = later(seconds)
    with db.write() as connection:
        limits.refresh(db, connection, LANE, worker, Limits(4, hourly), report, now, now + timedelta(seconds=12), 0.5)


def pause(db: Database, by: str | None, seconds: float) -> None:
    """Pause, or resume."""
    with db.write() as connection:
        limits.set_paused(db, connection, LANE, by, later(seconds))


def told(db: Database, since: float = 0, until: float = 9_000) -> list[tuple[str, str, float, float | None]]:
    """Reason, why, and the seconds from and until, of all in this time."""
    with db.read() as connection:
        found = standstills.during(connection, LANE, later(since), later(until))
    return [(each.reason, each.why, _seconds(each), None if each.until is None else (each.until - NOW).total_seconds()) for each in found]


def _seconds(found: Standstill) -> float:
    return (found.since - NOW).total_seconds()


def standing(db: Database, seconds: float) -> list[str]:
    """What stands still now."""
    with db.read() as connection:
        lanes = [LANE, Lane("other", "visma")]
        return [each.reason for each in standstills.now_standing(connection, lanes, later(seconds))]


def statements(db: Database, seconds: float, report: Report = QUIET) -> list[str]:
    """What a refresh asks the database."""
    seen: list[str] = []

    def keep(_connection: object, _cursor: object, statement: str, *_: Any) -> None:
        seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", keep)
    try:
        refresh(db, seconds, report)
    finally:
        event.remove(db.engine, "before_cursor_execute", keep)
    return [statement for statement in seen if "standstills" in statement]


def test_pause_is_kept(db: Database) -> None:
    """It stands from the refresh that finds it paused until somebody resumes it, and many refreshes write it once."""
    pause(db, "ops", 0)
    for seconds in (1, 2, 3):
        refresh(db, seconds)
    assert told(db) == [(PAUSED, "paused by ops", 1, None)]
    assert standing(db, 4) == [PAUSED]

    pause(db, None, 60)

    assert told(db) == [(PAUSED, "paused by ops", 1, 60)]
    assert standing(db, 61) == []


def test_unused_pause_is_none(db: Database) -> None:
    """A pause of a connection that nobody wanted to use held up nothing."""
    refresh(db, 0)
    pause(db, "ops", 1)
    pause(db, None, 2)
    assert told(db) == []


def test_breaker_is_kept(db: Database) -> None:
    """While the breaker is open no call starts; a good answer ends it."""
    refresh(db, 0)
    refresh(db, 1, DOWN)
    refresh(db, 2)
    refresh(db, 9, FINE)
    assert told(db) == [(BROKEN, "answers 503", 1, 9)]


def test_ordered_wait_ends_by_itself(db: Database) -> None:
    """An ordered wait ends when the ERP said, also where nobody comes back to look; a longer order makes it longer."""
    refresh(db, 1, Report(calls=1, blocked_until=later(30)))
    assert told(db) == [(ORDERED, "the ERP ordered a wait", 1, 30)]
    refresh(db, 2, Report(calls=1, blocked_until=later(50)))
    assert told(db) == [(ORDERED, "the ERP ordered a wait", 1, 50)]
    assert (standing(db, 49), standing(db, 51)) == ([ORDERED], [])
    refresh(db, 300)
    assert told(db) == [(ORDERED, "the ERP ordered a wait", 1, 50)]


def test_budget_is_kept(db: Database) -> None:
    """With the calls of the hour used up it stands until the hour is over, or until the limit is raised."""
    refresh(db, 0, Report(calls=99), hourly=100)
    assert told(db) == []
    refresh(db, 10, Report(calls=1), hourly=100)
    refresh(db, 11, hourly=100, worker="w1")
    assert told(db) == [(BUDGET, "the calls of the hour are used up", 10, 3_600)]
    refresh(db, 20, hourly=200)
    assert told(db) == [(BUDGET, "the calls of the hour are used up", 10, 20)]


def test_reasons_take_turns(db: Database) -> None:
    """When the reason changes one stretch ends where the next begins: there is one at a time."""
    refresh(db, 1, DOWN)
    pause(db, "ops", 2)
    refresh(db, 3)
    pause(db, None, 4)
    refresh(db, 5, Report(calls=1, oks=1, blocked_until=later(8)))
    assert told(db) == [(BROKEN, "answers 503", 1, 3), (PAUSED, "paused by ops", 3, 4), (ORDERED, "the ERP ordered a wait", 5, 8)]
    assert [each[0] for each in told(db, 3.5, 5)] == [PAUSED]
    assert [each[0] for each in told(db, 2, 3.5)] == [BROKEN, PAUSED]


def test_ordinary_refresh_asks_nothing(db: Database) -> None:
    """A connection that may start calls costs no statement more; one that stands reads what is written, and writes nothing."""
    refresh(db, 0)
    assert statements(db, 1, FINE) == []
    statements(db, 2, DOWN)
    (only,) = statements(db, 3)
    assert only.startswith("SELECT")


def test_old_ones_go(db: Database) -> None:
    """They are kept as long as jobs; what still lasts stays."""
    keep = pruning.Keep(timedelta(days=90), timedelta(days=14), timedelta(days=30))
    refresh(db, 1, DOWN)
    refresh(db, 5, FINE)
    pause(db, "ops", 6)
    refresh(db, 7)
    pruning.prune(db, keep, NOW + timedelta(days=89), lambda: True)
    assert len(told(db)) == 2
    pruning.prune(db, keep, NOW + timedelta(days=91), lambda: True)
    assert told(db) == [(PAUSED, "paused by ops", 7, None)]
