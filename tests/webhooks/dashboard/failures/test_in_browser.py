"""Failures in a browser, over real processes: seen as they come, acknowledged, back again, replayed, discarded, and made good."""

from __future__ import annotations

import random
from string import ascii_uppercase
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.browser import PATIENCE_MS
from tests.webhooks.dashboard.job.test_in_browser import ask, document, ended, make

if TYPE_CHECKING:
    from tests.browser import Tab
    from worker.cli.cluster import Cluster


KNOWN = "KIT-0002"
"""An item that the ERP has."""


def unknown() -> str:
    """An item that the ERP has not, named in letters: no other test fails for it."""
    return "NO-" + "".join(random.choices(ascii_uppercase, k=10))


def failing(cluster: Cluster, item: str) -> str:
    """A job that has failed because the ERP does not know the item; its id."""
    job = make(cluster, "create_kit_assembly", {"item_id": item, "quantity": "1"})
    assert ended(cluster, job)["state"] == "failed"
    return job


def changed(named: dict[str, str], item: str) -> dict[str, object]:
    """What a job is to do: put a line of this item into the document."""
    return {**named, "stock_component_lines": [{"operation": "Insert", "item_id": item, "quantity": "1"}]}


def refused(cluster: Cluster, named: dict[str, str], item: str) -> str:
    """A change of a document that has failed for the same; its id."""
    job = make(cluster, "update_kit_assembly", changed(named, item))
    assert ended(cluster, job)["state"] == "failed"
    return job


def group_of(cluster: Cluster, item: str) -> str:
    """The path of the group of what failed for this item."""
    groups = ask(cluster, "GET", "/api/failures?limit=500")["items"]
    return next(f"/failures/{each['id']}" for each in groups if item in each["message"])


def test_comes_back_after_a_note(window: Tab, cluster: Cluster) -> None:
    """A group comes into the list by itself; acknowledged with a note it leaves it; when another job fails so, it is back."""
    item = unknown()
    page = window.go("/failures")
    failing(cluster, item)
    row = page.locator("[data-row]", has_text=item)
    expect(row).to_contain_text("of 1", timeout=PATIENCE_MS)
    row.locator("[data-open]").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(item)
    page.get_by_text("Acknowledge…").click()
    page.get_by_label("Note, if any").fill("ordered, there on Monday")
    window.press("Acknowledge")
    expect(page.get_by_text("Acknowledged by", exact=False).first).to_contain_text("ordered, there on Monday")
    window.shoot("failure-acknowledged")
    page.goto(f"{window.url}/failures?standing=acknowledged")
    expect(row).to_contain_text("ordered, there on Monday")
    row.locator("[data-open]").click()
    failing(cluster, item)
    expect(page.get_by_text("It came back", exact=False)).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator("#still ~ .table, section:has(#still) [data-row]")).not_to_have_count(0)
    page.goto(f"{window.url}/failures")
    expect(row).to_contain_text("Came back")


def test_opened_again_by_hand(window: Tab, cluster: Cluster) -> None:
    """Who acknowledged it may take that back."""
    item = unknown()
    failing(cluster, item)
    path = group_of(cluster, item)
    ask(cluster, "POST", f"/api{path}/acknowledge")
    page = window.go(path)
    window.press("Open again")
    expect(page.get_by_text("Open again.", exact=True)).to_be_visible()
    expect(page.locator(".state-line .badge")).to_have_text("Open")


def test_group_is_replayed(window: Tab, cluster: Cluster) -> None:
    """After a preview all open jobs of the group run again, watched to the end; here they fail again, and are back in it."""
    item = unknown()
    jobs = [failing(cluster, item) for _ in range(2)]
    page = window.go(group_of(cluster, item))
    page.get_by_role("link", name="Replay this group…").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Replay 2 jobs?")
    window.press("Replay 2 jobs")
    page.wait_for_url("**/actions/*")
    expect(page.get_by_text("2 of 2 done")).to_be_visible()
    for job in jobs:
        assert [each["to"] for each in ended(cluster, job)["timeline"]].count("queued") > 1
    page.get_by_role("link", name="The group of failures").click()
    expect(page.get_by_text("open, of 2 that failed so")).to_be_visible()


def test_group_is_discarded(window: Tab, cluster: Cluster) -> None:
    """After a page that asks again, its jobs are given up; the group is empty and says so."""
    item = unknown()
    job = failing(cluster, item)
    page = window.go(group_of(cluster, item))
    page.get_by_role("link", name="Discard the group…").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Discard 1 job?")
    page.get_by_role("link", name="Back, change nothing").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(item)
    page.get_by_role("link", name="Discard the group…").click()
    window.press("Discard 1 job")
    expect(page.get_by_text("1 of 1 done")).to_be_visible()
    assert ended(cluster, job)["state"] == "cancelled"
    page.get_by_role("link", name="The group of failures").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("No failed job stands here")
    window.troubles[:] = [each for each in window.troubles if "404" not in each]  # an empty group is a page with that status


def test_later_success_closes(window: Tab, cluster: Cluster) -> None:
    """While one looks, a later change of the same document makes one job good; when all are, the group is closed and offers no replay."""
    item, one, other = unknown(), document(cluster), document(cluster)
    refused(cluster, one, item)
    refused(cluster, other, item)
    page = window.go(group_of(cluster, item))
    expect(page.get_by_text("open, of 2 that failed so")).to_be_visible()
    later = make(cluster, "update_kit_assembly", changed(one, KNOWN))
    assert ended(cluster, later)["state"] == "succeeded"
    made_good = page.locator("section:has(#closed)")
    expect(made_good.get_by_role("link", name=f"Update assembly {one['type']}/{one['ref_no']}")).to_have_attribute(
        "href", f"/jobs/{later}", timeout=PATIENCE_MS
    )
    window.shoot("failure")
    page.get_by_role("link", name="Replay this group…").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Replay 1 job?")
    expect(page.get_by_text("a later job did what it was to do")).to_be_visible()
    page.go_back()
    assert ended(cluster, make(cluster, "update_kit_assembly", changed(other, KNOWN)))["state"] == "succeeded"
    expect(page.get_by_text("All of them were made good by later jobs", exact=False)).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_role("link", name="Replay this group…")).to_have_count(0)
    page.goto(f"{window.url}/failures?standing=closed")
    expect(page.locator("[data-row]", has_text=item)).to_be_visible()


def test_stands_scrutiny(window: Tab, cluster: Cluster) -> None:
    """Full, with every standing, filtered to nothing and faulty, the list is sound in both themes and widths."""
    known, item, one = unknown(), unknown(), document(cluster)
    failing(cluster, known)
    failing(cluster, item)
    refused(cluster, one, item)
    ended(cluster, make(cluster, "update_kit_assembly", changed(one, KNOWN)))
    ended(cluster, make(cluster, "release_kit_assembly", {"type": "P", "ref_no": "876543"}))
    ask(cluster, "POST", f"/api{group_of(cluster, known)}/acknowledge", {"note": "the item is made on Monday"})
    page = window.go("/failures?standing=all")
    expect(page.locator("[data-row]").first).to_be_visible()
    window.shoot("failures-all")
    window.go("/failures")
    window.shoot("failures")
    page.get_by_label("Error class").select_option("poison")
    page.get_by_label("Failed since").fill("2031-01-01T10:00")
    window.press("Show")
    page.wait_for_url("**since=2031-01-01T09*")
    expect(page.get_by_text("No group of failures matches this filter.")).to_be_visible()
    expect(page.get_by_label("Failed since")).to_have_value("2031-01-01T10:00")
    window.shoot("failures-empty")
