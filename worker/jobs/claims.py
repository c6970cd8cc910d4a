"""Claims: which due jobs a worker may start now, taken with a lease and a fencing token.

Fair between batches: each batch that has due work gives its next job in turn, and lots are drawn for who begins; single jobs count
as one batch. Higher priority goes first.
A job whose document is held by another job, or is wanted by an earlier due one, is passed over.
"""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, bindparam, exists, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from worker.jobs.rows import job_of
from worker.jobs.states import HOLDS_DOCUMENT, BatchState, State
from worker.jobs.tables import Moment, batches, in_state, jobs, moves
from worker.settings import ERPS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, Select

    from worker.jobs.model import Job, Lane

MOST_GROUPS: Final = 200
"""How many running batches of a lane take part in one claim; the rest have their turn when these have no due work."""

_REQUEUED: Final = 1_000


def groups(connection: Connection, lane: Lane, now: datetime) -> list[str | None]:
    """What takes part in the lane's claims: its running batches that have due work, and None for the single jobs."""
    return [None, *connection.execute(_BATCHES, {"tenant": lane.tenant, "erp": lane.erp, "now": now}).scalars()]


def claim(connection: Connection, lane: Lane, worker: str, now: datetime, lease_until: datetime, count: int) -> list[Job]:
    """Take up to `count` due jobs of the lane for `worker`; they are `running` when this returns. Call it in a write transaction."""
    return claim_among(connection, lane, groups(connection, lane, now), worker, now, lease_until, count)[0]


def claim_among(
    connection: Connection, lane: Lane, among: Sequence[str | None], worker: str, now: datetime, lease_until: datetime, count: int
) -> tuple[list[Job], list[str | None]]:
    """The same for some of the lane's groups; also gives those with due work: the others may be left out until `groups` is asked again."""
    if count <= 0:
        return [], list(among)
    found = {group: _candidates(connection, lane, group, now, count) for group in among}
    chosen = _without_shared_documents(_fair(list(found.values())))[:count]
    busy = [group for group, candidates in found.items() if candidates]
    if not chosen:
        return [], busy
    return _take(connection, [_taken(job, worker, now, lease_until) for job in chosen], now), busy


def waiting(connection: Connection, lane: Lane, now: datetime, most: int) -> list[Job]:
    """The lane's waiting jobs that are due for a look, oldest due first."""
    return [job_of(row) for row in connection.execute(_WAITING, _given(lane, now, most))]


def requeue_due(connection: Connection, lane: Lane, now: datetime) -> int:
    """Jobs of the lane whose backoff is over become queued; how many."""
    found = list(connection.execute(_RETRYING, _given(lane, now, _REQUEUED)).scalars())
    ids = list(connection.execute(_REQUEUE, {"ids": found}).scalars()) if found else []  # one cancelled in the same moment stays so
    if not ids:
        return 0
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
    connection.execute(_MOVE, lines)
    return len(ids)


def _given(lane: Lane, now: datetime, count: int) -> dict[str, Any]:
    return {"tenant": lane.tenant, "erp": lane.erp, "now": now, "count": count}


def _candidates(connection: Connection, lane: Lane, group: str | None, now: datetime, count: int) -> list[Job]:
    statement = _SINGLES if group is None else _OF_BATCH
    given = {"tenant": lane.tenant, "erp": lane.erp, "group": group, "now": now, "count": count}
    return [job_of(row) for row in connection.execute(statement, given)]


def _fair(groups: Sequence[Sequence[Job]]) -> list[Job]:
    """One of each group in turn, higher priority first. Who begins is drawn by lot: with one slot free at a time, the first takes all."""
    drawn = random.sample(groups, len(groups))
    turns = [job for job in chain.from_iterable(zip_longest(*drawn)) if job is not None]
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


def _take(connection: Connection, wanted: Sequence[Job], now: datetime) -> list[Job]:
    """Those of them that nobody cancelled or took in the same moment."""
    owner, lease_until = wanted[0].owner, wanted[0].lease_until
    given = {"ids": [job.id for job in wanted], "worker": owner, "until": lease_until, "now": now}
    mine = _mine(connection, given)
    taken = [job for job in wanted if job.id in mine]
    lines = [
        {
            "job": job.id,
            "at": now,
            "origin": State.QUEUED.value,
            "target": State.RUNNING.value,
            "cause": "started",
            "by": f"worker {owner}",
            "due_at": job.due_at,
        }
        for job in taken
    ]
    if lines:
        connection.execute(_MOVE, lines)
    return taken


