"""The workers: who beats, who is dead, and what happens to the jobs of the dead."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import and_, delete, exists, insert, or_, select, update

from worker.jobs.changes import Change, apply
from worker.jobs.model import Attempt, JobError
from worker.jobs.rows import job_of
from worker.jobs.states import State
from worker.jobs.tables import holdings, jobs, workers

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from worker.jobs.engine import Database
    from worker.jobs.model import Job

MOST_DEATHS: Final = 3
"""A job that killed its worker so often is set aside."""

LINGER: Final = timedelta(seconds=3)
"""How long a dead worker's slots stay taken: the ERP may still be at its last calls."""

_REAPED: Final = 500


@dataclass(frozen=True, slots=True)
class Process:
    """A worker or a scheduler that is alive. `place` names machine and process, or the supervisor's child."""

    role: str
    place: str
    started_at: datetime
    beat_at: datetime


def enlist(connection: Connection, worker: str, place: str, role: str, now: datetime) -> None:
    """A process starts. Earlier ones of the same place (the same supervisor's child) are dead, and their slots are free shortly."""
    same = and_(workers.c.place == place, workers.c.role == role, workers.c.id != worker)
    old = list(connection.execute(select(workers.c.id).where(same, ~workers.c.buried)).scalars())
    if old:
        connection.execute(update(workers).where(workers.c.id.in_(old)).values(buried=True))
        connection.execute(update(holdings).where(holdings.c.worker.in_(old), holdings.c.until > now + LINGER).values(until=now + LINGER))
    connection.execute(delete(workers).where(workers.c.id == worker))
    connection.execute(insert(workers).values(id=worker, place=place, role=role, started_at=now, beat_at=now, buried=False))


def beat(connection: Connection, worker: str, now: datetime, holding_until: datetime) -> bool:
    """The process is alive; its slots stay its own until `holding_until`. False if it was taken for dead: it must enlist anew."""
    alive = connection.execute(update(workers).where(workers.c.id == worker, ~workers.c.buried).values(beat_at=now)).rowcount
    connection.execute(update(holdings).where(holdings.c.worker == worker).values(until=holding_until))
    return bool(alive)


def discharge(connection: Connection, worker: str) -> None:
    """The process ends in order: its slots are free at once."""
    connection.execute(delete(holdings).where(holdings.c.worker == worker))
    connection.execute(delete(workers).where(workers.c.id == worker))


def alive(connection: Connection, role: str, since: datetime) -> int:
    """How many processes of the role have beaten since then."""
    statement = select(workers.c.id).where(workers.c.role == role, ~workers.c.buried, workers.c.beat_at >= since)
    return len(connection.execute(statement).all())


def crew(connection: Connection, since: datetime) -> list[Process]:
    """The processes that have beaten since then, by role, the oldest first."""
    statement = select(workers).where(~workers.c.buried, workers.c.beat_at >= since).order_by(workers.c.role, workers.c.started_at)
    return [Process(row.role, row.place, row.started_at, row.beat_at) for row in connection.execute(statement)]


def reap(db: Database, connection: Connection, now: datetime, dead_after: float) -> list[Job]:
    """Free the jobs whose worker is dead or whose lease is over; give them back as they are now.

    Whether their call reached the ERP is unknown, so they wait to be looked at; a job that has done so three times is set aside.
    """
    silent = now - timedelta(seconds=dead_after)
    living = exists().where(workers.c.id == jobs.c.owner, ~workers.c.buried, workers.c.beat_at >= silent)
    lost = (
        select(jobs).where(jobs.c.owner.is_not(None), jobs.c.state == State.RUNNING, or_(~living, jobs.c.lease_until < now)).limit(_REAPED)
    )
    found = [job_of(row) for row in connection.execute(lost)]
    changes = [_freed(job, now) for job in found]
    _forget_workers(connection, silent, now)
    return [change.after for change in apply(db, connection, changes, now)]


def _freed(job: Job, now: datetime) -> Change:
    deaths = job.deaths + 1
    cause = f"worker {job.owner} stopped in the middle of it"
    spent = deaths >= MOST_DEATHS
    error = JobError("poison", f"it ended its worker {deaths} times", None) if spent else JobError("in_doubt", cause, None)
    then = replace(
        job,
        state=State.FAILED if spent else State.WAITING,
        deaths=deaths,
        attempt=job.attempt + 1,
        fence=job.fence + 1,
        owner=None,
        lease_until=None,
        due_at=now,
        finished_at=now if spent else None,
        error=error,
        progress={**job.progress, "doubt": True, "sent_at": (job.claimed_at or now).timestamp(), "stopped_at": now.timestamp(), "looks": 0},
    )
    attempt = Attempt(job.starts, job.claimed_at or now, now, cause)
    return Change(job, then, cause, "kitrelay", attempt)


def _forget_workers(connection: Connection, silent: datetime, now: datetime) -> None:
    connection.execute(delete(holdings).where(holdings.c.until < now))
    connection.execute(delete(workers).where(or_(workers.c.buried, workers.c.beat_at < silent - timedelta(hours=1))))
