"""Marks on groups of failures: somebody knows of it, since then. Kept by the group's id, whatever becomes of its jobs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - tools that read the records resolve their annotations
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, select

from worker.jobs import acts
from worker.jobs.tables import failure_marks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from worker.jobs.engine import Database
    from worker.jobs.failures import FailureGroup


@dataclass(frozen=True, slots=True)
class Mark:
    """Who acknowledged it, when, and what they noted."""

    by: str
    at: datetime
    note: str


def serialise(db: Database, connection: Connection, group_id: str) -> None:
    """Be alone with the group's mark until the transaction ends."""
    db.serialise(connection, f"failure {group_id}")


def marks_of(connection: Connection, ids: Sequence[str]) -> dict[str, Mark]:
    """Those of these groups that have any."""
    if not ids:
        return {}
    rows = connection.execute(select(failure_marks).where(failure_marks.c.id.in_(ids)))
    return {row.id: Mark(row.acknowledged_by, row.acknowledged_at, row.note) for row in rows}


def newest(connection: Connection) -> datetime | None:
    """When the newest of all marks was made, if there are any."""
    at = failure_marks.c.acknowledged_at
    return connection.execute(select(func.max(at, type_=at.type))).scalar()


def put(connection: Connection, group_id: str, tenant: str, by: str, note: str, now: datetime) -> None:
    """Mark it, in place of any mark before."""
    drop(connection, group_id)
    connection.execute(insert(failure_marks).values(id=group_id, tenant=tenant, acknowledged_at=now, acknowledged_by=by, note=note))


def drop(connection: Connection, group_id: str) -> None:
    """Take its mark away."""
    connection.execute(delete(failure_marks).where(failure_marks.c.id == group_id))


def tell(connection: Connection, act: str, before: FailureGroup, after: FailureGroup, by: str, now: datetime) -> None:
    """Keep on record who did it."""
    acts.record(connection, by, after.tenant, act, after.id, _told(before), _told(after), now)


def _told(group: FailureGroup) -> dict[str, str | None]:
    return {"standing": group.standing, "message": group.message, "note": None if group.mark is None else group.mark.note}
