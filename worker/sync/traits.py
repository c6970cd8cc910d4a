"""What is true of a tenant's systems, without a call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.sync import intacct, itempath, visma

if TYPE_CHECKING:
    from worker.settings import Tenant
    from worker.sync.system import Traits


def traits_by_erp(tenant: Tenant) -> dict[str, Traits]:
    """What is true of each system that the tenant has a connection to."""
    found: dict[str, Traits] = {}
    if tenant.visma is not None:
        found["visma"] = visma.traits_of(tenant.visma)
    if tenant.itempath is not None:
        found["itempath"] = itempath.traits_of(tenant.itempath)
    if tenant.intacct is not None:
        found["intacct"] = intacct.traits_of(tenant.intacct)
    return found
