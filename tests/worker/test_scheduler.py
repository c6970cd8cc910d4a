"""The sweep: which lanes are rung, and what is put in order on the way."""

from __future__ import annotations

from dataclasses import replace
from threading import Event, Thread
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from tests.worker.jobs.acting import LANE, NOW, batch_now, claim, later, make, make_batch, read, settle, turned, wanted
from worker.errors import LedgerUnavailable
from worker.jobs import actions, arrivals, batches, fleet, verdicts
from worker.jobs.arrivals import Arrival
from worker.jobs.batches import NewBatch
from worker.jobs.model import JobError, Lane
from worker.jobs.search import JobFilter
from worker.jobs.states import BatchState, State
from worker.jobs.tables import delivery_keys
from worker.scheduler import Scheduler, lanes_with_work
from worker.settings import Intacct, Secret, Settings, Tenant, Visma

if TYPE_CHECKING:
    from datetime import datetime

    import pytest

    from worker.jobs.engine import Database

VISMA = Visma("https://visma.example", "https://visma.example/token", "c", Secret("s"), "t")
INTACCT = Intacct("https://intacct.example", "c", Secret("s"), "u")
SETTINGS = Settings(tenants={"acme": Tenant("acme", VISMA, None, INTACCT), "other": Tenant("other", VISMA)})
LANES = [LANE, Lane("acme", "intacct"), Lane("other", "visma")]


class Chimes:
    """A bell that remembers."""

    def __init__(self) -> None:
        self.lanes: list[Lane] = []

    def ring(self, lane: Lane) -> None:
        """Remember."""
        self.lanes.append(lane)

    def plan(self, batch_id: str) -> None:
        """Nobody asks."""

    def close(self, timeout: float = 2.0) -> None:
        """Nothing."""


def with_work(db: Database, seconds: float = 0) -> list[Lane]:
    """The lanes that would be rung."""
    with db.read() as connection:
        return list(lanes_with_work(connection, LANES, later(seconds)))


def sweep(db: Database, seconds: float = 0) -> list[Lane]:
    """One round; the lanes that were rung."""
    chimes = Chimes()
    Scheduler(SETTINGS, db, chimes, lambda: later(seconds)).sweep()
    return chimes.lanes


def test_idle_is_silent(db: Database) -> None:
    """Where there is nothing to do nobody is woken."""
    assert sweep(db) == []


def test_due_single(db: Database) -> None:
    """A single job that is due rings its own lane, and not before its time."""
    make(db, wanted(1, run_at=later(60)), replace(wanted(2, run_at=later(90)), erp="intacct"))
    assert [sweep(db, seconds) for seconds in (59, 60, 90)] == [[], LANES[:1], LANES[:2]]


def test_due_in_batch(db: Database) -> None:
    """A running batch rings; a paused one does not, nor one that was cancelled."""
    batch = make_batch(db, wanted(1))
    assert with_work(db) == [LANE]
    turned(db, batch, "pause")
    assert with_work(db) == []
    turned(db, batch, "resume")
    assert with_work(db) == [LANE]
    turned(db, batch, "cancel")
    assert with_work(db) == []


def test_backoff_over(db: Database) -> None:
    """A job whose backoff is over rings."""
    make(db)
    (job,) = claim(db)
    settle(db, job, verdicts.retry(JobError("unavailable", "down"), ordered=60))
    assert [with_work(db, seconds) for seconds in (59, 61)] == [[], [LANE]]


def test_look_due(db: Database) -> None:
    """A waiting job that is due for a look rings, also in a paused batch: what the ERP has is followed."""
    batch = make_batch(db, wanted(1))
    (job,) = claim(db)
    settle(db, job, verdicts.accepted("taken", wait=60))
    turned(db, batch, "pause")
    assert [with_work(db, seconds) for seconds in (59, 60)] == [[], [LANE]]


