"""Batches as rows: made in chunks, so that a hundred thousand jobs take little memory; paused and cancelled by one row."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, case, delete, func, insert, select, update

from worker.errors import Conflict, NotFound
from worker.jobs import acts, endings, paces, spent
from worker.jobs.announcing import tell_of_batches
from worker.jobs.making import insert_jobs
from worker.jobs.model import Batch, new_id
from worker.jobs.rows import batch_of
from worker.jobs.states import FINAL, OPEN, BatchState, State
from worker.jobs.tables import batches, jobs, moves
from worker.jobs.tagging import retag_all
from worker.settings import ERPS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import Connection

    from worker.jobs.engine import Database
    from worker.jobs.model import Lane
    from worker.jobs.verdicts import NewJob

CHUNK: Final = 1_000
KITRELAY: Final = "kitrelay"
"""Who did what nobody asked for by name."""

ACTIVE: Final = (BatchState.PLANNING, BatchState.RUNNING, BatchState.PAUSED)
ABANDONED: Final = timedelta(minutes=10)
"""A batch whose jobs stopped arriving so long ago: the request that made it is gone."""

_PAUSE: Final = {BatchState.RUNNING: BatchState.PAUSED}
_RESUME: Final = {BatchState.PAUSED: BatchState.RUNNING}
_CANCEL: Final = dict.fromkeys((BatchState.PLANNING, BatchState.RUNNING, BatchState.PAUSED), BatchState.CANCELLED)
TURNS: Final = {"pause": _PAUSE, "resume": _RESUME, "cancel": _CANCEL}
"""What a person may do with a batch: from which state to which."""


@dataclass(frozen=True, slots=True)
class NewBatch:
    """A batch to be made. Either its jobs come with it, or `select` says which documents to look for. `held`: it starts paused."""

    tenant: str
    erp: str
    kind: str
    name: str
    select: dict[str, Any] | None = None
    priority: int = 0
    tags: tuple[str, ...] = ()
    held: bool = False


def open_batch(connection: Connection, new: NewBatch, made_by: str, now: datetime) -> Batch:
    """A batch in planning, with no jobs yet."""
    batch = Batch(
        id=new_id(),
        tenant=new.tenant,
        erp=new.erp,
        kind=new.kind,
        name=new.name,
        state=BatchState.PLANNING,
        made_by=made_by,
        created_at=now,
        select=new.select,
        priority=new.priority,
        tags=new.tags,
        held=new.held,
        touched_at=now,
    )
    connection.execute(
        insert(batches).values(
            id=batch.id,
            tenant=batch.tenant,
            erp=batch.erp,
            kind=batch.kind,
            name=batch.name,
            state=batch.state.value,
            made_by=made_by,
            created_at=now,
            select=batch.select,
            planned={},
            total=0,
            touched_at=now,
            priority=batch.priority,
            tags=list(batch.tags),
            held=batch.held,
        )
    )
    return batch


def tell_made(connection: Connection, batch: Batch, now: datetime, items: int | None = None) -> None:
    """Keep on record who asked for the batch: call it where a person or a key opened it, in that transaction."""
    told = {"name": batch.name, "kind": batch.kind, "select": batch.select, "items": items, "held": batch.held}
    acts.record(connection, batch.made_by, batch.tenant, "batch.made", batch.id, None, told, now)


def fill(db: Database, batch: Batch, news: Iterable[NewJob], clock: Iterator[datetime]) -> int:
    """Insert the jobs in chunks, a transaction each; how many. The batch starts no job before `start`."""
    total = 0
    for chunk in _chunks(news, CHUNK):
        now = next(clock)
        with db.write() as connection:
            _still_planning(db, connection, batch.id)
            insert_jobs(connection, chunk, batch.made_by, now)
            total += len(chunk)
            connection.execute(update(batches).where(batches.c.id == batch.id).values(total=batches.c.total + len(chunk), touched_at=now))
    return total


def add_planned(
    db: Database,
    connection: Connection,
    batch: Batch,
    news: list[NewJob],
    planned: dict[str, Any],
    now: datetime,
    erp: str | None = None,
) -> int:
    """One page of a selection: jobs for documents that the batch has not yet; how many were new. `erp`: where its next page is read."""
    _still_planning(db, connection, batch.id)
    wanted = {new.subject: new for new in news if new.subject is not None}
    present = select(jobs.c.subject).where(jobs.c.batch == batch.id, jobs.c.tenant == batch.tenant, jobs.c.subject.in_(list(wanted)))
    known = set(connection.execute(present).scalars())
    fresh = [new for subject, new in wanted.items() if subject not in known]
    insert_jobs(connection, fresh, batch.made_by, now)
    connection.execute(
        update(batches)
        .where(batches.c.id == batch.id)
        .values(total=batches.c.total + len(fresh), planned=planned, touched_at=now, erp=erp or batch.erp)
    )
    return len(fresh)


def start(connection: Connection, batch_id: str, now: datetime) -> None:
    """All jobs are made: they may start, or wait until a held batch is resumed. A batch of none is done."""
    connection.execute(
        update(batches)
        .where(batches.c.id == batch_id, batches.c.state == BatchState.PLANNING)
        .values(
            state=case(
                (batches.c.total == 0, BatchState.SUCCEEDED.value),
                (batches.c.held, BatchState.PAUSED.value),
                else_=BatchState.RUNNING.value,
            ),
            finished_at=case((batches.c.total == 0, _micros(now)), else_=None),
            touched_at=now,
        )
    )


def drop_empty(connection: Connection, batch_id: str) -> None:
    """A comparison that found nothing leaves no batch behind."""
    empty = (batches.c.id == batch_id, batches.c.total == 0, batches.c.state == BatchState.SUCCEEDED.value)
    if connection.execute(delete(batches).where(*empty)).rowcount:
        spent.forget(connection, [batch_id])


def fail_planning(connection: Connection, batch_id: str, message: str, now: datetime) -> None:
    """Its documents can't be listed: the batch ends, with the reason."""
    ended = connection.execute(
        update(batches)
        .where(batches.c.id == batch_id, batches.c.state == BatchState.PLANNING)
        .values(state=BatchState.CANCELLED.value, finished_at=now, message=message[:1000], touched_at=now)
    )
    tell_of_batches(connection, [batch_id] if ended.rowcount else [], now)


