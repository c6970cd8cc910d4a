"""Scheduled comparisons: begun by one of any number of schedulers, one open at a time for a tenant; and forgetting what is old."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, select, update

from worker.kit_ledger.model import Round
from worker.kit_ledger.tables import rounds as rows
from worker.kit_ledger.tables import writes

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from worker.jobs.engine import Database

GIVE_UP: Final = timedelta(days=1)
"""A round that has not ended by then never will: whoever was to end it is gone."""

KEEP_WRITES: Final = timedelta(hours=24)
KEEP_ROUNDS: Final = timedelta(days=30)


def latest_round(connection: Connection, tenant: str) -> Round | None:
    """The round that was begun last, open or not."""
    row = connection.execute(select(rows).where(rows.c.tenant == tenant).order_by(rows.c.started_at.desc()).limit(1)).one_or_none()
    return None if row is None else _round(row)


def open_rounds(connection: Connection) -> list[Round]:
    """All open rounds, by tenant."""
    return [_round(row) for row in connection.execute(select(rows).where(rows.c.finished_at.is_(None)).order_by(rows.c.tenant))]


def is_round_due(connection: Connection, tenant: str, every: float, now: datetime) -> bool:
    """Whether a round may be begun: none is open, and the last was begun `every` seconds ago. A look before `begin_round`."""
    last = latest_round(connection, tenant)
    if last is None:
        return True
    if last.finished_at is None and now - last.started_at < GIVE_UP:
        return False
    return now - last.started_at >= timedelta(seconds=every)


def begin_round(db: Database, connection: Connection, tenant: str, every: float, now: datetime) -> bool:
    """Begin the round that is named by tenant and `now`; False where none is due, or another scheduler was first.

    Call it in the write transaction that makes the round's work: so there is no round without work.
    """
    db.serialise(connection, f"kits/rounds/{tenant}")
    if not is_round_due(connection, tenant, every, now):
        return False
    given_up = update(rows).where(rows.c.tenant == tenant, rows.c.finished_at.is_(None))
    connection.execute(given_up.values(finished_at=now, message="given up: it had not ended a day after it began"))
    made = connection.execute(db.insert_if_absent(rows).values(tenant=tenant, started_at=now))
    return bool(made.rowcount)


def set_batch(connection: Connection, tenant: str, started_at: datetime, batch: str) -> bool:
    """Name the batch in which an open round's work is done; False where it is not open."""
    return _change(connection, tenant, started_at, batch=batch)


def end_round(
    connection: Connection, tenant: str, started_at: datetime, now: datetime, *, found: int | None = None, message: str | None = None
) -> bool:
    """End a round; False where it is not open, as when it was given up."""
    return _change(connection, tenant, started_at, finished_at=now, found=found, message=message)


def prune(
    db: Database, connection: Connection, now: datetime, writes_for: timedelta = KEEP_WRITES, rounds_for: timedelta = KEEP_ROUNDS
) -> int:
    """Forget our own writes and ended rounds that are older; how many."""
    db.serialise(connection, "kits/prune")
    old = (delete(writes).where(writes.c.at < now - writes_for), delete(rows).where(rows.c.finished_at < now - rounds_for))
    return sum(connection.execute(statement).rowcount for statement in old)


def _change(connection: Connection, tenant: str, started_at: datetime, **values: object) -> bool:
    mine = (rows.c.tenant == tenant, rows.c.started_at == started_at, rows.c.finished_at.is_(None))
    return bool(connection.execute(update(rows).where(*mine).values(**values)).rowcount)


def _round(row: Row[Any]) -> Round:
    return Round(row.tenant, row.started_at, row.finished_at, row.batch, row.found, row.message)
