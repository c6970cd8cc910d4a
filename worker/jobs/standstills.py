"""When no call of a connection could be started, and why: one stretch after another for each lane, written by who finds it so.

Found at the refresh of a lane that has work, so a connection that nobody wants to use stands still unnoticed. `until` of a stretch is
NULL while nobody knows its end; where the ERP or the hour tells it, it is written ahead, and made earlier or later when that changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - tools that read the records resolve their annotations
from typing import TYPE_CHECKING, Final

from sqlalchemy import and_, bindparam, insert, or_, select, update

from worker.jobs.tables import Moment
from worker.jobs.tables import standstills as rows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection, Row

    from worker.jobs.model import Lane

PAUSED: Final = "paused"  # a person stopped the connection
BROKEN: Final = "broken"  # its breaker is open: the ERP is down, or refuses us
ORDERED: Final = "ordered"  # the ERP ordered a wait
BUDGET: Final = "budget"  # the calls of the hour are used up
REASONS: Final = (PAUSED, BROKEN, ORDERED, BUDGET)

MOST: Final = 500
"""So many stretches are given at once, at most."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why no call can be started now, as a person is told; `until` where its end is known."""

    reason: str
    why: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Standstill:
    """A stretch in which no call of the connection could be started. `until` is None, or lies ahead, while it lasts."""

    tenant: str
    erp: str
    reason: str
    why: str
    since: datetime
    until: datetime | None


def note(connection: Connection, lane: Lane, before: str | None, found: Cause | None, now: datetime) -> None:
    """Write down what a refresh found. `before` is the reason that the last one found: while there was and is none, nothing is done.

    Call it with the connection's row locked.
    """
    if before is None and found is None:
        return
    last = connection.execute(_LAST, _given(lane)).one_or_none() if before is not None else None
    lasting = last if last is not None and (last.until is None or last.until > now) else None
    if lasting is not None and found is not None and lasting.reason == found.reason:
        if (lasting.why, lasting.until) != (found.why, found.until):
            connection.execute(_CHANGE, {"key": lasting.id, "why": found.why, "until": found.until})
        return
    if lasting is not None:
        connection.execute(_CHANGE, {"key": lasting.id, "why": lasting.why, "until": now})
    if found is not None:
        given = {"reason": found.reason, "why": found.why, "since": now, "until": found.until}
        connection.execute(_INSERT, {"tenant": lane.tenant, "erp": lane.erp, **given})


def during(connection: Connection, lane: Lane, since: datetime, until: datetime) -> list[Standstill]:
    """The lane's standstills that touch this time, oldest first; of more than `MOST` the newest."""
    before = connection.execute(_BEFORE, {**_given(lane), "since": since}).scalar()  # one at most lasts into this time
    touches = and_(rows.c.since >= (before or since), rows.c.since < until, or_(rows.c.until.is_(None), rows.c.until > since))
    statement = select(rows).where(*_HERE, touches).order_by(rows.c.since.desc(), rows.c.id.desc()).limit(MOST)
    return [_standstill(row) for row in connection.execute(statement, _given(lane))][::-1]


def now_standing(connection: Connection, lanes: Iterable[Lane], now: datetime) -> list[Standstill]:
    """What stands still now, of these lanes. A lane that nobody wanted to use since is told as it was found last."""
    found = [connection.execute(_LAST, _given(lane)).one_or_none() for lane in lanes]
    return [_standstill(row) for row in found if row is not None and (row.until is None or row.until > now)]


def _given(lane: Lane) -> dict[str, str]:
    return {"tenant": lane.tenant, "erp": lane.erp}


def _standstill(row: Row[tuple[object, ...]]) -> Standstill:
    return Standstill(row.tenant, row.erp, row.reason, row.why, row.since, row.until)


_HERE: Final = (rows.c.tenant == bindparam("tenant"), rows.c.erp == bindparam("erp"))
_LAST: Final = select(rows).where(*_HERE).order_by(rows.c.since.desc(), rows.c.id.desc()).limit(1)
_BEFORE: Final = (
    select(rows.c.since).where(*_HERE, rows.c.since <= bindparam("since", type_=Moment())).order_by(rows.c.since.desc()).limit(1)
)
_INSERT: Final = insert(rows)
_CHANGE: Final = update(rows).where(rows.c.id == bindparam("key")).values(why=bindparam("why"), until=bindparam("until", type_=Moment()))
