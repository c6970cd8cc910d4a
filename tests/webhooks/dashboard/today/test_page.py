"""The first page: connections, what stands in line, what runs, and the pace of the last hours."""

from __future__ import annotations

import gzip
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import orjson
import pytest
from playwright.sync_api import expect
from sqlalchemy import update

from tests.browser import PATIENCE_MS
from tests.webhooks.dashboard.job.test_in_browser import until
from tests.webhooks.world import World, visma
from webhooks.dashboard import words
from webhooks.dashboard.today import pacing
from webhooks.dashboard.today import page as today
from worker.connections import Limits, Report
from worker.jobs import limits, paces
from worker.jobs.model import Lane
from worker.jobs.states import State
from worker.jobs.tables import jobs
from worker.settings import Tenant

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.browser import Tab
    from worker.cli.cluster import Cluster

OSLO = ZoneInfo("Europe/Oslo")


def saw(world: World, lane: Lane, **report: Any) -> None:
    """A worker hands in what it saw."""
    until = world.now + timedelta(seconds=12)
    with world.database.write() as connection:
        limits.refresh(world.database, connection, lane, "worker-1", Limits(8, 15_000), Report(**report), world.now, until, 0.0)


def data_of(text: str, name: str) -> dict[str, Any]:
    """The data that a chart is drawn from."""
    found = re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', text)
    assert found is not None
    read: dict[str, Any] = orjson.loads(found.group(1))
    return read


def figure(text: str, name: str) -> str:
    """A number of the page."""
    found = re.search(rf'data-figure="{name}"[^>]*><b>([^<]+)</b>', text)
    assert found is not None
    return found.group(1)


def test_connections_told(world: World) -> None:
    """Each connection says how it stands and why, its slots and calls, how long the oldest due job waits, and its last good call."""
    world.job()
    world.pass_time(minutes=3)
    saw(world, Lane("acme", "visma"), calls=100, oks=100, under_way=2, last_ok_at=world.now, blocked_until=world.now + timedelta(minutes=2))
    world.pass_time(seconds=9)

    shown = world.log_in().get("/").text

    assert "Slow</span>" in shown
    assert "The ERP ordered a wait until 12:05:00." in shown
    assert "14\u202f900 of 15\u202f000 an hour" in shown
    assert ">3 min 9 s ago</time>" in shown
    assert ">9 s ago</time>" in shown
    assert figure(shown, "queued") == "1"


def test_other_tenants_hidden(small_world: World) -> None:
    """Nothing of a tenant that the key may not see is there: no connection, no count, no name; asked for, it is not found."""
    small_world.job(tenant="globex")
    own = small_world.log_in()
    assert "globex" not in own.get("/").text
    assert figure(own.get("/").text, "queued") == "0"
    assert own.get("/?tenant=globex").status_code == 404
    assert figure(small_world.log_in("root-key").get("/?tenant=globex").text, "queued") == "1"
    assert figure(small_world.log_in("root-key").get("/?tenant=acme").text, "queued") == "0"


def test_figures_lead_to_jobs(small_world: World) -> None:
    """Each count leads to the list of those jobs, of the tenant that was chosen."""
    shown = small_world.log_in("root-key").get("/?tenant=acme").text
    assert 'href="/jobs?state=queued&amp;tenant=acme"' in shown
    assert 'href="/jobs?state=failed&amp;error_class=in_doubt&amp;closed=false&amp;tenant=acme"' in shown


def test_count_is_its_list(world: World) -> None:
    """As many failed jobs are counted as the list shows: those that a later job made good are in neither."""
    first, second = world.job("000001"), world.job("000002")
    with world.database.write() as connection:
        connection.execute(update(jobs).values(state="failed", finished_at=world.now, error_class="in_doubt"))
        connection.execute(update(jobs).where(jobs.c.id == second).values(closed_at=world.now, closed_by=first))
    shown = world.log_in().get("/").text
    assert (figure(shown, "failed"), figure(shown, "in_doubt")) == ("1", "1")
    for asked, ids in (("closed=false", [first]), ("closed=true", [second])):
        found = world.ask("GET", f"/api/jobs?state=failed&{asked}").json["items"]
        assert [each["id"] for each in found] == ids
    assert world.ask("GET", "/api/jobs?closed=maybe").status_code == 422
    preview = {"action": "discard", "filter": {"state": ["failed"], "closed": False}, "preview": True}
    assert world.ask("POST", "/api/jobs/actions", json=preview).json["would_change"] == 1


