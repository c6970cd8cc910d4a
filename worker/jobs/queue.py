"""The one door to the queue: enqueue, replay, cancel, discard. Every action of a person is on the job's timeline."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import orjson
from sqlalchemy import and_, delete, insert, select

from worker.errors import Conflict, NotFound
from worker.jobs import acts
from worker.jobs.changes import Change, apply
from worker.jobs.reopening import reopen
from worker.jobs.rows import job_of
from worker.jobs.states import OPEN, State
from worker.jobs.tables import idempotency_keys, jobs
from worker.jobs.uniques import make_unique, superseded

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from worker.jobs.engine import Database
    from worker.jobs.model import Job
    from worker.jobs.verdicts import NewJob

IDEMPOTENCY_LIFE: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Enqueued:
    """A job, and whether it was there before: by its `unique_key`."""

    job: Job
    duplicate: bool


def enqueue(db: Database, connection: Connection, new: NewJob, made_by: str, now: datetime) -> Enqueued:
    """Make the job, or give the one there is with the same unique key (open, or made in the last 24 hours).

    Call it in a write transaction.
    """
    (made,) = make_unique(db, connection, [new], made_by, now)
    return Enqueued(find(connection, made.job), made.duplicate)


def digest_of(body: Any) -> str:  # noqa: ANN401 - JSON value
    """What two equal requests have in common, however their keys are ordered."""
    return hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()


def reserve(db: Database, connection: Connection, owner: str, key: str, digest: str, now: datetime) -> str | None:
    """Take an idempotency key for the body with this digest.

    Returns the id that was made under it before, or None when it is new: then call `keep` in the same transaction. Raises `Conflict` for
    another body.
    """
    mine = and_(idempotency_keys.c.owner == owner, idempotency_keys.c.key == key)
    db.serialise(connection, f"request/{owner}/{key}")
    connection.execute(delete(idempotency_keys).where(mine, idempotency_keys.c.expires_at < now))
    row = connection.execute(select(idempotency_keys).where(mine)).one_or_none()
    if row is None:
        return None
    if row.digest != digest:
        raise Conflict("this Idempotency-Key was used for another body")
    made: str = row.made
    return made


def keep(connection: Connection, owner: str, key: str, digest: str, made: str, now: datetime) -> None:
    """Remember what was made under an idempotency key."""
    connection.execute(insert(idempotency_keys).values(owner=owner, key=key, digest=digest, made=made, expires_at=now + IDEMPOTENCY_LIFE))


def release(connection: Connection, owner: str, key: str) -> None:
    """Give an idempotency key back: what was to be made under it was not."""
    connection.execute(delete(idempotency_keys).where(idempotency_keys.c.owner == owner, idempotency_keys.c.key == key))


def find(connection: Connection, job_id: str) -> Job:
    """The job, or `NotFound`."""
    row = connection.execute(select(jobs).where(jobs.c.id == job_id)).one_or_none()
    if row is None:
        raise NotFound(f"there is no job {job_id}")
    return job_of(row)


def replay(db: Database, connection: Connection, job: Job, by: str, now: datetime, edited: NewJob | None = None) -> Job:
    """The same job again, with its history; `edited` holds corrected arguments. Raises `Conflict` unless failed or cancelled.

    Call it by `reopening`: the job may be of a cancelled batch, of which much is still to be swept.
    """
    then, cause = replayed(job, now)
    if (other := superseded(db, connection, [job]).get(job.id)) is not None:
        raise Conflict(f"job {other} has its unique key now: to replay this one, too, would do the same twice")
    if edited is not None:
        then = replace(then, erp=edited.erp, arguments=edited.arguments, reference=edited.reference, subject=edited.subject)
        cause = f"{cause} with edited arguments"
    if job.batch is not None:
        reopen(connection, [job.batch], now)
    again = _moved(db, connection, job, then, cause, by, now)
    if again.arguments != job.arguments:
        acts.record(connection, by, job.tenant, "job.edited", job.id, job.arguments, again.arguments, now)
    return again


def cancel(db: Database, connection: Connection, job: Job, by: str, now: datetime) -> Job:
    """Stop an open job that no worker has. Raises `Conflict` otherwise."""
    return _moved(db, connection, job, *cancelled(job, now), by, now)


def discard(db: Database, connection: Connection, job: Job, by: str, now: datetime) -> Job:
    """Give a failed job up for good. Raises `Conflict` otherwise."""
    return _moved(db, connection, job, *discarded(job, now), by, now)


def replayed(job: Job, now: datetime) -> tuple[Job, str]:
    """The job as a replay makes it, and the cause; attempts start anew. Its batch must be opened again in the same transaction."""
    if job.state not in {State.FAILED, State.CANCELLED}:
        raise Conflict(f"a {job.state} job can't be replayed")
    look_first = bool(job.progress.get("sent_at"))
    past = [*job.progress.get("past", ()), *([job.erp_id] if job.erp_id else [])]
    decided = {"decided": True} if job.error is not None and job.error.error_class == "in_doubt" else {}  # a person has looked
    then = replace(
        job,
        state=State.QUEUED,
        attempt=0,
        deaths=0,
        due_at=now,
        finished_at=None,
        error=None,
        result=None,
        erp_id=None,
        closed_by=None,
        closed_at=None,
        progress={"look_first": look_first, "sent_at": job.progress.get("sent_at"), "past": past[-8:], **decided},
    )
    return then, "replayed"


def cancelled(job: Job, now: datetime) -> tuple[Job, str]:
    """The job as a cancel makes it, and the cause: one that the ERP has taken is followed no more, and its timeline says so."""
    if job.state not in OPEN or job.state is State.RUNNING:
        raise Conflict(f"a {job.state} job can't be cancelled" + (": a worker is at it now" if job.state is State.RUNNING else ""))
    cause = "cancelled; the ERP had taken it and may still carry it out" if job.state is State.WAITING else "cancelled"
    return replace(job, state=State.CANCELLED, finished_at=now, fence=job.fence + 1), cause


def discarded(job: Job, now: datetime) -> tuple[Job, str]:
    """The job as a discard makes it, and the cause."""
    if job.state is not State.FAILED:
        raise Conflict(f"a {job.state} job can't be discarded: only a failed one can")
    return replace(job, state=State.CANCELLED, finished_at=now, closed_by=None, closed_at=None), "discarded"


def _moved(db: Database, connection: Connection, job: Job, then: Job, cause: str, by: str, now: datetime) -> Job:
    kept = apply(db, connection, [Change(job, then, cause, by)], now)
    if not kept:
        raise Conflict("the job moved on in the meantime: look again")
    return kept[0].after
