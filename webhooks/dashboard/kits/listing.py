"""The kits that were read before, by the beginning of their code; and the door to any other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from webhooks.dashboard.kits.codes import kit_address
from webhooks.dashboard.kits.page import home_of, homes_of, opened
from webhooks.dashboard.visiting import Page
from worker.kinds.codes import LONGEST
from worker.kit_ledger.finding import find_kits

if TYPE_CHECKING:
    from webhooks.dashboard.visiting import Outcome, Visit
    from worker.settings import Tenant

MOST: Final = 50
MOST_TENANTS: Final = 12
"""So many tenants are searched together; with more, one has to be chosen."""


def listed(visit: Visit) -> Outcome:
    """`GET /kits?q=…&tenant=…&cursor=…`; with `code=…` that kit's page, whatever its characters."""
    if visit.get("code"):
        return opened(visit, visit.get("code"))
    homes, tenant, q = homes_of(visit), visit.get("tenant"), visit.get("q")[:LONGEST]
    searched = [home_of(visit, tenant)] if tenant else _together(homes)
    with visit.api.database.read() as connection:
        found = find_kits(connection, searched, q, MOST, visit.get("cursor") or None)
    erps = {home.name: home.erps() for home in searched}
    chosen = tenant or (searched[0].name if len(searched) == 1 and len(homes) > 1 else "")
    kits = [
        {"kit": kit, "to": kit_address(kit.tenant, kit.code), "unseen": [erp for erp in erps[kit.tenant] if erp not in kit.erps]}
        for kit in found.kits
    ]
    values = {
        "q": q,
        "tenant": chosen,
        "tenants": [home.name for home in homes],
        "all": len(homes) <= MOST_TENANTS,
        "kits": kits,
        "next": found.next,
        "query": [(name, value) for name, value in (("q", q), ("tenant", chosen)) if value],
        "most": LONGEST,
    }
    return Page("kits.html", values)


def _together(homes: list[Tenant]) -> list[Tenant]:
    return homes if len(homes) <= MOST_TENANTS else homes[:1]
