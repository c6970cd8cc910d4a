"""Forgetting what is over: jobs with all that belongs to them, the calls they made, deliveries, keys, actions, acts, batches, sessions.

In small chunks, a transaction each, so that no writer waits long. Any number of pruners may run at once. A batch keeps its counts when its
jobs go: what was pruned of it stands in its row.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Text, and_, delete, exists, func, literal, or_, select, type_coerce, update

from worker.jobs import endings, paces, spent
from worker.jobs.states import FINAL, BatchState
from worker.jobs.tables import (
    actions,
    acts,
    batches,
    deliveries,
    ended_sessions,
    exchanges,
    failure_marks,
    idempotency_keys,
    job_terms,
    jobs,
    standstills,
)
from worker.jobs.tables import paces as pace_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sqlalchemy import Column, ColumnElement, Connection

    from worker.jobs.engine import Database
    from worker.settings import Settings

CHUNK: Final = 200
"""Jobs in a transaction, with some ten rows each."""

LINES: Final = 1_000
"""Rows in a transaction that have nothing below them."""

BYTES: Final = 8 * 1024 * 1024
"""What their texts may hold together, unless the first alone holds more: a body may be a mebibyte."""

_TEXTS: Final = {
    deliveries: (deliveries.c.body, deliveries.c.headers),
    exchanges: (exchanges.c.request, exchanges.c.response, exchanges.c.headers),
}
"""What may be long in a row. The other tables have nothing that is."""

CLOSED: Final = (BatchState.SUCCEEDED.value, BatchState.FINISHED.value, BatchState.CANCELLED.value)
_FINAL: Final = tuple(sorted(state.value for state in FINAL))


@dataclass(frozen=True, slots=True)
class Keep:
    """How long things are kept after their end. A batch is kept as long again as its jobs."""

    jobs: timedelta
    exchanges: timedelta
    deliveries: timedelta

    @classmethod
    def of(cls, settings: Settings) -> Keep:
        """As the settings say."""
        kept = (settings.keep_jobs, settings.keep_exchanges, settings.keep_deliveries)
        return cls(*(timedelta(seconds=seconds) for seconds in kept))


def prune(db: Database, keep: Keep, now: datetime, go_on: Callable[[], bool]) -> bool:
    """Prune what is too old at `now`, chunk by chunk while `go_on` says so; whether nothing is left to prune."""
    steps: tuple[Callable[[Connection], bool], ...] = (
        lambda c: _rows(c, idempotency_keys, idempotency_keys.c.expires_at, now),
        lambda c: _rows(c, ended_sessions, ended_sessions.c.expires_at, now),
        lambda c: _rows(c, actions, actions.c.finished_at, now - keep.jobs),
        lambda c: _rows(c, acts, acts.c.at, now - keep.jobs) or _rows(c, failure_marks, failure_marks.c.acknowledged_at, now - keep.jobs),
        lambda c: _rows(c, standstills, standstills.c.until, now - keep.jobs),
        lambda c: _rows(c, pace_rows, pace_rows.c.at, now - paces.KEPT),
        lambda c: _rows(c, exchanges, exchanges.c.at, now - keep.exchanges),
        lambda c: _rows(c, deliveries, deliveries.c.received_at, now - keep.deliveries),
    )
    with db.write() as connection:
        endings.fold(connection)
        paces.fold(connection, now)
        spent.fold(connection)
    return all(_repeated(db, step, go_on) for step in steps) and _jobs(db, now - keep.jobs, go_on) and _batches(db, keep, now)


def _repeated(db: Database, step: Callable[[Connection], bool], go_on: Callable[[], bool]) -> bool:
    while go_on():
        with db.write() as connection:
            if not step(connection):
                return True
    return False


def _rows(connection: Connection, table: Any, at: Column[Any], before: datetime) -> bool:  # noqa: ANN401 - a Table
    """Delete some old rows; whether there may be more."""
    key = next(iter(table.primary_key)) if len(table.primary_key) == 1 else None
    if key is None:  # two columns name a row; these are few
        connection.execute(delete(table).where(at < before))
        return False
    oldest = select(key, _size(connection, table)).where(at < before).order_by(at).limit(LINES)
    with connection.execute(oldest.execution_options(yield_per=50)) as rows:
        old, whole = _within(rows)
    if old:
        connection.execute(delete(table).where(key.in_(old)))
    return not whole or len(old) == LINES


def _size(connection: Connection, table: Any) -> Any:  # noqa: ANN401 - a Table, and a column
    """The bytes of a row's texts; on SQLite the characters, which a row is read for only as it is fetched."""
    length = func.length if connection.dialect.name == "sqlite" else func.octet_length
    return sum((func.coalesce(length(type_coerce(each, Text)), 0) for each in _TEXTS.get(table, ())), literal(0)).label("size")


