"""Pages of a selection that can't be read: asked for again, and not for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from worker.errors import BadAnswer, CallError, KitrelayError, LedgerUnavailable
from worker.handling import Page
from worker.jobs import batches
from worker.jobs.model import Lane
from worker.jobs.states import BatchState
from worker.planning import AGAIN, FEW, Planner

if TYPE_CHECKING:
    from worker.jobs.engine import Database
    from worker.jobs.model import Batch

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
LANE = Lane("acme", "visma")


class Pages:
    """Fails so often, then ends."""

    def __init__(self, *errors: KitrelayError) -> None:
        self.errors = list(errors)
        self.asked = 0
        self.planned: list[object] = []

    def plan(self, batch: Batch) -> Page:
        """A page, or its error."""
        self.asked += 1
        self.planned.append(batch.planned)
        if self.errors:
            raise self.errors.pop(0)
        return Page([], {}, last=True)


def plan(db: Database, pages: Pages, most: int = 50) -> Batch:
    """The batch when it is planned, each page asked for by a lane that has just begun, as soon as it may."""
    made = opened(db)
    for turn in range(most):
        if step(db, pages, NOW + turn * timedelta(seconds=AGAIN)) is None:
            break
    with db.write() as connection:
        return batches.find(db, connection, made)


def opened(db: Database) -> str:
    """A batch that is to be planned."""
    with db.write() as connection:
        new = batches.NewBatch("acme", "visma", "release_kit_assembly", "many", {"status": "B"})
        return batches.open_batch(connection, new, "ops", NOW).id


def step(db: Database, pages: Pages, now: datetime) -> str | None:
    """The batch of which a lane that has just begun asks for a page, if it does."""
    planner = Planner(db, LANE, pages, lambda: now)  # type: ignore[arg-type] # it only plans
    with db.read() as connection:
        batch = planner.next(connection)
    if batch is None:
        return None
    write = planner.read(batch)
    with db.write() as connection:
        write(connection)
    return batch.id


def test_unreadable_for_good(db: Database) -> None:
    """A page that can never be understood ends the selection with its reason, even if every lane begins anew."""
    pages = Pages(*(BadAnswer("a kit without its code") for _ in range(100)))

    batch = plan(db, pages)

    assert (batch.state, pages.asked) == (BatchState.CANCELLED, FEW)


def test_unreadable_for_now(db: Database) -> None:
    """One garbled answer ends nothing, and the page is asked for as at first."""
    pages = Pages(BadAnswer("<html>"))

    batch = plan(db, pages)

    assert (batch.state, pages.planned) == (BatchState.SUCCEEDED, [{}, {}])


def test_away(db: Database) -> None:
    """An ERP that is away is waited for."""
    pages = Pages(*(CallError("no answer", error_class="unavailable") for _ in range(20)))

    batch = plan(db, pages)

    assert (batch.state, pages.asked) == (BatchState.SUCCEEDED, 21)


def test_ledger_away(db: Database) -> None:
    """A ledger that was away while a page was kept in it ends no selection."""
    pages = Pages(LedgerUnavailable("away"))

    batch = plan(db, pages)

    assert (batch.state, pages.asked) == (BatchState.SUCCEEDED, 2)


def test_put_off(db: Database) -> None:
    """A page that could not be read is not asked for again at once, also by a lane that has just begun; other selections go on."""
    pages = Pages(CallError("no answer", error_class="timeout"))
    first, second = opened(db), opened(db)

    asked = [step(db, pages, NOW + timedelta(seconds=seconds)) for seconds in (0, 1, AGAIN - 1, AGAIN)]

    assert asked == [first, second, None, first]


def test_clock_set_back(db: Database) -> None:
    """A clock that is set back by an hour puts nothing off for an hour."""
    first = opened(db)
    step(db, Pages(CallError("no answer", error_class="timeout")), NOW)

    assert step(db, Pages(), NOW - timedelta(hours=1)) == first
