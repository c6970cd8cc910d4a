"""Failures on pages: by reason, open ones first; a group with what to do, who knows of it, and what made it good."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.webhooks.api.test_failures import failed
from webhooks.dashboard.failures import filters as failure_filters
from worker.jobs.groups import Group
from worker.jobs.messages import normalised
from worker.jobs.tables import jobs

if TYPE_CHECKING:
    from tests.webhooks.world import World

OSLO = ZoneInfo("Europe/Oslo")
VALUES = st.text("abc-:.0129TZ ", max_size=20)


def group_of(message: str, kind: str = "release_kit_assembly", tenant: str = "acme") -> str:
    """The id of the group that a message falls into."""
    return Group(tenant, kind, "validation", normalised(message)).id


def make_good(world: World, job: str, by: str) -> None:
    """As a later success does."""
    with world.database.write() as connection:
        connection.execute(jobs.update().where(jobs.c.id == job).values(closed_by=by, closed_at=world.now))


def rows(page: str) -> list[str]:
    """The ids of the groups of a list, in its order."""
    return re.findall(r'id="group-([0-9a-f]+)"', page)


def test_open_first(small_world: World) -> None:
    """Without a word the list holds what is open, those that failed last first; the tabs lead to the others."""
    failed(small_world, "1", "no stock of 5", 1)
    failed(small_world, "2", "period closed", 2)
    done = failed(small_world, "3", "item unknown", 3)
    make_good(small_world, done, small_world.job("3"))
    client = small_world.log_in()
    small_world.pass_time(minutes=3)
    assert small_world.press(client, f"/failures/{group_of('period closed')}/acknowledge", note="until Monday").status_code == 303
    failed(small_world, "4", "no stock of 7", 4)
    shown = client.get("/failures").text
    assert rows(shown) == rows(client.get("/failures?standing=open").text) == [group_of("no stock of 5")]
    assert "no stock of &lt;n&gt;" in shown
    assert ">of 2<" in shown
    assert rows(client.get("/failures?standing=acknowledged").text) == [group_of("period closed")]
    assert rows(client.get("/failures?standing=closed").text) == [group_of("item unknown")]
    assert rows(client.get("/failures?standing=all").text) == [
        group_of(each) for each in ("no stock of 5", "item unknown", "period closed")
    ]
    assert "until Monday" in client.get("/failures?standing=acknowledged").text


def test_address_says_it(small_world: World) -> None:
    """A form's query is led to its address: empty fields left out, the reader's times in UTC; the fields show them as typed."""
    failed(small_world, "1", "no stock")
    client = small_world.log_in()
    client.set_cookie("kitrelay-zone", "Europe/Oslo")
    moved = client.get("/failures?tenant=&kind=release_kit_assembly&error_class=&since=2026-03-04T13:00&until=")
    assert moved.location == "/failures?kind=release_kit_assembly&since=2026-03-04T12%3A00%3A00Z"
    shown = client.get(moved.location).text
    assert rows(shown) == [group_of("no stock")]
    assert 'value="2026-03-04T13:00"' in shown
    assert rows(client.get("/failures?since=2026-03-04T12:00:01Z").text) == []
    assert rows(client.get("/failures?until=2026-03-04T12:00:00Z").text) == []


@given(st.lists(st.tuples(st.sampled_from([*failure_filters.NAMES, "cursor", "odd"]), VALUES), max_size=6))
def test_addresses_are_stable(query: list[tuple[str, str]]) -> None:
    """An address that was made of a query is made of itself: nobody is led in circles."""
    once = failure_filters.read(query, OSLO)
    assert failure_filters.read(once, OSLO) == once


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("standing=lost", "must be one of open, acknowledged, closed"),
        ("since=yesterday", "must be a time"),
        ("tenant=globex", "there is no such tenant"),
        ("odd=1", "is not known here"),
        ("cursor=x", "is no cursor of ours"),
    ],
)
def test_faults_are_said(small_world: World, query: str, said: str) -> None:
    """What is wrong with a filter is said on the page, and nothing is shown."""
    failed(small_world, "1", "no stock")
    shown = small_world.log_in().get(f"/failures?{query}")
    assert shown.status_code == 422
    assert said in shown.text
    assert rows(shown.text) == []


def test_pages_follow(small_world: World) -> None:
    """Older groups are on the next page, with the same filter; only the first one moves by itself."""
    for number, word in enumerate("abc"):
        failed(small_world, str(number), f"because of {word}", number)
    client = small_world.log_in()
    first = client.get("/failures?kind=release_kit_assembly&limit=2").text
    older = re.search(r'rel="next" href="([^"]+)"', first)
    assert older is not None
    second = client.get(older.group(1).replace("&amp;", "&")).text
    assert (len(rows(first)), rows(second)) == (2, [group_of("because of a")])
    assert "every 10s" in first
    assert "every 10s" not in second


def test_group_says_what_to_do(small_world: World) -> None:
    """Its class in words, its jobs with their own messages, and the ways on."""
    one = failed(small_world, "000001", "no stock of 5 in P/000001")
    two = failed(small_world, "000002", "no stock of 7 in P/000002", 1)
    shown = small_world.log_in().get(f"/failures/{group_of('no stock of 5 in P/000001')}").text
    assert "no stock of &lt;n&gt; in &lt;document&gt;" in shown
    assert "The ERP read the request and does not accept its values." in shown
    assert shown.index(f"/jobs/{two}") < shown.index(f"/jobs/{one}")
    assert "no stock of 7 in P/000002" in shown
    assert "/jobs/act?action=replay&amp;all=1&amp;tenant=acme&amp;failure=" in shown
    assert "/jobs/act?action=discard&amp;all=1&amp;tenant=acme&amp;failure=" in shown


def test_acknowledged_and_back(small_world: World) -> None:
    """Who knows of it, with their note; another failure brings it back, and says so; it stays on its record."""
    failed(small_world, "1", "period closed")
    to = f"/failures/{group_of('period closed')}"
    client = small_world.log_in()
    small_world.pass_time(minutes=5)
    assert small_world.press(client, f"{to}/acknowledge", note="until <Monday>").location == to
    known = client.get(to).text
    assert "Acknowledged by <strong>ops</strong>" in known
    assert "until &lt;Monday&gt;" in known
    again = small_world.press(client, f"{to}/acknowledge")
    assert again.location == to
    assert "This group of failures is acknowledged: there is nothing to acknowledge." in client.get(to).text
    failed(small_world, "2", "period closed", 10)
    back = client.get(to).text
    assert "It came back" in back
    assert "Who said what of it" in back
    assert small_world.press(client, f"{to}/acknowledge").location == to
    small_world.pass_time(minutes=9)
    assert small_world.press(client, f"{to}/acknowledge").location == to
    assert small_world.press(client, f"{to}/reopen").location == to
    assert rows(client.get("/failures").text) == [group_of("period closed")]


def test_long_note_is_kept(small_world: World) -> None:
    """A note that can't be taken is said so, where it was typed."""
    failed(small_world, "1", "period closed")
    client = small_world.log_in()
    refused = small_world.press(client, f"/failures/{group_of('period closed')}/acknowledge", note="x" * 1001)
    assert refused.status_code == 422
    assert "x" * 1001 in refused.text
    assert '<details class="sure" id="acknowledge" open>' in refused.text


