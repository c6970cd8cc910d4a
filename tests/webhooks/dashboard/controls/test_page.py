"""Controls: connections and their limits, schedules, what is kept, who may come in, and the record of who did what."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.browser import PATIENCE_MS
from tests.webhooks.world import World, trio
from webhooks.dashboard.controls import sentences
from webhooks.dashboard.controls.limits import SETTINGS
from worker.connections import Limits, Report
from worker.jobs import acts, fleet, limits
from worker.jobs.model import Lane
from worker.kit_ledger.rounds import begin_round, end_round, set_batch
from worker.settings import Notice, Secret, Source, Sync

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.browser import Tab
    from worker.cli.cluster import Cluster

LANE = Lane("acme", "visma")
HOOK = "https://user:p4ssw0rd@hooks.test/T0KEN"
CONNECTED = trio(
    sync=Sync(source="intacct", targets=("itempath", "visma"), compare_every=900.0),
    sources={"webshop": Source("webshop", "standard-webhooks", (Secret("whsec_c2VjcmV0"), Secret("whsec_b3RoZXI=")), per_minute=77)},
    notices={"chat": Notice("chat", HOOK, (Secret("whsec_bm90aWNl"),), events=("job.failed",))},
)


@pytest.fixture
def full_world(sqlite_url: str) -> Iterator[World]:
    """With a tenant that has all there is to show."""
    world = World(sqlite_url, CONNECTED)
    yield world
    world.database.close()


def view(world: World, tenant: str = "acme") -> dict[str, Any]:
    """How its Visma stands."""
    found = world.ask("GET", f"/api/connections?tenant={tenant}", "root-key").json["items"]
    return next(each for each in found if each["erp"] == "visma")


def test_pause_and_resume(small_world: World) -> None:
    """An admin pauses a connection and resumes it, and the page says so."""
    chief = small_world.log_in("root-key")
    gone = small_world.press(chief, "/connections/acme/visma/pause")
    assert (gone.status_code, gone.location) == (303, "/connections")
    assert "Visma Net of acme is paused" in chief.get("/connections").text
    assert view(small_world)["state"] == "paused"
    assert "Paused by root." in chief.get("/connections").text
    back = small_world.press(chief, "/connections/acme/visma/resume", chosen="acme")
    assert back.location == "/connections?tenant=acme"
    assert view(small_world)["state"] == "up"


def test_broken_is_tried_now(small_world: World) -> None:
    """A connection whose calls fail offers to be tried at once."""
    until = small_world.now + timedelta(seconds=12)
    with small_world.database.write() as connection:
        seen = Report(failures=9, why="connection refused")
        limits.refresh(small_world.database, connection, LANE, "w", Limits(8), seen, small_world.now, until, 0.0)
    chief = small_world.log_in("root-key")
    assert "Try now" in chief.get("/connections").text
    small_world.press(chief, "/connections/acme/visma/resume")
    assert view(small_world)["state"] == "up"
    assert "had Visma Net of acme tried again" in chief.get("/connections/record").text


def test_change_is_shown_first(small_world: World) -> None:
    """What would change is shown from what to what, and nothing changes by looking."""
    chief = small_world.log_in("root-key")
    shown = chief.get("/connections/acme/visma?slots=4&calls_per_hour=").text
    assert "<li>slots 8 → 4</li>" in shown
    assert view(small_world)["slots"] == 8
    done = small_world.press(chief, "/connections/acme/visma", slots="4")
    assert done.status_code == 303
    assert (view(small_world)["slots"], view(small_world)["calls_per_hour"]) == (4, 15_000)
    page = chief.get("/connections").text
    assert "settings: 8" in page
    assert "set Visma Net of acme: slots 8 (settings) → 4" in page


def test_back_to_the_settings(small_world: World) -> None:
    """A changed limit is given back to the settings, and then follows them."""
    chief = small_world.log_in("root-key")
    small_world.press(chief, "/connections/acme/visma", slots="4")
    assert 'href="/connections/acme/visma?slots=settings"' in chief.get("/connections/acme/visma").text
    assert "slots 4 → 8 (settings)" in chief.get(f"/connections/acme/visma?slots={SETTINGS}").text
    small_world.press(chief, "/connections/acme/visma", slots=SETTINGS)
    with small_world.database.read() as connection:
        assert limits.state_of(connection, LANE).slots is None


@pytest.mark.parametrize("typed", ["0", "1001", "many", "4.5", "<b>"])
def test_wrong_limits(small_world: World, typed: str) -> None:
    """What is no limit is told beside what was typed, and nothing of it is lost."""
    chief = small_world.log_in("root-key")
    for answered in (
        chief.get("/connections/acme/visma", query_string={"slots": typed, "calls_per_hour": "700"}),
        small_world.press(chief, "/connections/acme/visma", slots=typed, calls_per_hour="700"),
    ):
        assert answered.status_code == 422
        assert "It must be a whole number from 1 to 1000." in answered.text
        assert 'value="700"' in answered.text
        assert "<b>" not in answered.text
    assert view(small_world)["calls_per_hour"] == 15_000


def test_same_limits_change_nothing(small_world: World) -> None:
    """What holds already is said to change nothing."""
    shown = small_world.log_in("root-key").get("/connections/acme/visma?slots=8").text
    assert "nothing would change" in shown
    assert "Change it" not in shown


@pytest.mark.parametrize("key", ["view-key", "ops-key"])
def test_only_admins_change(small_world: World, key: str) -> None:
    """Who may look sees connections without a button, and no keys; what is for admins is refused."""
    client = small_world.log_in(key)
    shown = client.get("/connections").text
    assert "Visma Net" in shown
    for hidden in ("Change limits", ">Pause", "API keys", "Sources of triggers"):
        assert hidden not in shown
    assert client.get("/connections/acme/visma").status_code == 403
    for path in ("/connections/acme/visma", "/connections/acme/visma/pause", "/connections/acme/visma/resume"):
        assert small_world.press(client, path, slots="1").status_code == 403
    assert view(small_world)["state"] == "up"


def test_other_tenants_hidden(small_world: World) -> None:
    """An admin of one tenant sees and changes nothing of another's: neither keys, nor connections, nor acts."""
    small_world.press(small_world.log_in("root-key"), "/connections/acme/visma/pause")
    chief = small_world.log_in("chief-key")
    shown = chief.get("/connections").text
    assert "acme" not in shown
    assert all(name not in shown for name in ("viewer", ">ops<"))
    assert "<strong>other</strong>" in shown
    assert "acme" not in chief.get("/connections/record").text
    for path in ("/connections/acme/visma", "/connections?tenant=acme", "/connections/record?tenant=acme"):
        assert chief.get(path).status_code == 404
    assert small_world.press(chief, "/connections/acme/visma/resume").status_code == 404
    assert chief.get("/connections/globex/sap").status_code == 404