def turn(db: Database, connection: Connection, batch_id: str, action: str, now: datetime, by: str = KITRELAY) -> Batch:
    """Pause, resume or cancel: one row, however large the batch. Claims look at it, so it acts at once. Raises `Conflict` or `NotFound`."""
    batch = find(db, connection, batch_id)
    target = TURNS[action].get(batch.state)
    if target is None:
        raise Conflict(f"a {batch.state} batch can't be {_PAST[action]}")
    finished = now if target is BatchState.CANCELLED else None
    held = batch.held and target is not BatchState.RUNNING
    turned = {"state": target.value, "finished_at": finished, "touched_at": now, "turned_by": by, "held": held}
    connection.execute(update(batches).where(batches.c.id == batch_id).values(**turned))
    told = ({"state": batch.state.value}, {"state": target.value, "name": batch.name})
    acts.record(connection, by, batch.tenant, f"batch.{_PAST[action]}", batch_id, *told, now)
    tell_of_batches(connection, [batch_id] if finished else [], now)
    return find(db, connection, batch_id)


_PAST: Final = {"pause": "paused", "resume": "resumed", "cancel": "cancelled"}


def find(db: Database, connection: Connection, batch_id: str) -> Batch:
    """The batch, or `NotFound`."""
    row = connection.execute(db.for_update(select(batches).where(batches.c.id == batch_id))).one_or_none()
    if row is None:
        raise NotFound(f"there is no batch {batch_id}")
    return batch_of(row)


def planning(connection: Connection) -> list[Batch]:
    """Batches whose documents are still to be looked for."""
    statement = select(batches).where(batches.c.state == BatchState.PLANNING, batches.c.select.is_not(None)).order_by(batches.c.id)
    return [batch_of(row) for row in connection.execute(statement)]


def counts(connection: Connection, batch_id: str) -> dict[str, int]:
    """How many of the batch's jobs stand in each state, with those that were pruned; every state is there."""
    return counts_of_each(connection, [batch_id])[batch_id]