def test_selection_to_plan(db: Database) -> None:
    """A batch whose documents are still to be looked for rings; one whose jobs are being sent does not."""
    for tenant, what in (("acme", {"status": "B"}), ("other", None)):
        with db.write() as connection:
            batches.open_batch(connection, NewBatch(tenant, "visma", "release_kit_assembly", "n", what), "ops", NOW)
    assert with_work(db) == [LANE]


def test_running_is_no_work(db: Database) -> None:
    """What a worker has needs no ring."""
    make(db)
    claim(db)
    assert with_work(db) == []


def test_unknown_tenants_are_left(db: Database) -> None:
    """Work of a tenant that the settings no longer know rings nobody."""
    make(db, wanted(1, tenant="gone"))
    assert sweep(db) == []


def test_dead_workers_jobs_ring(db: Database) -> None:
    """The job of a dead worker is freed and its lane rung in one round."""
    with db.write() as connection:
        fleet.enlist(connection, "w", "host:1", "worker", NOW)
    make(db)
    (job,) = claim(db, worker="w")
    assert sweep(db, 11) == []
    assert sweep(db, 13) == [LANE]
    assert read(db, job).state is State.WAITING


def test_cancelled_batch_is_swept(db: Database) -> None:
    """All jobs of a cancelled batch that had not started are cancelled in one round, however many chunks they are."""
    batch = make_batch(db, *(wanted(n) for n in range(batches.CHUNK + 5)))
    turned(db, batch, "cancel")
    sweep(db)
    with db.read() as connection:
        found = batches.counts(connection, batch.id)
    assert found["cancelled"] == batches.CHUNK + 5


def test_done_batch_is_closed(db: Database) -> None:
    """A batch whose last job is over is closed, and an abandoned one ended."""
    batch = make_batch(db, wanted(1))
    (job,) = claim(db)
    settle(db, job, verdicts.done("seen"))
    with db.write() as connection:
        left = batches.open_batch(connection, NewBatch("acme", "visma", "release_kit_assembly", "n"), "ops", NOW)
    sweep(db, 601)
    assert batch_now(db, batch).state is BatchState.SUCCEEDED
    assert batch_now(db, left).state is BatchState.CANCELLED


def test_old_keys_are_dropped(db: Database) -> None:
    """Keys of deliveries that are over are dropped on the way."""
    with db.write() as connection:
        arrivals.store(db, connection, [Arrival("acme", "visma", "t", {}, "", "k", "visma")], NOW)
    sweep(db, 8 * 86_400)
    with db.read() as connection:
        assert connection.execute(select(func.count()).select_from(delivery_keys)).scalar() == 0


def test_two_sweepers_do_no_harm(db: Database) -> None:
    """Two schedulers at once free a job once and sweep a batch once."""
    make(db, wanted(1))
    (job,) = claim(db, worker="dead")
    batch = make_batch(db, *(wanted(n) for n in range(10, 60)))
    turned(db, batch, "cancel")
    threads = [Thread(target=sweep, args=(db, 20)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert read(db, job).deaths == 1
    with db.read() as connection:
        assert batches.counts(connection, batch.id)["cancelled"] == 50


def test_away_ledger_is_waited_for(sqlite_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sweeper whose ledger is away goes on when it is back, and ends when told."""
    stop, rounds = Event(), []

    def clock() -> datetime:
        rounds.append(1)
        if len(rounds) > 1:
            stop.set()
            return NOW
        message = "away"
        raise LedgerUnavailable(message)

    monkeypatch.setattr("worker.scheduler.EVERY", 0.01)
    Scheduler(SETTINGS, sqlite_db, Chimes(), clock).run(stop)
    assert len(rounds) == 2


def test_actions_are_carried_out(db: Database) -> None:
    """What somebody does to many jobs is done in the next round, and what it makes due is rung for."""
    (job,) = make(db, wanted(1))
    settle(db, claim(db)[0], verdicts.failed(JobError("validation", "no stock", 400)))
    actions.begin(db, "replay", JobFilter(state=("failed",)), "ops", later(1))

    rung = sweep(db, 2)

    assert rung == [LANE]
    assert read(db, job.id).state is State.QUEUED
    with db.read() as connection:
        assert actions.running(connection) == []