def test_no_secret_is_shown(full_world: World) -> None:
    """Keys, sources and receivers by name: no value, no secret, and of an address only its host."""
    shown = full_world.log_in("root-key").get("/connections").text
    assert "hooks.test" in shown
    assert "standard-webhooks" in shown
    assert "2 secrets hold" in shown
    for secret in ("root-key", "whsec", "p4ssw0rd", "T0KEN", "https://hooks"):
        assert secret not in shown


def test_comparisons_told(full_world: World) -> None:
    """When kits were compared last, what was found, and when it goes on."""
    chief = full_world.log_in("root-key")
    assert "none yet" in chief.get("/connections").text
    begun = full_world.now
    with full_world.database.write() as connection:
        begin_round(full_world.database, connection, "trio", 900, begun)
        set_batch(connection, "trio", begun, "0196f000-0000-7000-8000-000000000000")
    assert "under way" in chief.get("/connections").text
    with full_world.database.write() as connection:
        end_round(connection, "trio", begun, begun, found=3)
    full_world.pass_time(minutes=5)
    shown = chief.get("/connections").text
    assert '<a href="/batches/0196f000-0000-7000-8000-000000000000">3 kits differed</a>' in shown
    assert ">in 10 min</time>" in shown
    assert "every 15 min" in shown


