"""What a batch would do, before it is made: what would be skipped and why, how many ERP calls it takes, and when it would be done.

Three things bound when: calls under way at once (`slots`), calls of the hour (`budget`), and how fast the last batches of the kind really
went (`pace`), which also knows what the ERP does by itself after a call. The slowest of them is told, and which it was.
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, func, select

from worker.connections import budget_left
from worker.jobs import limits, speeds
from worker.jobs.model import Lane
from worker.jobs.overview import in_line, in_open_release
from worker.jobs.states import OPEN, State
from worker.jobs.tables import jobs
from worker.jobs.views import at
from worker.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import Connection, Select

    from worker.jobs.limits import ConnectionState
    from worker.jobs.model import Batch
    from worker.kinds import Kind
    from worker.settings import Settings

CALLS_EACH: Final = 1.1
"""ERP calls for a released document: one to submit, and its part of the list calls that settle many at once."""

CALLS_OF_SYNC: Final = 3.0
"""ERP calls for a kit that is compared: source and two targets are read once. Writes come on top; nobody knows before whether any are."""

MOST_LOOKED_AT: Final = 10_000
"""So many jobs of a batch that is made are looked at for others on the same document."""

PACE: Final = "pace"
SLOTS: Final = "slots"
BUDGET: Final = "budget"
RESTS_ON: Final = {PACE: "at the pace of the last batches", SLOTS: "at the earliest", BUDGET: "as the calls of the hour allow"}
"""What a time rests on, as one says it after the time."""

_USUAL_MS: Final = 500
_HOUR: Final = 3600.0
_BUSY: Final = "its document has an open release job already"
_TWICE: Final = "it is named more than once"


def skipped(connection: Connection, tenant: str, kind: Kind, items: Iterable[object]) -> tuple[int, list[dict[str, Any]]]:
    """How many items would be worked on, and `{"reason", "count"}` for the others: documents that are being released, and repeats."""
    subjects = [kind.subject(kind.check(item)) or "" for item in items]
    if kind.operation != "release":
        return len(subjects), []
    different = set(subjects)
    busy = len(in_open_release(connection, tenant, kind.name, sorted(different)))
    found = ((_BUSY, busy), (_TWICE, len(subjects) - len(different)))
    return len(different) - busy, [{"reason": reason, "count": count} for reason, count in found if count]


def preview(
    connection: Connection,
    settings: Settings,
    tenant: str,
    kind: Kind,
    count: int,
    skips: list[dict[str, Any]],
    now: datetime,
    erp: str = "",
) -> dict[str, Any]:
    """The contract's preview of a batch of `count` jobs; `erp` is where they begin, for a kind that has no ERP of its own."""
    told = {"preview": True, "would_change": count, "would_skip": skips, "calls": _calls(kind, count)}
    return told | _told(_eta(connection, settings, Lane(tenant, kind.erp or erp), kind, count, now) if count else None)


def of_made(connection: Connection, settings: Settings, batch: Batch, count: int, now: datetime) -> dict[str, Any]:
    """The same of a batch whose `count` jobs are made and stand in line already, if it went on now."""
    kind = KINDS[batch.kind]
    known = batch.tenant in settings.tenants and batch.erp in settings.tenants[batch.tenant].erps()
    told = {"preview": True, "would_change": count, "would_skip": also_open(connection, batch), "calls": _calls(kind, count)}
    lane = Lane(batch.tenant, batch.erp)
    return told | _told(_eta(connection, settings, lane, kind, count, now, count) if count and known else None)


def also_open(connection: Connection, batch: Batch) -> list[dict[str, Any]]:
    """Documents of the batch, of its first jobs as many as can be looked at, that another job of the kind has in hand."""
    if KINDS[batch.kind].operation != "release":
        return []
    busy = connection.execute(_BUSY_ELSEWHERE, {"batch": batch.id, "kind": batch.kind}).scalar_one()
    return [{"reason": _BUSY, "count": busy}] if busy else []


def _calls(kind: Kind, count: int) -> int:
    return math.ceil(count * (CALLS_OF_SYNC if kind.operation == "sync" else CALLS_EACH))


def _told(end: tuple[datetime, str] | None) -> dict[str, Any]:
    return {"eta": None, "eta_from": None} if end is None else {"eta": at(end[0]), "eta_from": end[1]}


def _eta(
    connection: Connection, settings: Settings, lane: Lane, kind: Kind, count: int, now: datetime, mine: int = 0
) -> tuple[datetime, str] | None:
    """When so many jobs would be through, after the work that stands in line already, and what that rests on; None while none gets through.

    `mine`: so many of what stands in line are these jobs themselves.
    """
    state = limits.state_of(connection, lane)
    if state.paused_by is not None or not state.breaker.closed:
        return None
    before = max(0, in_line(connection, lane.tenant, lane.erp) - mine)
    calls = _calls(kind, count) + math.ceil(before * CALLS_EACH)
    own = getattr(settings.tenants[lane.tenant], lane.erp)
    bounds = {
        SLOTS: calls * (state.ms or _USUAL_MS) / 1000 / (state.slots or own.slots),
        BUDGET: _by_budget(state, own.calls_per_hour, calls, now),
    }
    speed = speeds.speed_of(connection, lane.tenant, kind.name, now)
    if speed is not None:
        bounds[PACE] = speed.seconds(before + count)
    basis = max(bounds, key=bounds.__getitem__)
    return now + timedelta(seconds=bounds[basis]), basis


def _by_budget(state: ConnectionState, calls_per_hour: int | None, calls: int, now: datetime) -> float:
    """How long the hour's budget, which comes back all at once, makes so many calls wait; seconds."""
    ceiling = state.calls_per_hour or calls_per_hour
    left = budget_left(state.budget, ceiling, now)
    if ceiling is None or left is None or calls <= left:
        return 0.0
    full_hours = math.ceil((calls - left) / ceiling) - 1
    return (state.budget.resets_at(now) - now).total_seconds() + full_hours * _HOUR


def _busy_elsewhere() -> Select[Any]:
    other = jobs.alias("other")
    mine = (
        select(jobs.c.id, jobs.c.tenant, jobs.c.subject)
        .where(jobs.c.batch == bindparam("batch"), jobs.c.state == State.QUEUED.value)
        .order_by(jobs.c.id)
        .limit(MOST_LOOKED_AT)
        .subquery()
    )
    same = (other.c.tenant == mine.c.tenant, other.c.subject == mine.c.subject, other.c.id != mine.c.id, other.c.kind == bindparam("kind"))
    busy = select(other.c.id).where(*same, other.c.state.in_([state.value for state in sorted(OPEN)])).exists()
    return select(func.count()).select_from(mine).where(busy)


_BUSY_ELSEWHERE: Final = _busy_elsewhere()