def counts_of_each(connection: Connection, batch_ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """The same of several batches, by one question."""
    grouped = (
        select(jobs.c.batch, jobs.c.state, func.count().label("n")).where(jobs.c.batch.in_(batch_ids)).group_by(jobs.c.batch, jobs.c.state)
    )
    found = {batch_id: dict.fromkeys((state.value for state in State), 0) for batch_id in batch_ids}
    for row in connection.execute(grouped):
        found[row.batch][row.state] += row.n
    for row in connection.execute(select(batches.c.id, batches.c.pruned).where(batches.c.id.in_(batch_ids), batches.c.pruned.is_not(None))):
        for state, count in row.pruned.items():
            found[row.id][state] += count
    return found


def _pruned(connection: Connection, batch_id: str) -> dict[str, int]:
    return connection.execute(select(batches.c.pruned).where(batches.c.id == batch_id)).scalar() or {}


def sweep_cancelled(connection: Connection, now: datetime, most: int = CHUNK) -> int:
    """Jobs of cancelled batches that have not started become cancelled; how many in this round."""
    ended = select(batches.c.id).where(batches.c.state == BatchState.CANCELLED, batches.c.touched_at > now - timedelta(days=2))
    total = 0
    for batch_id in connection.execute(ended).scalars().all():
        total += sweep(connection, batch_id, now, most - total)
        if total >= most:
            break
    return total


def sweep(connection: Connection, batch_id: str, now: datetime, most: int) -> int:
    """The same for one batch, whatever its state."""
    pending = (State.QUEUED.value, State.RETRYING.value)
    found = (
        select(jobs.c.id, jobs.c.state, jobs.c.tenant, jobs.c.erp, jobs.c.kind, jobs.c.started_at)
        .where(jobs.c.batch == batch_id, jobs.c.state.in_(pending))
        .limit(most)
    )
    rows = connection.execute(found.with_for_update(key_share=True)).all()  # one that starts in the same moment is left to its worker
    if rows:
        by = connection.execute(select(batches.c.turned_by).where(batches.c.id == batch_id)).scalar() or KITRELAY
        _cancel(connection, [(row.id, row.state) for row in rows], by, now)
        endings.add(connection, Counter((row.tenant, row.erp, row.kind, State.CANCELLED.value) for row in rows))
        paces.add(connection, Counter(paces.place(row.tenant, row.erp, State.CANCELLED, row.started_at, now) for row in rows))
    return len(rows)


def _cancel(connection: Connection, found: list[tuple[str, str]], by: str, now: datetime) -> None:
    ids = [job_id for job_id, _ in found]
    connection.execute(update(jobs).where(jobs.c.id.in_(ids)).values(state=State.CANCELLED.value, finished_at=now))
    retag_all(connection, ids, State.CANCELLED)
    lines = [
        {"job": job_id, "at": now, "origin": origin, "target": State.CANCELLED.value, "cause": "its batch was cancelled", "by": by}
        for job_id, origin in found
    ]
    connection.execute(insert(moves), lines)


def close_finished(connection: Connection, now: datetime, lane: Lane | None = None) -> list[str]:
    """Running and paused batches, of the lane or of all, with no open job are done; their ids.

    One that somebody has in hand, to replay a job of it or the like, is left for the next time: nobody waits for it.
    """
    open_jobs = select(jobs.c.id).where(jobs.c.batch == batches.c.id, jobs.c.state.in_([state.value for state in sorted(OPEN)])).exists()
    going = batches.c.state.in_([BatchState.RUNNING.value, BatchState.PAUSED.value])
    candidates = select(batches.c.id).where(going, ~open_jobs)
    if lane is not None:
        candidates = candidates.where(batches.c.tenant == lane.tenant, batches.c.erp.in_(ERPS))
    closed = []
    for batch_id in connection.execute(candidates.with_for_update(key_share=True, skip_locked=True)).scalars().all():
        unhappy = and_(jobs.c.batch == batch_id, jobs.c.state.in_([s.value for s in sorted(FINAL - {State.SUCCEEDED})]))
        some = connection.execute(select(jobs.c.id).where(unhappy).limit(1)).first() is not None
        some = some or not _pruned(connection, batch_id).keys() <= {State.SUCCEEDED.value}
        last = connection.execute(select(func.max(jobs.c.finished_at)).where(jobs.c.batch == batch_id)).scalar()
        state = BatchState.FINISHED if some else BatchState.SUCCEEDED
        ended = update(batches).where(batches.c.id == batch_id, going).values(state=state.value, finished_at=last or now, touched_at=now)
        if connection.execute(ended).rowcount:  # else another process was first
            closed.append(batch_id)
    tell_of_batches(connection, closed, now)
    return closed


def end_abandoned(connection: Connection, now: datetime) -> int:
    """Batches whose request died while its jobs were being made: they never started, and are cancelled."""
    stale = and_(batches.c.state == BatchState.PLANNING, batches.c.select.is_(None), batches.c.touched_at < now - ABANDONED)
    message = "the request that made it ended before all its jobs were stored; none was started"
    ended = update(batches).where(stale).values(state=BatchState.CANCELLED.value, finished_at=now, touched_at=now, message=message)
    ids = connection.execute(ended.returning(batches.c.id)).scalars().all()
    tell_of_batches(connection, ids, now)
    return len(ids)


def _still_planning(db: Database, connection: Connection, batch_id: str) -> None:
    if find(db, connection, batch_id).state is not BatchState.PLANNING:
        raise Conflict("the batch was cancelled while its jobs were being made")


def _micros(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000)


def _chunks(news: Iterable[NewJob], size: int) -> Iterator[list[NewJob]]:
    iterator = iter(news)
    while chunk := list(islice(iterator, size)):
        yield chunk
