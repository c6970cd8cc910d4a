"""Questions to the ledger: lists by filter with a cursor, newest first, and a job with its history."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from worker.errors import NotFound
from worker.jobs.filters import JobFilter
from worker.jobs.lists import newest
from worker.jobs.model import Attempt, Exchange, Move
from worker.jobs.rows import batch_of, job_of, move_of
from worker.jobs.states import State
from worker.jobs.tables import attempts, batches, exchanges, jobs, moves

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from worker.jobs.model import Batch, Job

__all__ = ["JobFilter", "find_batch", "find_batches", "find_jobs", "history", "same_document", "timeline"]


def find_jobs(connection: Connection, wanted: JobFilter, limit: int, after: str | None = None) -> list[Job]:
    """Up to `limit` jobs, newest first, older than the job `after`."""
    return [job_of(row) for row in newest(connection, wanted, limit, after)]


def same_document(connection: Connection, job: Job, limit: int) -> list[Job]:
    """Up to `limit` other jobs on the same document or kit, of whatever kind, newest first."""
    if job.subject is None:
        return []
    here = (jobs.c.tenant == job.tenant, jobs.c.subject == job.subject, jobs.c.subject.is_not(None), jobs.c.id != job.id)
    newest_first = jobs.c.id.concat("").desc()  # so that the index of subjects is followed, not that of ids
    return [job_of(row) for row in connection.execute(select(jobs).where(*here).order_by(newest_first).limit(limit))]


def find_batches(
    connection: Connection, tenants: Sequence[str] | None, limit: int, after: str | None = None, state: str | None = None
) -> list[Batch]:
    """Up to `limit` batches of the tenants (None: all), newest first, older than the batch `after`."""
    statement = select(batches).order_by(batches.c.id.desc()).limit(limit)
    if tenants is not None:
        statement = statement.where(batches.c.tenant.in_(tenants))
    if after is not None:
        statement = statement.where(batches.c.id < after)
    if state is not None:
        statement = statement.where(batches.c.state == state)
    return [batch_of(row) for row in connection.execute(statement)]


def find_batch(connection: Connection, batch_id: str) -> Batch:
    """The batch as it is, not locked, or `NotFound`."""
    row = connection.execute(select(batches).where(batches.c.id == batch_id)).one_or_none()
    if row is None:
        raise NotFound(f"there is no batch {batch_id}")
    return batch_of(row)


def timeline(connection: Connection, job: Job) -> list[Move]:
    """Every move of the job, oldest first, beginning with its making."""
    made = Move(job.id, job.created_at, None, State.QUEUED, "made", job.made_by)
    rows = connection.execute(select(moves).where(moves.c.job == job.id).order_by(moves.c.id))
    return [made, *(move_of(row) for row in rows)]


def history(connection: Connection, job: Job) -> list[Attempt]:
    """Every start of the job with its calls, oldest first."""
    calls: dict[int, list[Exchange]] = {}
    for row in connection.execute(select(exchanges).where(exchanges.c.job == job.id).order_by(exchanges.c.id)):
        one = Exchange(row.at, row.method, row.url, row.status, row.ms, row.request, row.response, row.headers)
        calls.setdefault(row.attempt, []).append(one)
    tried: dict[int, Attempt] = {}
    for row in connection.execute(select(attempts).where(attempts.c.job == job.id).order_by(attempts.c.id)):
        first = tried.get(row.number)
        started = first.started_at if first else row.started_at
        tried[row.number] = Attempt(row.number, started, row.ended_at, row.outcome, tuple(calls.get(row.number, ())))
    return list(tried.values())