def test_trouble_comes_first(sqlite_url: str) -> None:
    """Of very many connections a part is shown, and none that is in trouble is left out."""
    crowd = [Tenant(f"tenant-{n:02}", visma=visma()) for n in range(today.MOST_CONNECTIONS + 6)]
    world = World(sqlite_url, *crowd)
    saw(world, Lane(crowd[-1].name, "visma"), failures=9, why="connection refused")

    shown = world.log_in("root-key").get("/").text

    assert shown.count('class="card connection"') == today.MOST_CONNECTIONS
    assert f'id="at-{crowd[-1].name}-visma"' in shown
    assert "Connection refused." in shown
    world.database.close()


def test_health_is_loud_when_wrong(small_world: World) -> None:
    """What is wrong stands at the top of the page: here no broker is set and no worker lives."""
    shown = small_world.log_in().get("/").text
    assert "<strong>Workers:</strong> No worker is alive." in shown
    assert "are in order" not in shown


def test_running_batches(small_world: World) -> None:
    """A batch under way is there with its bar; names are escaped."""
    body = {
        "tenant": "acme",
        "kind": "release_kit_assembly",
        "name": "<b>night</b>",
        "items": [{"type": "P", "ref_no": f"{n:06}"} for n in range(3)],
    }
    made = small_world.ask("POST", "/api/batches", json=body).json
    shown = small_world.log_in().get("/").text
    assert f'href="/batches/{made["id"]}">&lt;b&gt;night&lt;/b&gt;</a>' in shown
    assert "0 of 3 ended" in shown
    assert 'aria-label="Jobs of this batch: 3 queued"' in shown


def test_pace_of_own_tenants(world: World) -> None:
    """The charts count what ended of the tenants that the key may see, and the table says the same."""
    ended = world.now - timedelta(minutes=20)
    with world.database.write() as connection:
        for tenant, count in (("acme", 3), ("globex", 5)):
            paces.add(connection, {paces.place(tenant, "visma", State.SUCCEEDED, ended - timedelta(seconds=8), ended): count})
    own = data_of(world.log_in().get("/").text, "throughput")
    assert [sum(each["values"]) for each in own["series"]] == [3, 0, 0]
    root = world.log_in("root-key").get("/?hours=3h").text
    assert sum(data_of(root, "throughput")["series"][0]["values"]) == 8
    assert '<td class="number">8</td>' in root
    assert [each for each in data_of(root, "latency")["series"][0]["values"] if each] == [pytest.approx(8, abs=2)]


def test_parts_stand_alone(small_world: World) -> None:
    """What moves by itself is asked for alone, with the same question; another name is none."""
    client = small_world.log_in()
    now, pace = client.get("/?hours=3h&part=live_now").text, client.get("/?hours=3h&part=live_pace").text
    assert now.strip().startswith('<div id="now"')
    assert 'hx-get="?hours=3h&amp;part=live_now"' in now
    assert data_of(pace, "throughput")["step"] == 300
    assert client.get("/?part=content").status_code == 404


def test_pages_are_compressed(small_world: World) -> None:
    """A page is sent compressed to who takes it so, and plain to others; no two answers are told apart by a cache that forgets it."""
    client = small_world.log_in()
    sent = client.get("/", headers={"Accept-Encoding": "gzip"})
    assert (sent.headers["Content-Encoding"], sent.headers["Vary"]) == ("gzip", "Accept-Encoding")
    assert b"<h1>Today</h1>" in gzip.decompress(sent.data)
    plain = client.get("/")
    assert ("Content-Encoding" in plain.headers, plain.headers["Vary"]) == (False, "Accept-Encoding")


def test_roles_see_it(small_world: World) -> None:
    """Looking needs the lowest role."""
    assert small_world.log_in("view-key").get("/").status_code == 200
    assert small_world.app.test_client().get("/").status_code == 303


@pytest.mark.parametrize("chosen", pacing.RANGES, ids=lambda each: each.word)
def test_ranges_are_bounded(chosen: pacing.Range) -> None:
    """A chart has at most a hundred steps, each a whole number of five minutes, and the last one holds this moment."""
    now = datetime(2026, 3, 4, 12, 7, tzinfo=UTC)
    assert chosen.step % paces.SPAN == timedelta(0)
    assert chosen.length / chosen.step <= 100
    assert pacing.since(now, chosen) + chosen.length >= now


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("paused by ops", "Paused by ops."),
        ("the ERP ordered a wait until 2026-03-04T12:00:30Z", "The ERP ordered a wait until 13:00:30."),
        ("Refused!", "Refused!"),
    ],
)
def test_sentences(given: str, said: str) -> None:
    """Words of the API are told as a sentence, with its times in the reader's zone."""
    assert words.sentence(given, datetime(2026, 3, 4, 12, 0, tzinfo=UTC), OSLO) == said


