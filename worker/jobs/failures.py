"""Failed jobs by the reason why: tenant, kind, error class and the message without numbers and ids."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, func, or_, select

from worker.jobs.states import State
from worker.jobs.tables import in_state, jobs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection

Position = tuple[datetime, str]
"""Where a group stands in the list: its `last_at` and its `example`."""


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Jobs that failed for the same reason. `first_at` and `last_at` are when one failed; `example` is the newest of them."""

    tenant: str
    kind: str
    error_class: str
    message: str
    count: int
    first_at: datetime
    last_at: datetime
    example: str

    @property
    def position(self) -> Position:
        """What the next page comes after."""
        return self.last_at, self.example


@dataclass(frozen=True, slots=True)
class FailureFilter:
    """Which failed jobs to group; None means any. `since` and `until` (not included) are about when a job failed."""

    tenant: str | None = None
    kind: str | None = None
    error_class: str | None = None
    batch: str | None = None
    since: datetime | None = None
    until: datetime | None = None


ANY: Final = FailureFilter()


def failure_groups(
    connection: Connection,
    tenants: Sequence[str] | None,
    wanted: FailureFilter = ANY,
    *,
    limit: int,
    after: Position | None = None,
) -> list[FailureGroup]:
    """Up to `limit` groups of the tenants (None: all), those that failed last first, after another group's position."""
    last, example = func.max(jobs.c.finished_at, type_=jobs.c.finished_at.type), func.max(jobs.c.id)
    statement = (
        select(
            *_GROUP,
            func.count().label("n"),
            func.min(jobs.c.finished_at, type_=jobs.c.finished_at.type).label("first_at"),
            last.label("last_at"),
            example.label("example"),
        )
        .where(in_state(State.FAILED), *_conditions(tenants, wanted))
        .group_by(*_GROUP)
        .order_by(last.desc(), example.desc())
        .limit(limit)
    )
    if after is not None:
        statement = statement.having(or_(last < after[0], and_(last == after[0], example < after[1])))
    return [
        FailureGroup(row.tenant, row.kind, row.error_class or "bug", row.error_group or "", row.n, row.first_at, row.last_at, row.example)
        for row in connection.execute(statement)
    ]


_GROUP: Final = (jobs.c.tenant, jobs.c.kind, jobs.c.error_class, jobs.c.error_group)


def _conditions(tenants: Sequence[str] | None, wanted: FailureFilter) -> list[ColumnElement[bool]]:
    plain: dict[str, Any] = {
        "tenant": wanted.tenant,
        "kind": wanted.kind,
        "error_class": wanted.error_class,
        "batch": wanted.batch,
    }
    found: list[ColumnElement[bool]] = [jobs.c[name] == value for name, value in plain.items() if value is not None]
    if tenants is not None:
        found.append(jobs.c.tenant.in_(tenants))
    if wanted.since is not None:
        found.append(jobs.c.finished_at >= wanted.since)
    if wanted.until is not None:
        found.append(jobs.c.finished_at < wanted.until)
    return found