def _mine(connection: Connection, given: dict[str, Any]) -> set[str]:
    """Those that are ours now; none, where another lane took one of their documents in the same moment: the next round sees that."""
    if connection.dialect.name != "postgresql":
        return set(connection.execute(_TAKE, given).scalars())
    try:
        with connection.begin_nested():
            return set(connection.execute(_TAKE, given).scalars())
    except IntegrityError:
        return set()


def _document_taken() -> ColumnElement[bool]:
    """Another job holds the document, or an earlier due one wants it. One not yet due holds up no one, nor does one of a paused batch."""
    other = jobs.alias("other")
    may_start = or_(other.c.batch.is_(None), exists().where(batches.c.id == other.c.batch, batches.c.state == BatchState.RUNNING.value))
    wants = other.c.state.in_([State.QUEUED.value, State.RETRYING.value])
    earlier = and_(wants, other.c.due_at <= _NOW, other.c.id < jobs.c.id, may_start)
    held = other.c.state.in_([state.value for state in sorted(HOLDS_DOCUMENT)])
    return exists().where(other.c.tenant == jobs.c.tenant, other.c.subject == jobs.c.subject, other.c.id != jobs.c.id, or_(held, earlier))


def _due_in(group: ColumnElement[bool]) -> Select[Any]:
    return (
        select(jobs)
        .where(*_HERE, in_state(State.QUEUED), group, jobs.c.due_at <= _NOW, or_(jobs.c.subject.is_(None), ~_document_taken()))
        .order_by(jobs.c.priority.desc(), jobs.c.due_at, jobs.c.id)
        .limit(bindparam("count"))
    )


# The statements of every round are made once: to build one costs more than to run it.
_NOW: Final = bindparam("now", type_=Moment())
_HERE: Final = (jobs.c.tenant == bindparam("tenant"), jobs.c.erp == bindparam("erp"))
_SINGLES: Final = _due_in(jobs.c.batch.is_(None))
_OF_BATCH: Final = _due_in(
    and_(
        jobs.c.batch == bindparam("group"), exists().where(batches.c.id == bindparam("group"), batches.c.state == BatchState.RUNNING.value)
    )
)
_BATCHES: Final = (
    select(batches.c.id)
    .where(
        batches.c.tenant == bindparam("tenant"),
        batches.c.erp.in_(ERPS),  # a batch of syncs goes from one ERP to the next, job by job
        batches.c.state == BatchState.RUNNING.value,
        exists().where(*_HERE, in_state(State.QUEUED), jobs.c.batch == batches.c.id, jobs.c.due_at <= _NOW),
    )
    .order_by(batches.c.id)
    .limit(MOST_GROUPS)
)
_WAITING: Final = (
    select(jobs).where(*_HERE, in_state(State.WAITING), jobs.c.due_at <= _NOW).order_by(jobs.c.due_at).limit(bindparam("count"))
)
_RETRYING: Final = select(jobs.c.id).where(*_HERE, in_state(State.RETRYING), jobs.c.due_at <= _NOW).limit(bindparam("count"))
_TAKE: Final = (
    update(jobs)
    .where(jobs.c.id.in_(bindparam("ids", expanding=True)), in_state(State.QUEUED))
    .values(
        state=State.RUNNING.value,
        owner=bindparam("worker"),
        fence=jobs.c.fence + 1,
        starts=jobs.c.starts + 1,
        lease_until=bindparam("until", type_=Moment()),
        claimed_at=_NOW,
        started_at=func.coalesce(jobs.c.started_at, _NOW),
    )
    .returning(jobs.c.id)
)
_REQUEUE: Final = (
    update(jobs)
    .where(jobs.c.id.in_(bindparam("ids", expanding=True)), in_state(State.RETRYING))
    .values(state=State.QUEUED.value)
    .returning(jobs.c.id)
)
_MOVE: Final = insert(moves)