def _within(rows: Iterable[Any]) -> tuple[list[Any], bool]:
    """The first rows that hold no more than a transaction may, and whether these are all."""
    old: list[Any] = []
    left = BYTES
    for key, size in rows:
        left -= size
        if old and left < 0:
            return old, False
        old.append(key)
    return old, True


def _jobs(db: Database, before: datetime, go_on: Callable[[], bool]) -> bool:
    """Final jobs that ended before. They are looked for from the oldest on: what was made later ended later."""
    since: tuple[datetime, str] | None = None
    while go_on():
        with db.read() as connection:
            found = connection.execute(_oldest(before, since)).all()
        if not found:
            return True
        since = (found[-1].created_at, found[-1].id)
        ripe = [row.id for row in found if row.state in _FINAL and row.finished_at is not None and row.finished_at < before]
        if ripe:
            with db.write() as connection:
                _forget(connection, ripe, before)
    return False


def _oldest(before: datetime, since: tuple[datetime, str] | None) -> Any:  # noqa: ANN401 - a Select
    made = jobs.c.created_at
    columns = select(jobs.c.id, made, jobs.c.state, jobs.c.finished_at).where(made < before)
    if since is not None:
        columns = columns.where(or_(made > since[0], and_(made == since[0], jobs.c.id > since[1])), made >= since[0])
    return columns.order_by(made, jobs.c.id).limit(CHUNK)


def _forget(connection: Connection, ids: Sequence[str], before: datetime) -> None:
    """Delete those that nobody has in hand. Batches are locked before their jobs, as a replay does it: no deadlocks."""
    of = select(jobs.c.batch).where(jobs.c.id.in_(ids), jobs.c.batch.is_not(None))
    closed = select(batches.c.id, batches.c.pruned).where(batches.c.id.in_(of), batches.c.state.in_(CLOSED)).order_by(batches.c.id)
    pruned = {row.id: Counter(row.pruned or {}) for row in connection.execute(closed.with_for_update(skip_locked=True))}
    still = select(jobs.c.id, jobs.c.batch, jobs.c.state, jobs.c.tenant, jobs.c.erp, jobs.c.kind).where(
        jobs.c.id.in_(ids),
        jobs.c.state.in_(_FINAL),
        jobs.c.finished_at < before,
        or_(jobs.c.batch.is_(None), jobs.c.batch.in_(list(pruned))),
    )
    gone = connection.execute(still.with_for_update(skip_locked=True)).all()
    if not gone:
        return
    named = [row.id for row in gone]
    connection.execute(delete(job_terms).where(job_terms.c.job.in_(named)))
    connection.execute(delete(jobs).where(jobs.c.id.in_(named)))  # moves, attempts, exchanges, tags and links go with them
    endings.add(connection, {place: -count for place, count in Counter((row.tenant, row.erp, row.kind, row.state) for row in gone).items()})
    for batch in {row.batch for row in gone if row.batch is not None}:
        pruned[batch].update(row.state for row in gone if row.batch == batch)
        connection.execute(update(batches).where(batches.c.id == batch).values(pruned=dict(pruned[batch])))


def _batches(db: Database, keep: Keep, now: datetime) -> bool:
    """Batches whose jobs went long ago, and those that had none."""
    empty = ~exists().where(jobs.c.batch == batches.c.id)
    with db.write() as connection:
        old = (
            select(batches.c.id)
            .where(batches.c.state.in_(CLOSED), _is_old(keep, now), empty)
            .limit(LINES)
            .with_for_update(skip_locked=True)
        )
        ids = connection.execute(old).scalars().all()
        if ids:
            connection.execute(delete(batches).where(batches.c.id.in_(ids)))
            spent.forget(connection, ids)
    return len(ids) < LINES


def _is_old(keep: Keep, now: datetime) -> ColumnElement[bool]:
    long_ago = batches.c.finished_at < now - 2 * keep.jobs
    return or_(long_ago, and_(batches.c.total == 0, batches.c.finished_at < now - keep.jobs))
