"""The page of jobs: filters in the address, faults beside their fields, tenants apart; in a browser it moves by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.webhooks.api.test_actions import failed

if TYPE_CHECKING:
    from tests.webhooks.world import World


def test_lists_newest_first(small_world: World) -> None:
    """Jobs with their kind and reference, each a link to its own page."""
    first, second = small_world.job("000001"), small_world.job("000002")
    shown = small_world.log_in().get("/jobs")
    assert shown.status_code == 200
    assert 0 < shown.text.index(f"/jobs/{second}") < shown.text.index(f"/jobs/{first}")


def test_address_says_the_filter(small_world: World) -> None:
    """What a form sends is led to the address that says the same; there the filter holds."""
    queued, (gone,) = small_world.job("000001"), failed(small_world, "000002")
    client = small_world.log_in()
    client.set_cookie("kitrelay-zone", "Europe/Oslo")
    moved = client.get("/jobs?q=&state=failed&state=cancelled&kind=&since=2026-03-04T12:00")
    assert (moved.status_code, moved.location) == (303, "/jobs?state=failed%2Ccancelled&since=2026-03-04T11%3A00%3A00Z")
    shown = client.get(moved.location).text
    assert gone in shown
    assert queued not in shown
    assert 'value="2026-03-04T12:00"' in shown


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("since=yesterday", "must be a time with its offset"),
        ("tenant=globex", "there is no such tenant"),
        ("state=lost", "must be of queued"),
        ("cursor=x", "is no cursor of ours"),
        ("colour=red", "is not known here"),
    ],
)
def test_faults_are_said(small_world: World, query: str, said: str) -> None:
    """A wrong value breaks no page: it is said, and what was given stays."""
    shown = small_world.log_in().get(f"/jobs?q=steel&{query}")
    assert shown.status_code == 422
    assert said in shown.text
    assert 'value="steel"' in shown.text


def test_tenants_stay_apart(small_world: World) -> None:
    """A key finds jobs of its tenants, and is offered no others."""
    ours, theirs = small_world.job("1"), small_world.job("2", tenant="globex")
    shown = small_world.log_in("view-key").get("/jobs").text
    assert ours in shown
    assert theirs not in shown
    assert "globex" not in shown
    assert "globex" in small_world.log_in("root-key").get("/jobs").text


def test_columns_tell_apart(small_world: World) -> None:
    """What the filter names is the same in each row, and has no column; that of all tenants is there again without it."""
    small_world.job("1")
    client = small_world.log_in("root-key")
    column = '<th scope="col">Tenant</th>'
    assert column in client.get("/jobs").text
    assert column not in client.get("/jobs?tenant=acme").text


def test_values_are_escaped(small_world: World) -> None:
    """What others wrote is text, wherever it stands."""
    small_world.job("<b>1</b>", tags=["<i>2</i>"])
    shown = small_world.log_in().get("/jobs?tag=%3Ci%3E2%3C/i%3E").text
    assert "&lt;b&gt;1&lt;/b&gt;" in shown
    assert "&lt;i&gt;2&lt;/i&gt;" in shown
    assert "<b>1" not in shown
    assert "<i>2" not in shown


def test_pages_follow(small_world: World) -> None:
    """More than a page leads to what is older, and back; only the newest page moves by itself."""
    oldest = small_world.job("000001")
    for number in range(2, 4):
        small_world.job(f"{number:06}")
    client = small_world.log_in()
    first = client.get("/jobs?limit=2").text
    assert oldest not in first
    assert 'hx-trigger="every 5s"' in first
    older = first.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    second = client.get(older).text
    assert oldest in second
    assert "hx-trigger" not in second
    assert 'href="/jobs?limit=2"' in second


def test_rows_come_alone(small_world: World) -> None:
    """The part that moves is asked for without the rest, under the same filter."""
    (gone,) = failed(small_world, "000001")
    queued = small_world.job("000002")
    part = small_world.log_in().get("/jobs?state=failed&part=live_rows").text
    assert part.lstrip().startswith("<section")
    assert gone in part
    assert queued not in part
