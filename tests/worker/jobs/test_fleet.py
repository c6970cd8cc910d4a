"""The workers: who beats, who is dead, and what becomes of the jobs of the dead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from tests.worker.jobs.acting import LANE, LEASE, NOW, claim, later, make, moves_of, read, settle, wanted, whole
from worker.connections import Limits, Report
from worker.jobs import fleet, limits, search, verdicts
from worker.jobs.model import JobError
from worker.jobs.states import State
from worker.jobs.tables import holdings, workers

if TYPE_CHECKING:
    from worker.jobs.engine import Database
    from worker.jobs.model import Job

DEAD_AFTER = 12.0


def enlist(db: Database, worker: str, place: str = "host:1", seconds: float = 0) -> None:
    """A worker starts."""
    with db.write() as connection:
        fleet.enlist(connection, worker, place, "worker", later(seconds))


def beat(db: Database, worker: str, seconds: float) -> bool:
    """It beats."""
    with db.write() as connection:
        return fleet.beat(connection, worker, later(seconds), later(seconds + DEAD_AFTER))


def reap(db: Database, seconds: float) -> list[Job]:
    """A sweep looks for the dead."""
    with db.write() as connection:
        return fleet.reap(db, connection, later(seconds), DEAD_AFTER)


def alive(db: Database, seconds: float) -> int:
    """How many workers are there."""
    with db.read() as connection:
        return fleet.alive(connection, "worker", later(seconds - DEAD_AFTER))


def hold(db: Database, worker: str, seconds: float = 0) -> int:
    """Take a share of four slots; how many it is."""
    with db.write() as connection:
        share = limits.refresh(db, connection, LANE, worker, Limits(4), Report(), later(seconds), later(seconds + DEAD_AFTER), 0)
        return share.slots


def slots(db: Database, seconds: float) -> int:
    """Slots that are taken."""
    with db.read() as connection:
        return limits.slots_in_use(connection, LANE, later(seconds))


def test_living_keep_jobs(db: Database) -> None:
    """While a worker beats and its lease lasts, its jobs are its own."""
    enlist(db, "w")
    make(db)
    (job,) = claim(db, worker="w")
    assert beat(db, "w", 80)
    assert reap(db, 85) == []
    assert read(db, job) == job


def test_silent_workers_job_waits(db: Database) -> None:
    """Whether a dead worker's call reached the ERP nobody knows: its job waits, in doubt, to be looked at at once."""
    enlist(db, "w")
    make(db)
    (job,) = claim(db, worker="w")
    (freed,) = reap(db, 13)
    assert freed == read(db, job)
    assert (freed.state, freed.due_at, freed.owner, freed.lease_until, freed.finished_at) == (State.WAITING, later(13), None, None, None)
    assert (freed.attempt, freed.deaths, freed.fence) == (1, 1, job.fence + 1)
    assert freed.error == JobError("in_doubt", "worker w stopped in the middle of it")
    assert freed.progress == {"doubt": True, "sent_at": NOW.timestamp(), "stopped_at": later(13).timestamp(), "looks": 0}
    assert whole(moves_of(db, job), State.WAITING)
    with db.read() as connection:
        (attempt,) = search.history(connection, job)
    assert (attempt.number, attempt.started_at, attempt.ended_at) == (1, NOW, later(13))


def test_unknown_owner_is_dead(db: Database) -> None:
    """A job whose worker is in no list is freed."""
    make(db)
    claim(db, worker="stranger")
    assert [job.state for job in reap(db, 1)] == [State.WAITING]


def test_lease_over(db: Database) -> None:
    """A worker that beats but sits on a job past its lease loses the job."""
    enlist(db, "w")
    make(db)
    claim(db, worker="w")
    over = LEASE.total_seconds() + 1
    assert beat(db, "w", over)
    assert [job.state for job in reap(db, over)] == [State.WAITING]


