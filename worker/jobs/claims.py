"""Claims: which due jobs a worker may start now, taken with a lease and a fencing token.

Fair between batches: each batch that has due work gives its next job in turn; single jobs count as one batch. Higher priority goes first.
A job whose document is held by another job, or is wanted by an earlier due one, is passed over.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, Final

from sqlalchemy import and_, exists, func, literal, or_, select, update

from worker.jobs.rows import job_of
from worker.jobs.states import HOLDS_DOCUMENT, BatchState, State
from worker.jobs.tables import Moment, batches, in_state, jobs, moves

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, Select

    from worker.jobs.model import Job, Lane

MOST_GROUPS: Final = 200
"""How many running batches of a lane take part in one claim; the rest have their turn when these have no due work."""


def claim(connection: Connection, lane: Lane, worker: str, now: datetime, lease_until: datetime, count: int) -> list[Job]:
    """Take up to `count` due jobs of the lane for `worker`; they are `running` when this returns. Call it in a write transaction."""
    if count <= 0:
        return []
    active = _running_batches(connection, lane)
    groups = [_candidates(connection, lane, group, active, now, count) for group in (None, *active)]
    chosen = _without_shared_documents(_fair(groups))[:count]
    if not chosen:
        return []
    taken = [_taken(job, worker, now, lease_until) for job in chosen]
    _write(connection, chosen, taken, now)
    return taken


def waiting(connection: Connection, lane: Lane, now: datetime, most: int) -> list[Job]:
    """The lane's waiting jobs that are due for a look, oldest due first."""
    statement = (
        select(jobs)
        .where(jobs.c.tenant == lane.tenant, jobs.c.erp == lane.erp, in_state(State.WAITING), jobs.c.due_at <= now)
        .order_by(jobs.c.due_at)
        .limit(most)
    )
    return [job_of(row) for row in connection.execute(statement)]


def requeue_due(connection: Connection, lane: Lane, now: datetime) -> int:
    """Jobs of the lane whose backoff is over become queued; how many."""
    due = and_(jobs.c.tenant == lane.tenant, jobs.c.erp == lane.erp, in_state(State.RETRYING), jobs.c.due_at <= now)
    ids = list(connection.execute(select(jobs.c.id).where(due).limit(1000)).scalars())
    if not ids:
        return 0
    connection.execute(update(jobs).where(jobs.c.id.in_(ids), jobs.c.state == State.RETRYING).values(state=State.QUEUED.value))
    lines = [
        {
            "job": each,
            "at": now,
            "origin": State.RETRYING.value,
            "target": State.QUEUED.value,
            "cause": "its wait is over",
            "by": "kitrelay",
        }
        for each in ids
    ]
    connection.execute(moves.insert(), lines)
    return len(ids)


def _running_batches(connection: Connection, lane: Lane) -> list[str]:
    statement = (
        select(batches.c.id)
        .where(batches.c.tenant == lane.tenant, batches.c.erp == lane.erp, batches.c.state == BatchState.RUNNING)
        .order_by(batches.c.id)
        .limit(MOST_GROUPS)
    )
    return list(connection.execute(statement).scalars())


def _candidates(connection: Connection, lane: Lane, group: str | None, active: Sequence[str], now: datetime, count: int) -> list[Job]:
    statement: Select[tuple[object, ...]] = (
        select(jobs)
        .where(
            jobs.c.tenant == lane.tenant,
            jobs.c.erp == lane.erp,
            in_state(State.QUEUED),
            jobs.c.batch.is_(None) if group is None else jobs.c.batch == group,
            jobs.c.due_at <= now,
            or_(jobs.c.subject.is_(None), ~_document_taken(active, now)),
        )
        .order_by(jobs.c.priority.desc(), jobs.c.due_at, jobs.c.id)
        .limit(count)
    )
    return [job_of(row) for row in connection.execute(statement)]


def _document_taken(active: Sequence[str], now: datetime) -> ColumnElement[bool]:
    other = jobs.alias("other")
    earlier = and_(
        other.c.state.in_([State.QUEUED.value, State.RETRYING.value]),
        other.c.due_at <= now,
        other.c.id < jobs.c.id,
        or_(other.c.batch.is_(None), other.c.batch.in_(active)),  # a paused batch holds up no one
    )
    held = other.c.state.in_([state.value for state in sorted(HOLDS_DOCUMENT)])
    return exists().where(other.c.tenant == jobs.c.tenant, other.c.subject == jobs.c.subject, other.c.id != jobs.c.id, or_(held, earlier))


def _fair(groups: Sequence[Sequence[Job]]) -> list[Job]:
    """One of each group in turn, higher priority first."""
    turns = [job for job in chain.from_iterable(zip_longest(*groups)) if job is not None]
    return sorted(turns, key=lambda job: -job.priority)


def _without_shared_documents(candidates: Sequence[Job]) -> list[Job]:
    seen: set[str] = set()
    chosen = []
    for job in candidates:
        if job.subject is not None and job.subject in seen:
            continue
        if job.subject is not None:
            seen.add(job.subject)
        chosen.append(job)
    return chosen


def _taken(job: Job, worker: str, now: datetime, lease_until: datetime) -> Job:
    return replace(
        job,
        state=State.RUNNING,
        owner=worker,
        fence=job.fence + 1,
        starts=job.starts + 1,
        lease_until=lease_until,
        claimed_at=now,
        started_at=job.started_at or now,
    )


def _write(connection: Connection, chosen: Sequence[Job], taken: Sequence[Job], now: datetime) -> None:
    owner, lease_until = taken[0].owner, taken[0].lease_until
    connection.execute(
        update(jobs)
        .where(jobs.c.id.in_([job.id for job in chosen]))
        .values(
            state=State.RUNNING.value,
            owner=owner,
            fence=jobs.c.fence + 1,
            starts=jobs.c.starts + 1,
            lease_until=lease_until,
            claimed_at=now,
            started_at=_first(now),
        )
    )
    lines = [
        {"job": job.id, "at": now, "origin": State.QUEUED.value, "target": State.RUNNING.value, "cause": "started", "by": f"worker {owner}"}
        for job in chosen
    ]
    connection.execute(moves.insert(), lines)


def _first(now: datetime) -> ColumnElement[datetime]:
    return func.coalesce(jobs.c.started_at, literal(now, Moment()))
