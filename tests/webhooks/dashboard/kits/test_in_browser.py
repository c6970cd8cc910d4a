"""A kit's page over real processes: read it, see what differs, sync, see it agree."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import pytest
from playwright.sync_api import expect

from tests.browser import NARROW, PATIENCE_MS

if TYPE_CHECKING:
    from tests.browser import Tab
    from worker.cli.cluster import Cluster

KITS: Final = 8


@pytest.fixture(scope="session")
def codes(cluster: Cluster) -> list[str]:
    """Kits that are the same everywhere; each test takes its own."""
    cluster.sandbox("POST", "kits", {"count": KITS, "lines_each": 4, "company": cluster.tenant})
    found: list[str] = cluster.sandbox("GET", f"kits/intacct/{cluster.tenant}")["codes"]
    return found


def lines(cluster: Cluster, erp: str, code: str) -> list[dict[str, Any]]:
    """What a kit has there."""
    found = cluster.sandbox("GET", f"kits/{erp}/{cluster.tenant}/{code}")["lines"]
    return [{name: value for name, value in line.items() if value is not None} for line in found]


def quantity(cluster: Cluster, erp: str, code: str) -> Decimal:
    """Of the first line."""
    return Decimal(lines(cluster, erp, code)[0]["quantity"])


def edit(cluster: Cluster, erp: str, code: str) -> tuple[str, str]:
    """A person there adds seven to the first line; its component, and its quantity before."""
    there = lines(cluster, erp, code)
    component, before = there[0]["component"], there[0]["quantity"]
    there[0]["quantity"] = str(Decimal(before) + 7)
    cluster.sandbox("PUT", f"kits/{erp}/{cluster.tenant}/{code}", {"lines": there, "announce": False})
    return str(component), str(before)


def drop_last(cluster: Cluster, erp: str, code: str) -> None:
    """A person there takes the last line away."""
    there = lines(cluster, erp, code)
    cluster.sandbox("PUT", f"kits/{erp}/{cluster.tenant}/{code}", {"lines": there[:-1], "announce": False})


def test_read_and_sync(window: Tab, cluster: Cluster, codes: list[str]) -> None:
    """What somebody edited is seen beside the others as soon as it is read, and both targets are put right from the page."""
    code = codes[0]
    drop_last(cluster, "itempath", code)
    component, before = edit(cluster, "intacct", code)
    page = window.go(f"/kits/{code}?tenant=demo")
    expect(page.get_by_text("No system is known to have this kit")).to_be_visible()

    window.press("Read now")
    expect(page.locator(".verdict")).to_have_text(
        "Differs from Sage Intacct: Visma Net in 1 line, ItemPath in 2 lines.", timeout=PATIENCE_MS
    )
    row = page.locator("table.beside tr", has=page.get_by_role("rowheader", name=component))
    expect(row.locator(".diff.changed").first).to_contain_text(f"{before} \u2192 {Decimal(before) + 7:f}")
    expect(page.locator("table.beside .diff.missing")).to_contain_text("missing here")
    expect(page.locator("#plan")).to_contain_text("1 to make, 1 to change, 0 to delete")
    window.shoot("kit")

    page.locator("#plan summary", has_text="Sync all targets").click()
    window.press("Sync all targets")
    expect(page.locator("#syncs .badge.s-succeeded")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator(".verdict")).to_have_text("Every target has what Sage Intacct has.", timeout=PATIENCE_MS)
    expect(page.locator("#syncs")).to_contain_text("wrote")
    assert quantity(cluster, "itempath", code) == quantity(cluster, "visma", code) == Decimal(before) + 7


def test_unreachable_system(window: Tab, cluster: Cluster, codes: list[str]) -> None:
    """A system whose connection is paused is passed by: the others are shown, and why it is not."""
    cluster.api("POST", "/api/connections/demo/visma/pause", {})
    try:
        page = window.go(f"/kits/{codes[1]}")
        window.press("Read now")
        expect(page.locator("#side-visma").locator("..").get_by_text("Could not be read")).to_be_visible(timeout=PATIENCE_MS)
        expect(page.locator(".verdict")).to_have_text("Not compared: Visma Net.")
        expect(page.locator("#side-itempath").locator("..").get_by_text("Same", exact=True)).to_be_visible()
    finally:
        cluster.api("POST", "/api/connections/demo/visma/resume", {})


def test_many_deletes_are_held(window: Tab, cluster: Cluster, codes: list[str]) -> None:
    """Where the source lost its lines, the sync stops unless it is forced; both are told on the page. A dry run writes nothing."""
    code = codes[2]
    cluster.sandbox("PUT", f"kits/intacct/demo/{code}", {"lines": [], "announce": False})
    page = window.go(f"/kits/{code}")
    window.press("Read now")
    expect(page.locator("#plan")).to_contain_text("4 of 4 lines would be deleted", timeout=PATIENCE_MS)

    page.locator("#plan summary", has_text="Sync to ItemPath").click()
    page.locator("#plan details[open]").get_by_label("Dry run").check()
    window.press("Sync to ItemPath")
    expect(page.locator("#syncs")).to_contain_text("Nothing was written.", timeout=PATIENCE_MS)

    page.locator("#plan summary", has_text="Sync to ItemPath").click()
    page.locator("#plan details[open]").get_by_label("Delete even so many lines").check()
    window.shoot("kit-held")
    window.press("Sync to ItemPath")
    expect(page.locator("#syncs tbody tr").nth(1)).to_be_visible()
    expect(page.locator("#syncs tbody tr").first.locator(".badge.s-succeeded")).to_be_visible(timeout=PATIENCE_MS)
    assert lines(cluster, "itempath", code) == []


def test_another_way_round(window: Tab, cluster: Cluster, codes: list[str]) -> None:
    """For once ItemPath is the source: its edit is carried to Intacct."""
    code = codes[3]
    edit(cluster, "itempath", code)
    page = window.go(f"/kits/{code}")
    page.get_by_text("Sync another way round").click()
    form = page.locator("details.another form")
    form.get_by_label("From").select_option("itempath")
    form.get_by_role("checkbox", name="Sage Intacct").check()
    form.get_by_label("Dry run").uncheck()
    window.press("Sync this way")
    expect(page.locator("#syncs .badge.s-succeeded")).to_be_visible(timeout=PATIENCE_MS)
    assert quantity(cluster, "intacct", code) == quantity(cluster, "itempath", code)


def test_list_in_browser(window: Tab, cluster: Cluster, codes: list[str]) -> None:
    """Kits that were read are found by the beginning of their code, any other by its whole code; a narrow page shows them all."""
    for code in codes[4:6]:
        status, _ = cluster.api("POST", "/api/jobs", {"tenant": "demo", "kind": "read_kit", "arguments": {"kit": code}})
        assert status == 202
        page = window.go(f"/kits/{code}")
        expect(page.locator(".verdict.good")).to_be_visible(timeout=PATIENCE_MS)
    page = window.go("/kits")
    page.get_by_label("Code begins with").fill(codes[4][:-1].lower())
    page.locator(".finders").get_by_role("button", name="Show").click()
    expect(page.get_by_role("link", name=codes[4])).to_be_visible()
    page.get_by_text("A kit that is not in the list").click()
    page.get_by_label("Its whole code").fill("50% A/B #1")
    window.shoot("kits")
    page.get_by_role("button", name="Open", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("50% A/B #1")
    page.set_viewport_size(NARROW)  # type: ignore[arg-type] # a plain dict
    window.must_be_sound("an unknown kit")
