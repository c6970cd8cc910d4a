"""What a release would do, without doing it: how many documents, what would be skipped and why, ERP calls, and when it would be done."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

from worker.assemblies.planning import filters_of
from worker.assemblies.visma_clock import LEARNED
from worker.cli.reading import visma_client
from worker.jobs import estimates, limits
from worker.jobs.ledger import utc_now
from worker.jobs.model import Lane
from worker.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from worker.clients.visma.client import VismaClient
    from worker.jobs.engine import Database
    from worker.settings import Settings

KIND: Final = KINDS["release_kit_assembly"]


def preview_items(settings: Settings, database: Database, tenant: str, items: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """Of documents that are named: those with an open release are skipped, and repeats."""
    with database.read() as connection:
        count, skips = estimates.skipped(connection, tenant, KIND, items)
        return estimates.preview(connection, settings, tenant, KIND, count, skips, utc_now())


def preview_select(settings: Settings, database: Database, tenant: str, select: dict[str, Any]) -> dict[str, Any]:
    """Of documents to look for: the ERP is asked how many there are, with the smallest page. Raises `CallError`."""
    with database.read() as connection:
        minutes = limits.state_of(connection, Lane(tenant, KIND.erp)).learned.get(LEARNED, 0)
    with closing(visma_client(settings, tenant)) as reader:
        count = _count(reader.client, select, minutes)
        if select.get("created_since") and select.get("created_until"):  # the list takes one border for each time
            later = {**select, "created_since": select["created_until"]}
            count -= _count(reader.client, {key: value for key, value in later.items() if key != "created_until"}, minutes)
    with database.read() as connection:
        return estimates.preview(connection, settings, tenant, KIND, max(0, count), [], utc_now())


def _count(client: VismaClient, select: dict[str, Any], minutes: int) -> int:
    page = client.list_statuses(filters_of(select, minutes), page_number=1, page_size=1)
    return page.total_count if page.total_count is not None else page.received