def test_compare_now(full_world: World) -> None:
    """Who operates has all kits compared at once, as a batch; who only looks may not."""
    made = full_world.press(full_world.log_in("root-key"), "/connections/trio/compare")
    (batch,) = full_world.ask("GET", "/api/batches?tenant=trio", "root-key").json["items"]
    assert (made.status_code, made.location) == (303, f"/batches/{batch['id']}")
    assert (batch["kind"], batch["state"]) == ("sync_kit_lines", "planning")
    assert full_world.press(full_world.log_in("view-key"), "/connections/trio/compare").status_code == 403
    assert full_world.press(full_world.log_in("ops-key"), "/connections/trio/compare").status_code == 404


def test_processes_told(small_world: World) -> None:
    """Who is alive, and since when; where they run is for admins of all tenants. Without any, that is said."""
    client = small_world.log_in("root-key")
    assert "No worker and no scheduler is alive" in client.get("/connections").text
    with small_world.database.write() as connection:
        fleet.enlist(connection, "w1", "box-7:4711", "worker", small_world.now)
    assert "box-7:4711" in client.get("/connections").text
    for key in ("view-key", "chief-key"):
        own = small_world.log_in(key).get("/connections").text
        assert "Worker</td>" in own
        assert "box-7" not in own


def test_retention_told(small_world: World) -> None:
    """How long things are kept; how old the oldest is, to who sees all tenants."""
    small_world.job()
    small_world.pass_time(days=2)
    shown = small_world.log_in("root-key").get("/connections").text
    assert "90 d" in shown
    assert "2 d ago" in shown
    assert "2 d ago" not in small_world.log_in("view-key").get("/connections").text


def test_record_is_filtered_and_paged(small_world: World) -> None:
    """By person, by what was done, and page by page, with the filter kept; a wrong cursor is told on the page."""
    chief = small_world.log_in("root-key")
    with small_world.database.write() as connection:
        for number in range(60):
            acts.record(connection, "<i>ann</i>", "acme", "batch.paused", f"b{number}", None, {"name": f"night {number}"}, small_world.now)
    small_world.press(chief, "/connections/acme/visma/pause")
    shown = chief.get("/connections/record?by=root").text
    assert "paused Visma Net of acme" in shown
    assert "night" not in shown
    first = chief.get("/connections/record?act=batch.paused").text
    assert "&lt;i&gt;ann&lt;/i&gt;" in first
    assert "night 59" in first
    assert "night 9”" not in first
    assert 'rel="next" href="?act=batch.paused&amp;cursor=' in first
    wrong = chief.get("/connections/record?cursor=none")
    assert (wrong.status_code, "is no cursor of ours" in wrong.text) == (422, True)


def test_parts_stand_alone(small_world: World) -> None:
    """The connections are asked for alone, with the same question."""
    part = small_world.log_in("root-key").get("/connections?tenant=acme&part=live_connections").text
    assert part.strip().startswith('<section id="connections"')
    assert 'hx-get="?tenant=acme&amp;part=live_connections"' in part
    assert "globex" not in part
    assert "No worker" in small_world.log_in("view-key").get("/connections?part=live_crew").text


@pytest.mark.parametrize(
    ("act", "subject", "before", "after", "said"),
    [
        (
            "connection.changed",
            "visma",
            {"slots": 8, "calls_per_hour": None},
            {"slots": 4, "calls_per_hour": None},
            "set Visma Net of acme: slots 8 → 4",
        ),
        ("connection.changed", "visma", {"slots": 4}, {"slots": None}, "set Visma Net of acme: slots 4 → 8 (settings)"),
        ("connection.changed", "visma", {"slots": 4}, {"slots": 4}, "set Visma Net of acme: nothing else than before"),
        ("connection.paused", "visma", {"paused_by": None}, {"paused_by": "ops"}, "paused Visma Net of acme"),
        (
            "batch.made",
            "b1",
            None,
            {"name": "night", "kind": "release_kit_assembly", "items": 1200},
            "made the batch “night”: “release assembly” for 1\u202f200",
        ),
        (
            "batch.made",
            "b1",
            None,
            {"name": "", "kind": "sync_kit_lines", "items": None},
            "made the batch “without a name”: “sync kit” for all that is found",
        ),
        ("batch.cancelled", "b1", None, {"name": "night"}, "cancelled the batch “night”"),
        (
            "action.begun",
            "a1",
            None,
            {"action": "replay", "filter": {"state": ["failed"]}, "count": 1},
            "began to replay 1 job: state failed",
        ),
        ("action.stopped", "a1", None, {"action": "cancel", "done": 5, "total": 12}, "stopped “cancel 12 jobs” after 5"),
        (
            "failure.acknowledged",
            "f1",
            {},
            {"message": "Period # is locked", "note": "known"},
            "acknowledged “Period # is locked”, saying “known”",
        ),
        ("job.done", "j1", None, {"reference": "P/000123", "reason": "seen in Visma"}, "marked P/000123 as done, saying “seen in Visma”"),
        ("delivery.replayed", "d1", None, {"delivery": "d2"}, "replayed a delivery"),
        ("moon.landed", "apollo", None, None, "moon.landed apollo"),
    ],
)
def test_sentences(small_world: World, act: str, subject: str, before: Any, after: Any, said: str) -> None:
    """Each act is a plain sentence, also one that is not known here."""
    line = {"act": act, "subject": subject, "tenant": "acme", "before": before, "after": after}
    assert sentences.told(line, small_world.settings).text == said


