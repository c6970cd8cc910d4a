"""What a batch would do, without doing it: how many documents, what would be skipped and why, ERP calls, and when it would be done."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from worker.connections import budget_left
from worker.jobs import limits
from worker.jobs.model import Lane
from worker.jobs.overview import in_line, in_open_release
from worker.jobs.views import at
from worker.kinds import KINDS

if TYPE_CHECKING:
    from datetime import datetime

    from webhooks.api.asking import Api
    from webhooks.api.making import Wanted
    from worker.jobs.limits import ConnectionState

CALLS_EACH: Final = 1.1
"""ERP calls for a released document: one to submit, and its part of the list calls that settle many at once."""

_USUAL_MS: Final = 500
_HOUR: Final = 3600.0
_BUSY: Final = "its document has an open release job already"
_TWICE: Final = "it is named more than once"


def preview(api: Api, wanted: Wanted) -> dict[str, Any]:
    """The contract's preview. A selection's documents are known to the ERP alone, which is never called from here: that number is null."""
    if wanted.items is None:
        note = "the ERP knows how many documents these are; it is asked when the batch is made"
        return {"preview": True, "would_change": None, "would_skip": [], "calls": None, "eta": None, "note": note}
    busy, twice = _skipped(api, wanted)
    count = len(wanted.items) - busy - twice
    skips = [{"reason": reason, "count": n} for reason, n in ((_BUSY, busy), (_TWICE, twice)) if n]
    calls = math.ceil(count * CALLS_EACH)
    return {"preview": True, "would_change": count, "would_skip": skips, "calls": calls, "eta": at(_eta(api, wanted, calls))}


def _skipped(api: Api, wanted: Wanted) -> tuple[int, int]:
    """Releases for which another open job does the work, and repeats within the items."""
    kind = KINDS[wanted.kind]
    if kind.operation != "release":
        return 0, 0
    subjects = [kind.subject(kind.check(item)) or "" for item in wanted.items or ()]
    different = set(subjects)
    with api.database.read() as connection:
        busy = in_open_release(connection, wanted.tenant, wanted.kind, sorted(different))
    return len(busy), len(subjects) - len(different)


def _eta(api: Api, wanted: Wanted, calls: int) -> datetime | None:
    """When so many calls would be through, after the work that stands in line already; None while the connection lets none through."""
    now = api.clock()
    lane = Lane(wanted.tenant, wanted.erp)
    with api.database.read() as connection:
        state = limits.state_of(connection, lane)
        ahead = math.ceil(in_line(connection, wanted.tenant, wanted.erp) * CALLS_EACH)
    if state.paused_by is not None or not state.breaker.closed:
        return None
    own = getattr(api.settings.tenants[wanted.tenant], wanted.erp)
    seconds = (calls + ahead) * (state.ms or _USUAL_MS) / 1000 / (state.slots or own.slots)
    return now + timedelta(seconds=max(seconds, _budget_seconds(state, own.calls_per_hour, calls + ahead, now)))


def _budget_seconds(state: ConnectionState, calls_per_hour: int | None, calls: int, now: datetime) -> float:
    """How long until the hour's budget, which comes back all at once, has had room for so many calls."""
    ceiling = state.calls_per_hour or calls_per_hour
    left = budget_left(state.budget, ceiling, now)
    if ceiling is None or left is None or calls <= left:
        return 0.0
    full_hours = math.ceil((calls - left) / ceiling) - 1
    return (state.budget.resets_at(now) - now).total_seconds() + full_hours * _HOUR
