"""The documents of a selection, page by page, as jobs of a batch. What was read is remembered, so that a restart goes on where it was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from worker.assemblies.visma_clock import on_their_clock
from worker.clients.visma.lists import KitAssemblyFilter
from worker.clients.visma.records import Accepted
from worker.clients.visma.times import parse_time
from worker.errors import Rejected
from worker.handling import Page
from worker.jobs.verdicts import NewJob
from worker.kinds import KINDS

if TYPE_CHECKING:
    from worker.clients.visma.client import VismaClient
    from worker.clients.visma.records import KitAssemblyStatus
    from worker.jobs.model import Batch

PAGE: Final = 1_000
TIMES: Final = ("created_since", "created_until", "modified_since")
MOST_PASSES: Final = 3
"""A list that changes while it is read is read again, at most so often in all: rows slip over page borders."""


def filters_of(select: dict[str, Any], clock_minutes: int) -> KitAssemblyFilter:
    """Visma's filter for a selection. It takes one border for each time: an `until` beside a `since` is kept on our side."""
    borders: dict[str, Any] = {}
    if since := select.get("created_since"):
        borders |= {"created": _border(since, clock_minutes), "created_condition": ">="}
    elif until := select.get("created_until"):
        borders |= {"created": _border(until, clock_minutes), "created_condition": "<"}
    if since := select.get("modified_since"):
        borders |= {"last_modified": _border(since, clock_minutes), "last_modified_condition": ">="}
    return KitAssemblyFilter(type=select.get("type"), status=select.get("status"), **borders)


def next_page(client: VismaClient, batch: Batch, max_attempts: int, clock_minutes: int | None) -> Page:
    """The next page of the batch's selection. Raises `CallError`."""
    if batch.select is None:
        raise Rejected("the batch has no selection")
    planned = batch.planned or {"page": 1, "pass": 1}
    minutes = _minutes(client, batch.select, clock_minutes)
    page = client.list_statuses(filters_of(batch.select, minutes), page_number=planned["page"], page_size=PAGE)
    until = batch.select.get("created_until")
    news = [_job(batch, record, max_attempts) for record in page.records if _before(record, until, minutes)]
    first_total = planned.get("total", page.total_count)
    if not page.last:
        return Page(news, {**planned, "page": planned["page"] + 1, "total": first_total}, last=False)
    if page.total_count != first_total and planned["pass"] < MOST_PASSES:
        return Page(news, {"page": 1, "pass": planned["pass"] + 1}, last=False)
    return Page(news, {**planned, "done": True}, last=True)


def _minutes(client: VismaClient, select: dict[str, Any], known: int | None) -> int:
    """Visma's clock minus UTC. A selection by time must not be guessed: hours more of documents would be released.

    While no document has told the zone, a harmless background read does, if its state's times carry an offset (seen once, with +01:00).
    """
    if known is not None or not any(select.get(name) for name in TIMES):
        return known or 0
    accepted = client.list_kit_assemblies(KitAssemblyFilter(), page_size=1, background="none")
    state = client.background_state(accepted.id) if isinstance(accepted, Accepted) else None
    offset = _offset(state.received_utc if state is not None else None)
    if not offset:  # UTC by name may be UTC in truth, whatever the documents' clock is
        raise Rejected(
            "Visma's time zone is not known yet: release one document by its number first, or leave the times out of the selection"
        )
    return offset


def _offset(shown: str | None) -> int:
    try:
        moment, _ = parse_time(shown or "")
    except ValueError:
        return 0
    return round((moment.utcoffset() or timedelta()).total_seconds() / 60)


def _job(batch: Batch, record: KitAssemblyStatus, max_attempts: int) -> NewJob:
    kind = KINDS[batch.kind]
    arguments = {"type": record.type, "ref_no": record.ref_no}
    return NewJob(
        tenant=batch.tenant,
        erp=batch.erp,
        kind=kind.name,
        arguments=arguments,
        reference=kind.reference(arguments),
        subject=kind.subject(arguments),
        max_attempts=max_attempts,
        priority=batch.priority,
        tags=batch.tags,
        batch=batch.id,
    )


def _before(record: KitAssemblyStatus, until: str | None, clock_minutes: int) -> bool:
    if until is None or record.created is None:
        return True
    try:
        made, zoned = parse_time(record.created)
    except ValueError:
        return True
    return made < _aware(until) if zoned else made < _border(until, clock_minutes)


def _border(text: str, clock_minutes: int) -> datetime:
    return on_their_clock(_aware(text), clock_minutes)


def _aware(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