def test_closers_are_named(small_world: World) -> None:
    """A closed group names the job that made each good; open ones are told apart from those."""
    first = failed(small_world, "000001", "no stock of 1")
    failed(small_world, "000002", "no stock of 2")
    later = small_world.job("000001")
    make_good(small_world, first, later)
    client = small_world.log_in()
    to = f"/failures/{group_of('no stock of 1')}"
    shown = client.get(to).text
    assert f'<a href="/jobs/{later}">Release assembly P/000001</a>' in shown
    assert "<b>1</b><span>open, of 2 that failed so</span>" in shown
    preview = client.get(f"/jobs/act?action=replay&all=1&tenant=acme&failure={group_of('no stock of 1')}").text
    assert "Replay 1 job?" in preview
    assert "a later job did what it was to do" in preview


def test_empty_groups_say_so(small_world: World) -> None:
    """When the last job has left, the address says so and goes on looking; what can be no group's is not there."""
    job = failed(small_world, "1", "period closed")
    to = f"/failures/{group_of('period closed')}"
    client = small_world.log_in()
    assert small_world.ask("POST", f"/api/jobs/{job}/replay").status_code == 200
    gone = client.get(to)
    assert gone.status_code == 404
    assert "No failed job stands here" in gone.text
    part = client.get(f"{to}?part=live_group")
    assert (part.status_code, "every 10s" in part.text) == (200, True)
    assert "<h1>No failed job" not in client.get("/failures/nothing").text
    assert "Nothing failed that nobody knows of." in client.get("/failures").text


def test_roles_and_tenants(small_world: World) -> None:
    """Who may only look is shown no act and may do none; another's groups are not there."""
    failed(small_world, "1", "period closed")
    to = f"/failures/{group_of('period closed')}"
    viewer, other = small_world.log_in("view-key"), small_world.log_in("other-key")
    seen = viewer.get(to).text
    assert "Acknowledge…" not in seen
    assert "/jobs/act" not in seen
    assert small_world.press(viewer, f"{to}/acknowledge").status_code == 403
    assert small_world.press(viewer, f"{to}/reopen").status_code == 403
    assert rows(other.get("/failures").text) == []
    assert other.get(to).status_code == 404
    assert "period closed" not in other.get(to).text
    small_world.press(other, f"{to}/acknowledge")
    assert rows(small_world.log_in().get("/failures").text) == [group_of("period closed")]


def test_text_stays_text(small_world: World) -> None:
    """Whatever a message holds."""
    message = "<script>alert('x')</script> & more"
    failed(small_world, "1", message)
    client = small_world.log_in()
    for page in ("/failures", f"/failures/{group_of(message)}"):
        shown = client.get(page).text
        assert "<script>alert" not in shown
        assert "&lt;script&gt;alert" in shown


def test_today_leads_here(small_world: World) -> None:
    """The first page's count of failed jobs leads here, of the tenant that was chosen, and says what is found."""
    shown = small_world.log_in("root-key").get("/?tenant=acme").text
    assert re.search(r'href="/failures\?tenant=acme" data-figure="failed" title="By the reason why', shown)
