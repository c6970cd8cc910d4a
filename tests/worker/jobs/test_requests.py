"""From what is asked for to jobs: in whose lane they begin, what they hold, and what stands against them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from worker.errors import InvalidArguments
from worker.jobs import requests
from worker.settings import Alias, Intacct, ItemPath, Retries, Secret, Settings, Sync, Tenant

if TYPE_CHECKING:
    from collections.abc import Callable

INTACCT = Intacct("https://i.test", "client", Secret("s"), "user@company", retries=Retries(attempts=5))
ITEMPATH = ItemPath("https://p.test", token=Secret("t"), retries=Retries(attempts=3))
ACME = Tenant(
    "acme",
    itempath=ITEMPATH,
    intacct=INTACCT,
    sync=Sync(source="intacct", targets=("itempath",), aliases=(Alias("itempath", "K-1X", "K1"),)),
)
SETTINGS = Settings(tenants={"acme": ACME, "bare": Tenant("bare", itempath=ITEMPATH)})


def faults(ask: Callable[[], object]) -> list[str]:
    """The faults, as text."""
    with pytest.raises(InvalidArguments) as caught:
        ask()
    return [str(fault) for fault in caught.value.faults]


def test_sync_begins_at_its_source() -> None:
    """A sync begins in its source's lane, which the arguments or the settings name, with that connection's number of attempts."""
    usual = requests.new_job(SETTINGS, "acme", "sync_kit_lines", {"kit": "K1"})
    other = requests.new_job(SETTINGS, "acme", "sync_kit_lines", {"kit": "K1", "source": "itempath", "targets": ["intacct"]})

    assert (usual.erp, usual.max_attempts, usual.subject, usual.reference) == ("intacct", 5, "kit/K1", "K1")
    assert (other.erp, other.max_attempts, other.subject) == ("itempath", 3, "kit/K1")


def test_direct_kind_has_its_erp() -> None:
    """A direct kind is its ERP's, and holds the kit under the name that it has everywhere else."""
    line = requests.new_job(SETTINGS, "acme", "delete_kit_line", {"kit": "k-1x", "material": "B"})
    component = requests.new_job(SETTINGS, "acme", "delete_kit_component", {"kit": "K-1X", "component": "B"})

    assert (line.erp, line.subject, line.reference) == ("itempath", "kit/K1", "k-1x/B")
    assert (component.erp, component.subject) == ("intacct", "kit/K-1X")


def test_sync_faults_together() -> None:
    """Faults of the arguments and of the systems that they name are told together, under `arguments`."""
    asked = {"source": "visma", "targets": ["visma", "intacct"], "force": 1}

    assert sorted(faults(lambda: requests.new_job(SETTINGS, "acme", "sync_kit_lines", asked))) == [
        "arguments.force: must be true or false",
        "arguments.kit: is required",
        "arguments.source: acme has no connection to visma",
        "arguments.targets[0]: acme has no connection to visma",
        "arguments.targets[0]: is the source",
    ]


def test_tenant_without_sync() -> None:
    """A tenant whose settings name no source must be told one; and the connection that a direct kind needs."""
    assert faults(lambda: requests.new_job(SETTINGS, "bare", "sync_kit_lines", {"kit": "K"})) == [
        "arguments.source: is required: the settings of bare name none",
        "arguments.targets: is required: the settings of bare name no target other than the source",
    ]
    assert faults(lambda: requests.new_job(SETTINGS, "bare", "delete_kit_component", {"key": "1"})) == [
        "tenant: bare has no connection to intacct"
    ]


def test_items_have_one_source() -> None:
    """Every bad item is named; syncs of two sources don't make one batch, which begins in one lane."""
    items: list[Any] = [{"kit": "A"}, {"kit": "B", "source": "itempath", "targets": ["intacct"]}, {"kit": "C", "targets": ["intacct"]}, 7]

    assert faults(lambda: requests.check_items(SETTINGS, "acme", "sync_kit_lines", items)) == [
        "items[1].source: is itempath, and intacct in the items before: make a batch for each",
        "items[2].targets[0]: is the source",
        "items[3]: must be an object",
    ]
    assert requests.check_items(SETTINGS, "acme", "sync_kit_lines", items[1:2]) == 1
    assert requests.erp_for(SETTINGS, "acme", "sync_kit_lines", items[1]) == "itempath"
    assert [new.erp for new in requests.new_items(SETTINGS, "acme", "sync_kit_lines", items[:1], "batch")] == ["intacct"]


def test_selection_is_judged() -> None:
    """A selection of kits names its faults under `select`; one of documents has no sides."""
    assert faults(lambda: requests.check_select(SETTINGS, "acme", "sync_kit_lines", {"all": True, "targets": ["intacct"]})) == [
        "select.targets[0]: is the source"
    ]
    assert requests.erp_for(SETTINGS, "acme", "sync_kit_lines", {"all": True}) == "intacct"
    requests.check_select(SETTINGS, "acme", "sync_kit_lines", {"all": True})


def test_looks_hold_nothing() -> None:
    """A look begins in the source's lane, or the tenant's first; it goes before bulk work, holds nothing and is tried twice at most."""
    kit = requests.new_job(SETTINGS, "acme", "read_kit", {"kit": "K-1X"})
    bare = requests.new_job(SETTINGS, "bare", "read_kit", {"kit": "K1"}, priority=-5)
    many = list(requests.new_items(SETTINGS, "acme", "read_kit", [{"kit": "K1"}], "a batch"))

    assert (kit.erp, kit.reference, kit.subject, kit.priority, kit.max_attempts) == ("intacct", "K-1X", None, 100, 2)
    assert (bare.erp, bare.priority) == ("itempath", -5)
    assert [each.priority for each in many] == [0]


def test_faults_of_looks() -> None:
    """A revision is Visma's, and a document is in Visma: without a connection to it there is none."""
    assert faults(lambda: requests.new_job(SETTINGS, "acme", "read_kit", {"kit": "K1", "revision": "R1"})) == [
        "arguments.revision: is Visma's alone, to which acme has no connection"
    ]
    assert faults(lambda: requests.new_job(SETTINGS, "acme", "read_kit", {"revision": 1})) == [
        "arguments.kit: is required",
        "arguments.revision: must be text",
    ]
    assert faults(lambda: requests.new_job(SETTINGS, "acme", "read_kit_assembly", {"type": "P", "ref_no": "1"})) == [
        "tenant: acme has no connection to visma"
    ]
    nothing = Settings(tenants={"empty": Tenant("empty")})
    assert faults(lambda: requests.new_job(nothing, "empty", "read_kit", {"kit": "K1"})) == ["arguments: empty has no connection"]
