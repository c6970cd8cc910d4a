"""Scheduled comparisons: begun when they are due, one at a time, by any number of schedulers; ended when their batch has its jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.worker.jobs.acting import NOW, later
from worker.jobs import batches
from worker.jobs.bell import Silence
from worker.jobs.search import find_batches
from worker.jobs.states import BatchState
from worker.kit_ledger.rounds import latest_round
from worker.scheduler import Scheduler
from worker.settings import Intacct, ItemPath, Secret, Settings, Sync, Tenant

if TYPE_CHECKING:
    from worker.jobs.engine import Database
    from worker.jobs.model import Batch

INTACCT = Intacct("https://intacct.example", "c", Secret("s"), "u@c")
ITEMPATH = ItemPath("https://itempath.example", token=Secret("t"))


def tenant_of(sync: Sync) -> Settings:
    """One tenant that syncs so."""
    return Settings(tenants={"acme": Tenant("acme", None, ITEMPATH, INTACCT, sync)})


EVERY_MINUTE = tenant_of(Sync(source="intacct", targets=("itempath",), compare_every=60.0))


def sweep(db: Database, seconds: float = 0.0, settings: Settings = EVERY_MINUTE) -> list[Batch]:
    """One round; all batches there are then, oldest first."""
    Scheduler(settings, db, Silence(), lambda: later(seconds)).sweep()
    with db.read() as connection:
        return find_batches(connection, None, 100)[::-1]


def planned(db: Database, batch: Batch, seconds: float) -> None:
    """The comparison found nothing."""
    with db.write() as connection:
        batches.start(connection, batch.id, later(seconds))
        batches.drop_empty(connection, batch.id)


def test_begun_when_due(db: Database) -> None:
    """A comparison is a batch of syncs that finds its jobs itself, in the source's lane; it is not begun twice."""
    first = sweep(db)
    second = sweep(db, 1.0)

    assert [(batch.erp, batch.kind, batch.state, batch.select) for batch in first] == [
        ("intacct", "sync_kit_lines", BatchState.PLANNING, {"all": True, "scheduled": True})
    ]
    assert second == first


def test_again_after_a_while(db: Database) -> None:
    """The next one is begun when its time has come and the last has ended; one that found nothing has left no batch."""
    (first,) = sweep(db)
    planned(db, first, 2.0)

    early = sweep(db, 30.0)
    due = sweep(db, 61.0)

    assert early == []
    assert [batch.id for batch in due] != [first.id]
    assert len(due) == 1


def test_never_two(db: Database) -> None:
    """While one is still being read no other begins, however late it is."""
    (first,) = sweep(db)

    assert [batch.id for batch in sweep(db, 600.0)] == [first.id]


def test_outcome_kept(db: Database) -> None:
    """How a comparison ended is kept: how many kits differed."""
    (first,) = sweep(db)
    planned(db, first, 2.0)
    sweep(db, 3.0)

    with db.read() as connection:
        last = latest_round(connection, "acme")

    assert last is not None
    assert (last.started_at, last.found, last.finished_at is not None) == (NOW, 0, True)


def test_turned_off(db: Database) -> None:
    """Without a source, or with `never`, nothing is compared."""
    assert sweep(db, settings=tenant_of(Sync())) == []
    assert sweep(db, settings=tenant_of(Sync(source="intacct", targets=("itempath",), compare_every=None))) == []