def test_every_act_has_a_sentence(small_world: World) -> None:
    """What the ledger tells of has words here, also where its values are missing or its tenant is gone."""
    assert set(sentences.ACTS) == set(acts.ACTS)
    for act in acts.ACTS:
        line = {"act": act, "subject": "visma", "tenant": "gone", "before": None, "after": None}
        assert not sentences.told(line, small_world.settings).text.startswith(act)


def test_many_connections_are_bounded(sqlite_url: str) -> None:
    """Of very many connections and schedules a part is shown."""
    crowd = [replace(CONNECTED, name=f"tenant-{number:02}") for number in range(50)]
    world = World(sqlite_url, *crowd)
    shown = world.log_in("root-key").get("/connections").text
    assert "60 of 152, those with trouble before others." in shown
    assert "40 of 50 tenants." in shown
    world.database.close()


def test_limits_in_browser(window: Tab, cluster: Cluster) -> None:
    """Slots are changed with a look at what changes, then given back to the settings."""
    page = window.go("/connections")
    page.get_by_role("link", name="Change limits of Sage Intacct of demo").click()
    page.get_by_label("Slots").fill("5")
    window.press("Show what changes")
    expect(page.get_by_text("slots 2 → 5")).to_be_visible(timeout=PATIENCE_MS)
    window.shoot("controls-limits")
    window.press("Change it")
    expect(page.get_by_role("status").filter(has_text="Sage Intacct of demo: slots 2 → 5.")).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_role("link", name="Change limits of Sage Intacct of demo").click()
    page.get_by_role("link", name="Back to the settings").click()
    window.press("Change it")
    expect(page.get_by_role("status").filter(has_text="slots 5 → 2 (settings)")).to_be_visible(timeout=PATIENCE_MS)
    (found,) = (each for each in cluster.api("GET", "/api/connections")[1]["items"] if each["erp"] == "intacct")
    assert found["slots"] == 2


def test_pause_in_browser(window: Tab) -> None:
    """A pause says what it does before it is done; then the page offers to resume."""
    page = window.go("/connections")
    row = page.locator("#demo-itempath")
    row.locator("summary", has_text="Pause").click()
    expect(page.get_by_text("ItemPath of demo is called no more until somebody resumes it.")).to_be_visible(timeout=PATIENCE_MS)
    row.get_by_role("button", name="Pause", exact=True).click()
    expect(row.get_by_text("Paused by demo.")).to_be_visible(timeout=PATIENCE_MS)
    window.shoot("controls")
    row.get_by_role("button", name="Resume").click()
    expect(row.get_by_text("Up")).to_be_visible(timeout=PATIENCE_MS)
    window.go("/connections/record")
    expect(page.get_by_role("link", name="resumed ItemPath of demo").first).to_be_visible(timeout=PATIENCE_MS)
    window.shoot("controls-record")


def test_compare_in_browser(window: Tab) -> None:
    """A comparison of all kits is begun after a second step, and leads to its batch."""
    page = window.go("/connections")
    page.locator("summary", has_text="Compare now").click()
    page.get_by_role("button", name="Compare now", exact=True).click()
    page.wait_for_url("**/batches/*")
    expect(page.get_by_role("heading", level=1)).to_contain_text("comparison of all kits")
