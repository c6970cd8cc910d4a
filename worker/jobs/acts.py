"""What people and keys did beside a single job's own timeline: who, when, to what, from what to what.

Written in the transaction of what it tells of, so that neither is there without the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - tools that read the records resolve their annotations
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert, select

from worker.jobs.leads import borders
from worker.jobs.model import new_id
from worker.jobs.tables import acts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

ACTS: Final = (
    "action.begun",
    "action.stopped",
    "batch.made",
    "batch.paused",
    "batch.resumed",
    "batch.cancelled",
    "connection.paused",
    "connection.resumed",
    "connection.changed",
    "delivery.replayed",
    "delivery.tested",
    "deliveries.replayed",
    "failure.acknowledged",
    "failure.reopened",
    "job.edited",
    "job.done",
)
"""What is told. The subject is an id, an ERP's name, or for `deliveries.replayed` the source."""


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that somebody did. `tenant` is None for what is about no single one; `before` and `after` are JSON values."""

    id: str
    at: datetime
    by: str
    tenant: str | None
    act: str
    subject: str
    before: Any
    after: Any


def record(
    connection: Connection,
    by: str,
    tenant: str | None,
    act: str,
    subject: str,
    before: Any,  # noqa: ANN401 - JSON value
    after: Any,  # noqa: ANN401 - JSON value
    now: datetime,
) -> None:
    """Write it down. Call it in the transaction of what was done."""
    row = {"id": new_id(), "at": now, "by": by, "tenant": tenant, "act": act, "subject": subject, "before": before, "after": after}
    connection.execute(_INSERT, row)


def record_for(
    connection: Connection,
    by: str,
    tenants: Iterable[str] | None,
    act: str,
    subject: str,
    after: Any,  # noqa: ANN401 - JSON value
    now: datetime,
) -> None:
    """The same for what may touch several tenants: a line for each, so that each one's record is whole; one without tenant for all."""
    for tenant in (None,) if tenants is None else tuple(tenants):
        record(connection, by, tenant, act, subject, None, after, now)


def find_acts(
    connection: Connection,
    tenants: Sequence[str] | None,
    limit: int,
    after: str | None = None,
    *,
    tenant: str | None = None,
    act: str | None = None,
    by: str | None = None,
    subject: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[Act]:
    """Up to `limit` acts of the tenants, newest first, older than the act `after`.

    `tenants` is what the asker may see; None: all, and what is of no single tenant. `since` and `until` (not included) are about when.
    """
    within = borders(connection, acts, acts.c.at, since, until)
    if within is None:
        return []
    statement = select(acts).where(*within.below(after).of(acts.c.id)).order_by(acts.c.id.desc()).limit(limit)
    plain = {"tenant": tenant, "act": act, "by": by, "subject": subject}
    statement = statement.where(*(acts.c[name] == value for name, value in plain.items() if value is not None))
    if tenants is not None:
        statement = statement.where(acts.c.tenant.in_(tenants))
    if since is not None:
        statement = statement.where(acts.c.at >= since)
    if until is not None:
        statement = statement.where(acts.c.at < until)
    return [Act(**row._mapping) for row in connection.execute(statement)]  # noqa: SLF001 - SQLAlchemy's public name


_INSERT: Final = insert(acts)