def test_waiting_needs_no_worker(db: Database) -> None:
    """What the ERP has is not freed: nobody holds it."""
    enlist(db, "w")
    make(db)
    (job,) = claim(db, worker="w")
    settle(db, job, verdicts.accepted("taken", wait=600))
    assert reap(db, 500) == []


def test_reaped_once(db: Database) -> None:
    """Two schedulers that sweep count one death."""
    make(db)
    (job,) = claim(db, worker="w")
    assert len(reap(db, 13)) == 1
    assert reap(db, 13) == []
    assert read(db, job).deaths == 1


def test_three_deaths_poison(db: Database) -> None:
    """A job that ended its worker three times is set aside, whatever its attempts."""
    (made,) = make(db, wanted(max_attempts=50))
    for seconds in (0, 100, 200):
        (job,) = claim(db, worker="w", now=later(seconds))
        reap(db, seconds + 13)
        if seconds < 200:
            settle(db, read(db, job), verdicts.again("not done"), later(seconds + 14))
    job = read(db, made)
    assert (job.state, job.deaths, job.finished_at) == (State.FAILED, 3, later(213))
    assert job.error is not None
    assert job.error.error_class == "poison"
    assert whole(moves_of(db, made), State.FAILED)


def test_doubt_counts_one_attempt(db: Database) -> None:
    """A death is one failed start, also when the look after it finds that the job failed."""
    make(db)
    (job,) = claim(db, worker="w")
    (freed,) = reap(db, 13)
    settle(db, freed, verdicts.retry(JobError("unavailable", "Visma failed at it")), later(14))
    found = read(db, job)
    assert (found.state, found.attempt) == (State.RETRYING, 1)


def test_predecessor_is_buried(db: Database) -> None:
    """The next child of the same supervisor knows that the last one is dead: its jobs are free at once, its slots shortly."""
    enlist(db, "old")
    make(db)
    claim(db, worker="old")
    assert hold(db, "old") == 4
    enlist(db, "new", seconds=1)
    assert [job.state for job in reap(db, 1)] == [State.WAITING]
    assert slots(db, 2) == 4  # its last calls may still be under way
    assert slots(db, 5) == 0
    assert alive(db, 1) == 1


def test_other_places_live(db: Database) -> None:
    """A worker elsewhere, or a process of another role, buries nobody."""
    enlist(db, "one", "host:1")
    enlist(db, "two", "host:2")
    with db.write() as connection:
        fleet.enlist(connection, "sweeper", "host:1", "scheduler", NOW)
    assert alive(db, 0) == 2
    assert beat(db, "one", 1)


def test_buried_beats_in_vain(db: Database) -> None:
    """A process that was taken for dead hears of it at its next beat, and may enlist anew."""
    enlist(db, "old")
    enlist(db, "new")
    assert not beat(db, "old", 1)
    enlist(db, "old", "host:9", 1)
    assert beat(db, "old", 2)


def test_beat_holds_slots(db: Database) -> None:
    """While a worker beats, its slots stay its own; when it stops they are free within fifteen seconds."""
    enlist(db, "w")
    hold(db, "w")
    beat(db, "w", 10)
    assert slots(db, 20) == 4
    assert slots(db, 23) == 0


def test_discharge_frees_at_once(db: Database) -> None:
    """A process that ends in order leaves nothing behind."""
    enlist(db, "w")
    hold(db, "w")
    with db.write() as connection:
        fleet.discharge(connection, "w")
    assert (slots(db, 0), alive(db, 0)) == (0, 0)


def test_alive_counts_beats(db: Database) -> None:
    """A worker that stopped beating is not counted."""
    enlist(db, "one", "a")
    enlist(db, "two", "b")
    beat(db, "one", 20)
    assert alive(db, 21) == 1


def test_the_dead_are_forgotten(db: Database) -> None:
    """Rows of workers that are long gone, and of shares that lapsed, are dropped."""
    enlist(db, "w")
    hold(db, "w")
    reap(db, 4000)
    with db.read() as connection:
        assert connection.execute(select(workers)).all() == []
        assert connection.execute(select(holdings)).all() == []
