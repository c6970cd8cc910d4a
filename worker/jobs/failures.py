"""Failed jobs by the reason why: tenant, kind, error class and the message without numbers and ids.

A group is closed when later jobs did what all of its jobs were to do. One that somebody knows of is acknowledged until a job fails so
again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import TYPE_CHECKING, Any, Final, Literal

from sqlalchemy import and_, case, func, or_, select

from worker.errors import Conflict, NotFound
from worker.jobs import marks
from worker.jobs.groups import COLUMNS, Group, group_of, named
from worker.jobs.states import State
from worker.jobs.tables import in_state, jobs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import ColumnElement, Connection, Row, Select

    from worker.jobs.engine import Database
    from worker.jobs.marks import Mark

Position = tuple[datetime, str]
"""Where a group stands in the list: its `last_at` and its `example`."""

Standing = Literal["open", "acknowledged", "closed"]
STANDINGS: Final[tuple[Standing, ...]] = ("open", "acknowledged", "closed")
_PORTION: Final = 500
_GROWTH: Final = 10


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Jobs that failed for the same reason. `first_at` and `last_at` are when one failed; `example` is the newest of them.

    `open` of them no later job made good. `mark` says who knows of it, also where it has come back since.
    """

    id: str
    tenant: str
    kind: str
    error_class: str
    message: str
    count: int
    open: int
    standing: Standing
    first_at: datetime
    last_at: datetime
    example: str
    mark: Mark | None

    @property
    def position(self) -> Position:
        """What the next page comes after."""
        return self.last_at, self.example


@dataclass(frozen=True, slots=True)
class FailureFilter:
    """Which failed jobs to group; None means any. `since` and `until` (not included) are about when a job failed.

    `standing` is that of the jobs that are grouped: the group as far as the rest of the filter reaches.
    """

    tenant: str | None = None
    kind: str | None = None
    error_class: str | None = None
    batch: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    standing: Standing | None = None


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
    where = _conditions(tenants, wanted)
    if wanted.standing in {None, "closed"}:
        return _told(connection, connection.execute(_grouped(where, wanted.standing, limit, after)).all())
    if wanted.standing == "open":
        return _sifted(connection, where, "open", None, limit, after)
    known = marks.newest(connection)
    return [] if known is None else _sifted(connection, where, "acknowledged", known, limit, after)


def _sifted(
    connection: Connection,
    where: Sequence[ColumnElement[bool]],
    standing: Standing,
    known: datetime | None,
    limit: int,
    after: Position | None,
) -> list[FailureGroup]:
    """Marks are known by ids, which no database makes: so groups are taken in portions, and those of another standing left out."""
    found: list[FailureGroup] = []
    for turn in count():
        portion = max(limit, _PORTION) * _GROWTH**turn
        rows = connection.execute(_grouped(where, standing, portion, after, known)).all()
        told = _told(connection, rows)
        found += [group for group in told if group.standing == standing]
        if len(found) >= limit or len(rows) < portion:
            break
        after = told[-1].position
    return found[:limit]


def find_group(connection: Connection, tenants: Sequence[str] | None, group_id: str) -> FailureGroup:
    """The group, if it is of these tenants (None: all) and any failed job stands in it; or `NotFound`."""
    group = named(connection, group_id, tenants)
    found = [] if group is None else _told(connection, connection.execute(_grouped(group.conditions(), None, 1, None)).all())
    if not found:
        raise NotFound(f"there is no group of failures {group_id}")
    return found[0]


def acknowledge(
    db: Database, connection: Connection, tenants: Sequence[str] | None, group_id: str, by: str, note: str, now: datetime
) -> FailureGroup:
    """Say that somebody knows of it, until a job fails so again. Raises `NotFound`, or `Conflict` unless it is open."""
    marks.serialise(db, connection, group_id)
    group = find_group(connection, tenants, group_id)
    if group.standing != "open":
        raise Conflict(f"this group of failures is {group.standing}: there is nothing to acknowledge")
    marks.put(connection, group_id, group.tenant, by, note, now)
    then = find_group(connection, tenants, group_id)
    marks.tell(connection, "failure.acknowledged", group, then, by, now)
    return then


def reopen(db: Database, connection: Connection, tenants: Sequence[str] | None, group_id: str, by: str, now: datetime) -> FailureGroup:
    """Take that back. Raises `NotFound`, or `Conflict` unless it is acknowledged."""
    marks.serialise(db, connection, group_id)
    group = find_group(connection, tenants, group_id)
    if group.standing != "acknowledged":
        raise Conflict(f"this group of failures is {group.standing}: only an acknowledged one is opened again")
    marks.drop(connection, group_id)
    then = find_group(connection, tenants, group_id)
    marks.tell(connection, "failure.reopened", group, then, by, now)
    return then


def _told(connection: Connection, rows: Sequence[Row[Any]]) -> list[FailureGroup]:
    groups = [group_of(row) for row in rows]
    known = marks.marks_of(connection, [group.id for group in groups])
    return [_one(row, group, known.get(group.id)) for row, group in zip(rows, groups, strict=True)]


def _one(row: Row[Any], group: Group, mark: Mark | None) -> FailureGroup:
    return FailureGroup(
        id=group.id,
        tenant=group.tenant,
        kind=group.kind,
        error_class=group.error_class or "bug",
        message=group.message or "",
        count=row.n,
        open=row.open,
        standing=_standing(row.open, row.open_last_at, mark),
        first_at=row.first_at,
        last_at=row.last_at,
        example=row.example,
        mark=mark,
    )


def _standing(still: int, last_at: datetime | None, mark: Mark | None) -> Standing:
    if not still:
        return "closed"
    return "open" if mark is None or (last_at is not None and last_at > mark.at) else "acknowledged"


def _grouped(
    where: Iterable[ColumnElement[bool]], standing: Standing | None, limit: int, after: Position | None, known: datetime | None = None
) -> Select[Any]:
    """`known`: when the newest mark was made, where only groups that may be acknowledged are wanted."""
    at = jobs.c.finished_at
    open_last = func.max(case((jobs.c.closed_at.is_(None), at)), type_=at.type)
    last, example, still = func.max(at, type_=at.type), func.max(jobs.c.id), func.sum(case((jobs.c.closed_at.is_(None), 1), else_=0))
    statement = (
        select(
            *COLUMNS,
            func.count().label("n"),
            still.label("open"),
            open_last.label("open_last_at"),
            func.min(at, type_=at.type).label("first_at"),
            last.label("last_at"),
            example.label("example"),
        )
        .where(*where)
        .group_by(*COLUMNS)
        .order_by(last.desc(), example.desc())
        .limit(limit)
    )
    if after is not None:
        statement = statement.having(or_(last < after[0], and_(last == after[0], example < after[1])))
    if standing is not None:
        statement = statement.having(still == 0 if standing == "closed" else still > 0)
    return statement if known is None else statement.having(open_last <= known)


def _conditions(tenants: Sequence[str] | None, wanted: FailureFilter) -> list[ColumnElement[bool]]:
    plain: dict[str, Any] = {
        "tenant": wanted.tenant,
        "kind": wanted.kind,
        "error_class": wanted.error_class,
        "batch": wanted.batch,
    }
    found = [in_state(State.FAILED), *(jobs.c[name] == value for name, value in plain.items() if value is not None)]
    if tenants is not None:
        found.append(jobs.c.tenant.in_(tenants))
    if wanted.since is not None:
        found.append(jobs.c.finished_at >= wanted.since)
    if wanted.until is not None:
        found.append(jobs.c.finished_at < wanted.until)
    return found
