"""What a release would do, without doing it: how many documents, what would be skipped and why, ERP calls, and when it would be done."""

from __future__ import annotations

import math
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from worker.assemblies.planning import filters_of
from worker.assemblies.visma_clock import LEARNED
from worker.cli.reading import visma_client
from worker.connections import budget_left
from worker.jobs import limits
from worker.jobs.ledger import utc_now
from worker.jobs.model import Lane
from worker.jobs.overview import in_line, in_open_release
from worker.jobs.views import at
from worker.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from worker.clients.visma.client import VismaClient
    from worker.jobs.engine import Database
    from worker.jobs.limits import ConnectionState
    from worker.settings import Settings

CALLS_EACH: Final = 1.1
"""ERP calls for a released document: one to submit, and its part of the list calls that settle many at once."""

USUAL_MS: Final = 500
HOUR: Final = 3_600.0
KIND: Final = KINDS["release_kit_assembly"]


def preview_items(settings: Settings, database: Database, tenant: str, items: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """Of documents that are named: those with an open release are skipped, and repeats."""
    subjects = [KIND.subject(KIND.check(item)) or "" for item in items]
    different = set(subjects)
    with database.read() as connection:
        busy = len(in_open_release(connection, tenant, KIND.name, sorted(different)))
    reasons = (("its document has an open release job already", busy), ("it is named more than once", len(subjects) - len(different)))
    skips = [{"reason": reason, "count": count} for reason, count in reasons if count]
    return _preview(settings, database, tenant, len(different) - busy, skips)


def preview_select(settings: Settings, database: Database, tenant: str, select: dict[str, Any]) -> dict[str, Any]:
    """Of documents to look for: the ERP is asked how many there are, with the smallest page. Raises `CallError`."""
    with database.read() as connection:
        minutes = limits.state_of(connection, Lane(tenant, KIND.erp)).learned.get(LEARNED, 0)
    with closing(visma_client(settings, tenant)) as reader:
        count = _count(reader.client, select, minutes)
        if select.get("created_since") and select.get("created_until"):  # the list takes one border for each time
            later = {**select, "created_since": select["created_until"]}
            count -= _count(reader.client, {key: value for key, value in later.items() if key != "created_until"}, minutes)
    return _preview(settings, database, tenant, max(0, count), [])


def _count(client: VismaClient, select: dict[str, Any], minutes: int) -> int:
    page = client.list_statuses(filters_of(select, minutes), page_number=1, page_size=1)
    return page.total_count if page.total_count is not None else page.received


def _preview(settings: Settings, database: Database, tenant: str, count: int, skips: list[dict[str, Any]]) -> dict[str, Any]:
    calls = math.ceil(count * CALLS_EACH)
    eta = at(_eta(settings, database, tenant, calls)) if count else None
    return {"preview": True, "would_change": count, "would_skip": skips, "calls": calls, "eta": eta}


def _eta(settings: Settings, database: Database, tenant: str, calls: int) -> datetime | None:
    """When so many calls would be through, after the work that stands in line already; None while the connection lets none through."""
    now = utc_now()
    lane = Lane(tenant, KIND.erp)
    with database.read() as connection:
        state = limits.state_of(connection, lane)
        ahead = math.ceil(in_line(connection, tenant, KIND.erp) * CALLS_EACH)
    if state.paused_by is not None or not state.breaker.closed:
        return None
    own = getattr(settings.tenants[tenant], KIND.erp)
    by_slots = (calls + ahead) * (state.ms or USUAL_MS) / 1000 / (state.slots or own.slots)
    return now + timedelta(seconds=max(by_slots, _by_budget(state, own.calls_per_hour, calls + ahead, now)))


def _by_budget(state: ConnectionState, calls_per_hour: int | None, calls: int, now: datetime) -> float:
    """How long the hour's budget makes so many calls wait, in seconds: whole hours for what is left over, from the next reset on."""
    ceiling = state.calls_per_hour or calls_per_hour
    left = budget_left(state.budget, ceiling, now)
    if ceiling is None or left is None or calls <= left:
        return 0.0
    reset = (state.budget.resets_at(now) - now).total_seconds()
    return reset + (math.ceil((calls - left) / ceiling) - 1) * HOUR