def test_today_in_browser(window: Tab, cluster: Cluster) -> None:
    """The page fills by itself as work is done, its charts are drawn, and what was opened stays open."""
    page = window.go("/?hours=3h")
    expect(page.locator("[data-chart=throughput] canvas")).to_be_visible(timeout=PATIENCE_MS)
    release(cluster, "Filled by itself", range(60, 80))
    expect(page.locator("#pace-figures")).to_be_visible(timeout=PATIENCE_MS)
    page.locator("#pace-figures summary").click()
    with page.expect_response(lambda answer: "part=live_pace" in answer.url):
        pass
    expect(page.locator("#pace-figures table")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_text("are in order")).to_be_visible(timeout=PATIENCE_MS)


def test_standstill_in_browser(window: Tab, cluster: Cluster) -> None:
    """A paused connection is told with who paused it; what waits for it is counted, and its batch shown."""
    cluster.api("POST", "/api/connections/demo/visma/pause", {})
    try:
        release(cluster, "Held by the pause", range(80, 100))
        page = window.go("/")
        expect(page.get_by_text("Paused by demo.")).to_be_visible(timeout=PATIENCE_MS)
        expect(page.get_by_role("link", name="Held by the pause")).to_be_visible(timeout=PATIENCE_MS)
        expect(page.locator("[data-figure=queued] b")).not_to_have_text("0", timeout=PATIENCE_MS)
        window.shoot("today")
    finally:
        cluster.api("POST", "/api/connections/demo/visma/resume", {})


def release(cluster: Cluster, name: str, numbers: Iterable[int]) -> None:
    """Ask for a batch of releases."""
    items = [{"type": "P", "ref_no": f"{n:06}"} for n in numbers]
    status, batch = cluster.api("POST", "/api/batches", {"tenant": "demo", "kind": "release_kit_assembly", "name": name, "items": items})
    assert status == 202, batch


def test_charts_follow_the_theme(window: Tab) -> None:
    """Another theme draws the charts anew in its colours; a narrower window makes them narrower."""
    page = window.go("/")
    plot = page.locator("[data-chart=latency] .uplot")
    expect(plot).to_be_visible(timeout=PATIENCE_MS)
    plot.evaluate("each => { each.dataset.old = 'yes'; }")
    page.locator("details.menu summary").click()
    page.get_by_label("Dark").check()
    expect(page.locator("[data-chart=latency] .uplot:not([data-old])")).to_be_visible(timeout=PATIENCE_MS)
    page.set_viewport_size({"width": 500, "height": 800})
    until(page.locator("[data-chart=latency] canvas").bounding_box, lambda box: box is not None and box["width"] < 480)


def test_no_end_while_broken(world: World) -> None:
    """No end is promised from the pace of before while the ERP takes no call: the first page and the batch's say why."""
    items = [{"type": "P", "ref_no": f"{n:06}"} for n in range(1, 4)]
    asked = {"tenant": "acme", "kind": "release_kit_assembly", "items": items, "name": "Night"}
    batch = world.ask("POST", "/api/batches", "root-key", json=asked).json["id"]
    with world.database.write() as connection:
        ended = {"state": "succeeded", "started_at": world.now, "finished_at": world.now}
        connection.execute(update(jobs).where(jobs.c.reference == "P/000001").values(**ended))
    client = world.log_in()
    assert "waits:" not in client.get("/").text
    saw(world, Lane("acme", "visma"), failures=9, why="connection refused")

    assert "waits: Visma Net is broken" in client.get("/").text
    assert "done: not while Visma Net is broken" in client.get(f"/batches/{batch}").text


def test_trouble_leads_to_its_control(world: World) -> None:
    """A held batch that looks for its documents says so, and what it waits for; who may resume the connection is led to where that is."""
    asked = {"tenant": "acme", "kind": "release_kit_assembly", "select": {"status": "B", "type": "P"}, "hold": True, "name": "Later"}
    assert world.ask("POST", "/api/batches", "root-key", json=asked).status_code == 202
    world.ask("POST", "/api/connections/acme/visma/pause", "root-key", json={})

    shown = world.log_in("root-key").get("/").text
    assert "0 found so far · held: nothing starts until somebody says so · waits: Visma Net is paused" in shown
    assert 'href="/connections#acme-visma">Resume it under Controls' in shown
    assert "under Controls" not in world.log_in("view-key").get("/").text
