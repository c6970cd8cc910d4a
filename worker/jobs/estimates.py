"""What a batch would do, before it is made: what would be skipped and why, how many ERP calls it takes, and when it would be done."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from worker.connections import budget_left
from worker.jobs import limits
from worker.jobs.model import Lane
from worker.jobs.overview import in_line, in_open_release
from worker.jobs.views import at

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import Connection

    from worker.jobs.limits import ConnectionState
    from worker.kinds import Kind
    from worker.settings import Settings

CALLS_EACH: Final = 1.1
"""ERP calls for a released document: one to submit, and its part of the list calls that settle many at once."""

CALLS_OF_SYNC: Final = 3.0
"""ERP calls for a kit that is compared: source and two targets are read once. Writes come on top; nobody knows before whether any are."""

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
    calls = math.ceil(count * (CALLS_OF_SYNC if kind.operation == "sync" else CALLS_EACH))
    eta = _eta(connection, settings, Lane(tenant, kind.erp or erp), calls, now) if count else None
    return {"preview": True, "would_change": count, "would_skip": skips, "calls": calls, "eta": at(eta)}


def _eta(connection: Connection, settings: Settings, lane: Lane, calls: int, now: datetime) -> datetime | None:
    """When so many calls would be through, after the work that stands in line already; None while the connection lets none through."""
    state = limits.state_of(connection, lane)
    if state.paused_by is not None or not state.breaker.closed:
        return None
    calls += math.ceil(in_line(connection, lane.tenant, lane.erp) * CALLS_EACH)
    own = getattr(settings.tenants[lane.tenant], lane.erp)
    by_slots = calls * (state.ms or _USUAL_MS) / 1000 / (state.slots or own.slots)
    return now + timedelta(seconds=max(by_slots, _by_budget(state, own.calls_per_hour, calls, now)))


def _by_budget(state: ConnectionState, calls_per_hour: int | None, calls: int, now: datetime) -> float:
    """How long the hour's budget, which comes back all at once, makes so many calls wait; seconds."""
    ceiling = state.calls_per_hour or calls_per_hour
    left = budget_left(state.budget, ceiling, now)
    if ceiling is None or left is None or calls <= left:
        return 0.0
    full_hours = math.ceil((calls - left) / ceiling) - 1
    return (state.budget.resets_at(now) - now).total_seconds() + full_hours * _HOUR
