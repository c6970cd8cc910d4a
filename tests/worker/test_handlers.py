"""The handler of each lane: which kinds it does, within which limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from worker.clients.pool import ClientPool
from worker.handlers import Handlers
from worker.jobs.model import Lane
from worker.kinds import KINDS
from worker.routing import Router
from worker.settings import ERPS, Intacct, ItemPath, Retries, Secret, Settings, Sync, Tenant, Timing, Visma
from worker.sync.traits import traits_by_erp

if TYPE_CHECKING:
    from worker.jobs.engine import Database

URL = "http://127.0.0.1:9"
TENANT = Tenant(
    "acme",
    Visma(URL, URL, "c", Secret("s"), "t", slots=3, retries=Retries(attempts=2)),
    ItemPath(URL, token=Secret("t")),
    Intacct(URL, "c", Secret("s"), "u@c", calls_per_hour=500),
    Sync(source="visma", targets=("itempath", "intacct")),
)


@pytest.fixture
def handlers(sqlite_db: Database) -> Handlers:
    """Of a tenant with all three, and of one with none but Visma."""
    settings = Settings(tenants={"acme": TENANT, "other": Tenant("other", TENANT.visma)})
    return Handlers(settings, sqlite_db, ClientPool(Timing()))


def test_limits(handlers: Handlers) -> None:
    """Each connection has the slots and calls of its settings."""
    made = {erp: handlers.make(Lane("acme", erp)) for erp in ERPS}

    assert {erp: (handler.limits.slots, handler.limits.calls_per_hour) for erp, handler in made.items() if handler is not None} == {
        "visma": (3, 15_000),
        "itempath": (1, None),
        "intacct": (2, 500),
    }


def test_kinds_done(handlers: Handlers) -> None:
    """Every kind of job is done in the lane of its ERP, and syncs and looks at kits in all three."""
    done = {}
    for erp in ERPS:
        handler = handlers.make(Lane("acme", erp))
        assert isinstance(handler, Router)
        done[erp] = set(handler._works)
    everywhere = {name for name, kind in KINDS.items() if not kind.erp}
    assemblies = {name for name, kind in KINDS.items() if kind.erp == "visma"}

    assert done["itempath"] == {name for name, kind in KINDS.items() if kind.erp == "itempath"} | everywhere
    assert done["intacct"] == {name for name, kind in KINDS.items() if kind.erp == "intacct"} | everywhere
    assert done["visma"] == {"read_kit_assembly"} | everywhere
    assert {name.rpartition("_kit_")[2] for name in assemblies} == {"assembly"}


def test_no_connection(handlers: Handlers) -> None:
    """A lane that the settings do not have has no handler."""
    assert [handlers.make(Lane(*lane)) for lane in (("other", "itempath"), ("other", "intacct"), ("nobody", "visma"))] == [None] * 3


def test_traits() -> None:
    """What is true of each system of a tenant: ItemPath imports and holds physical things only; Intacct renumbers and shares revenue."""
    found = traits_by_erp(TENANT)

    assert {erp: traits.imports for erp, traits in found.items()} == {"visma": False, "itempath": True, "intacct": False}
    assert {erp: traits.numbering for erp, traits in found.items()} == {"visma": "own", "itempath": "unique", "intacct": "pushing"}
    assert [erp for erp, traits in found.items() if traits.stock_only] == ["itempath"]
    assert [erp for erp, traits in found.items() if traits.shares_revenue] == ["intacct"]
