"""Deliveries in a browser: tried out, repeated, refused, replayed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import orjson
import pytest
from playwright.sync_api import expect

from tests.browser import PATIENCE_MS

if TYPE_CHECKING:
    from tests.browser import Tab
    from worker.cli.cluster import Cluster

TEST = "/deliveries/test?source=webshop"


def order(number: str, **changes: Any) -> str:
    """An order of two kits, of which the shop's rule makes two jobs."""
    lines = [{"sku": "KIT-1", "qty": 1}, {"sku": "KIT-2", "qty": 2}]
    return orjson.dumps({"type": "order.paid", "data": {"order_no": number, "lines": lines, **changes}}).decode()


def outside(cluster: Cluster, body: str) -> None:
    """Somebody sends it without knowing the secret."""
    headers = {"webhook-id": "msg_1", "webhook-timestamp": "1", "webhook-signature": "v1,bm8=", "content-type": "application/json"}
    assert httpx.post(f"{cluster.url}/triggers/demo/webshop", content=body, headers=headers).status_code == 401


def sent(window: Tab, number: str, name: str, body: str = "") -> None:
    """Send a test delivery; its page is there."""
    page = window.go(TEST)
    page.get_by_label("Body, as JSON").fill(body or order(number))
    page.get_by_label("Id", exact=False).last.fill(name)
    window.press("Send it")
    page.wait_for_url(re.compile(r"/deliveries/[0-9a-f-]{36}$"))


@pytest.fixture
def number() -> str:
    """An order's number that no other test has."""
    return f"O-{uuid4().hex[:10]}"


def test_tries_and_sends(window: Tab, number: str) -> None:
    """One begins with the rule's example, sees what would happen, sends it, and sees the two jobs; the same id again does nothing."""
    page = window.go(TEST)
    expect(page.get_by_label("Body, as JSON")).to_have_value(re.compile("order_no"))
    page.get_by_label("Body, as JSON").fill(order(number))
    window.press("What would happen")
    expect(page.get_by_text("2 jobs would be made")).to_be_visible()
    window.shoot("delivery-test")
    sent(window, number, number)
    expect(page.locator("h1")).to_contain_text("Accepted")
    expect(page.locator("#jobs tbody tr")).to_have_count(2)
    window.shoot("delivery")
    sent(window, number, number)
    expect(page.locator("h1")).to_contain_text("Duplicate")
    page.get_by_role("link", name="See the first one").click()
    expect(page.locator("#jobs tbody tr")).to_have_count(2)


def test_wrong_signature_is_listed(window: Tab, cluster: Cluster, number: str) -> None:
    """What was refused appears by itself in the list, with its reason; its page says which setting to look at."""
    sent(window, number, number)
    page = window.go("/deliveries?state=refused&source=webshop")
    before = page.locator("#rows tbody tr").count()
    outside(cluster, order(number))
    expect(page.locator("#rows tbody tr")).to_have_count(before + 1, timeout=PATIENCE_MS)
    row = page.locator("#rows tbody tr").first
    expect(row).to_contain_text("Wrong, missing or stale signature")
    row.locator("[data-open]").click()
    expect(page.get_by_text("Compare secrets of the source webshop")).to_be_visible()
    window.shoot("delivery-refused")
    window.go("/deliveries")
    window.shoot("deliveries")


def test_replays_one(window: Tab, number: str) -> None:
    """A replay says what it would do, and leads to the new delivery, which leads back."""
    sent(window, number, number)
    page = window.page
    first = page.url
    page.get_by_role("link", name="Replay").click()
    expect(page.get_by_text("2 are there already")).to_be_visible()
    expect(page.get_by_text("duplicate")).to_have_count(0)
    window.shoot("delivery-replay")
    window.press("Replay")
    page.wait_for_url(lambda address: address != first and "replay" not in address)
    expect(page.get_by_text("Replayed, as this new delivery.")).to_be_visible()
    page.locator("dd a.mono").first.click()
    expect(page).to_have_url(first)
    expect(page.get_by_text("Replayed as")).to_be_visible()


def test_replays_range(window: Tab, number: str) -> None:
    """A stretch of time is counted first, and then replayed into the list."""
    kind = f"order.{number}"
    sent(window, number, number, order(number).replace("order.paid", kind))
    page = window.go(f"/deliveries/replay?tenant=demo&source=webshop&type={kind}&since=2020-01-01T00:00&until=2099-01-01T00:00")
    expect(page.get_by_text("1 would be replayed")).to_be_visible()
    window.shoot("deliveries-replay")
    window.press("Replay 1")
    expect(page.get_by_text("1 delivery replayed")).to_be_visible()
    expect(page.locator("#rows").get_by_role("link", name=kind)).to_be_visible()


def test_filter_by_form(window: Tab, number: str) -> None:
    """What is chosen in the form stands in the address, in the reader's own time."""
    sent(window, number, number)
    page = window.go("/deliveries")
    page.get_by_label("Source").select_option("webshop")
    page.get_by_text("More filters").click()
    page.get_by_label("Arrived since").fill("2020-01-01T12:00")
    window.press("Show")
    page.wait_for_url("**/deliveries?since=2020-01-01T11%3A00%3A00Z&source=webshop")
    expect(page.get_by_label("Arrived since")).to_have_value("2020-01-01T12:00")
    expect(page.locator("#rows tbody tr").first).to_be_visible()
