"""What a batch would do, without doing it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker.jobs import estimates
from worker.kinds import KINDS

if TYPE_CHECKING:
    from webhooks.api.asking import Api
    from webhooks.api.making import Wanted


def preview(api: Api, wanted: Wanted) -> dict[str, Any]:
    """The contract's preview. What a selection holds is known to the ERP alone, which is never called from here: that number is null."""
    if wanted.items is None:
        what = "kits" if wanted.kind == "sync_kit_lines" else "documents"
        note = f"the ERP knows how many {what} these are; it is asked when the batch is made (see hold)"
        return {"preview": True, "would_change": None, "would_skip": [], "calls": None, "eta": None, "eta_from": None, "note": note}
    kind = KINDS[wanted.kind]
    with api.database.read() as connection:
        count, skips = estimates.skipped(connection, wanted.tenant, kind, wanted.items)
        return estimates.preview(connection, api.settings, wanted.tenant, kind, count, skips, api.clock(), wanted.erp)
