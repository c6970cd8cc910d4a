"""What a batch would do, without doing it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker.jobs import estimates
from worker.kinds import KINDS

if TYPE_CHECKING:
    from webhooks.api.asking import Api
    from webhooks.api.making import Wanted


def preview(api: Api, wanted: Wanted) -> dict[str, Any]:
    """The contract's preview. A selection's documents are known to the ERP alone, which is never called from here: that number is null."""
    if wanted.items is None:
        note = "the ERP knows how many documents these are; it is asked when the batch is made"
        return {"preview": True, "would_change": None, "would_skip": [], "calls": None, "eta": None, "note": note}
    kind = KINDS[wanted.kind]
    with api.database.read() as connection:
        count, skips = estimates.skipped(connection, wanted.tenant, kind, wanted.items)
        return estimates.preview(connection, api.settings, wanted.tenant, kind, count, skips, api.clock())
