"""What a cluster's processes are told, and a cluster with all three ERPs as real processes."""

from __future__ import annotations

import json
import time
import tomllib
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from worker.cli import kitrelay
from worker.cli.cluster import Cluster
from worker.cli.launching import sandbox_words
from worker.cli.occasion import Occasion
from worker.cli.plan import Plan
from worker.cli.toml import lines_of
from worker.configuration import load
from worker.sandbox.__main__ import parser, settings_of
from worker.sandbox.settings import COMPANY_LIVE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from worker.settings import Settings

pytestmark = pytest.mark.xdist_group("journeys")

SYNC = {"source": "intacct", "targets": ["itempath"], "compare_every": "never"}
ALL = ("visma", "itempath", "intacct")
VALUES = st.one_of(st.booleans(), st.integers(-(2**40), 2**40), st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])))
NAMES = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1)


def read(plan: Plan, folder: Path) -> tuple[Occasion, Settings]:
    """The plan's settings file, read as every process reads it."""
    occasion = Occasion(plan, folder, 8000, 9100)
    file = folder / "kitrelay.toml"
    file.write_text(occasion.settings_text())
    return occasion, load(file, environ={})


def test_visma_alone_by_default(tmp_path: Path) -> None:
    """Without more being said there is one tenant with Visma, and its company is told nothing of other ERPs."""
    occasion, settings = read(Plan(), tmp_path)
    assert [(name, tenant.erps()) for name, tenant in settings.tenants.items()] == [("demo", ("visma",))]
    assert settings.tenants["demo"].sync.source is None
    assert occasion.told() == {
        "demo": {"webhook_url": "http://127.0.0.1:8000/webhooks/visma/demo", "webhook_key": occasion.webhook_key},
    }


def test_tenant_for_each_company(tmp_path: Path) -> None:
    """Each company is a tenant with every ERP, its own names and secrets, and the plan's further keys."""
    sync: dict[str, object] = {"source": "intacct", "targets": ["itempath"], "nested": {"itempath": "explode"}, "compare_every": "2s"}
    sync |= {"units": [{"erp": "itempath", "unit": "Piece", "base": "EA"}]}
    plan = Plan(erps=ALL, companies=("demo", "other"), sync=sync, itempath={"slots": 3}, intacct={"slots": 1})
    occasion, settings = read(plan, tmp_path)
    other = settings.tenants["other"]
    assert list(settings.tenants) == ["demo", "other"]
    assert other.itempath is not None
    assert other.intacct is not None
    assert other.visma is not None
    assert (other.itempath.base_url, other.itempath.username, other.itempath.slots) == (
        "http://127.0.0.1:9100/itempath/other",
        "other-user",
        3,
    )
    assert (other.intacct.username, other.intacct.client_id, other.intacct.slots) == ("relay@other", "other-client", 1)
    assert other.visma.tenant_id == "other"
    assert (other.sync.source, other.sync.nested, other.sync.units[0].base) == ("intacct", {"itempath": "explode"}, "EA")
    told = occasion.told()["other"]
    assert told["intacct_webhook_url"] == "http://127.0.0.1:8000/webhooks/intacct/other"
    assert other.itempath.webhook_secret is not None
    assert told["itempath_push_secret"] == other.itempath.webhook_secret.reveal()
    assert set(told) <= COMPANY_LIVE


def test_unnotified_has_no_address(tmp_path: Path) -> None:
    """Where the ERPs have nobody to tell, every address is empty."""
    told = Occasion(Plan(erps=ALL, notified=False), tmp_path, 8000, 9100).told()["demo"]
    assert {value for name, value in told.items() if name.endswith("_url")} == {""}


def test_sandbox_gets_companies() -> None:
    """The simulated ERPs have the plan's companies, limits and faults."""
    plan = Plan(companies=("demo", "other"), faults=("lost=0.5",), slots=3)
    settings = settings_of(parser().parse_args(sandbox_words(plan, 9100)))
    assert [company.name for company in settings.companies] == ["demo", "other"]
    assert {company.slots for company in settings.companies} == {3}
    assert settings.faults == {"lost": 0.5}


@given(st.recursive(VALUES, lambda inner: st.one_of(st.lists(inner), st.dictionaries(NAMES, inner)), max_leaves=8))
def test_values_survive_file(value: object) -> None:
    """Whatever a plan says comes back from the file as it was."""
    assert tomllib.loads("\n".join(lines_of({"key": value})))["key"] == value


def test_kits_follow_in_processes(tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two tenants with three ERPs: a kit that changes in one's Intacct follows in its ItemPath by trigger, the other's stays.

    Then the command line finds and writes a difference, and takes the workers' token: each company gave out one.
    """
    plan = Plan(documents=0, erps=ALL, companies=("demo", "other"), read_ms=1, web_processes=1, sync=SYNC)
    assert file.exists(), "nothing of this machine's own settings counts"
    with Cluster(tmp_path / "cluster", plan) as cluster:
        for company in plan.companies:
            cluster.sandbox("POST", "kits", {"count": 2, "lines_each": 3, "company": company})
        before = lines(cluster, "itempath", "other")
        changed = {**before, min(before): "44"}
        told = [{"component": code, "quantity": quantity} for code, quantity in changed.items()]
        cluster.sandbox("PUT", "kits/intacct/other/KIT-00001", {"lines": told, "announce": True})
        until(lambda: lines(cluster, "itempath", "other") == changed)
        assert lines(cluster, "itempath", "demo") == before
        cluster.sandbox("PUT", "kits/itempath/demo/KIT-00002", {"lines": [{"component": "C-000001", "quantity": "1"}]})
        monkeypatch.setenv("KITRELAY_CONFIG", str(cluster.file))
        synced = CliRunner().invoke(kitrelay, ["sync", "--all", "--tenant", "demo", "--json"])
        looked = CliRunner().invoke(kitrelay, ["kit-components", "list", "--tenant", "demo", "--json"])
        tokens = cluster.sandbox_counts(erp="intacct", company="demo")["token_calls"]
        source = lines(cluster, "intacct", "demo", "KIT-00002")
        assert lines(cluster, "itempath", "demo", "KIT-00002") == source
    assert synced.exit_code == 0, synced.output
    applied = json.loads(synced.stdout)["applied"]
    assert [(kit["kit"], kit["stand"]) for kit in applied["kits"]] == [("KIT-00002", "written")]
    assert json.loads(looked.stdout)["total"] == 6
    assert tokens == 1


def lines(cluster: Cluster, erp: str, company: str, code: str = "KIT-00001") -> dict[str, str]:
    """Quantities by component, as the kit stands in an ERP."""
    return {line["component"]: line["quantity"] for line in cluster.sandbox("GET", f"kits/{erp}/{company}/{code}")["lines"]}


def until(true: Callable[[], object], seconds: float = 40.0) -> None:
    """Wait for it."""
    started = time.monotonic()
    while not true():
        assert time.monotonic() - started < seconds, "it did not come true"
        time.sleep(0.1)
