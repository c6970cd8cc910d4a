"""Acting on many jobs: previewed in words, begun only as it was shown, followed and stopped."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.webhooks.api.test_actions import failed
from worker.jobs import actions as ledger
from worker.jobs.tables import actions

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from tests.webhooks.world import World


def fields(page: str) -> dict[str, str]:
    """What the form of a preview sends."""
    form = page.split('action="/jobs/act"')[1].split("</form>", maxsplit=1)[0]
    return {name: value for name, value in re.findall(r'name="([\w-]+)" value="([^"]*)"', form) if name != "csrf"}


def begun(world: World, client: FlaskClient, query: str) -> str:
    """The address of an action that was previewed and begun."""
    sent = world.press(client, "/jobs/act", **fields(client.get(f"/jobs/act?{query}").text))
    assert sent.status_code == 303, sent.text
    return str(sent.location)


def test_preview_changes_nothing(small_world: World) -> None:
    """What would change, what would be skipped and why, and the calls that follow; nothing is written."""
    failed(small_world, "000001", "000002")
    small_world.job("000003")
    shown = small_world.log_in().get("/jobs/act?action=replay&all=1&tenant=acme").text
    assert "Replay 2 jobs?" in shown
    assert "a queued job can&#39;t be replayed" in shown
    assert "At least 3 calls" in shown
    assert "000001" in shown
    assert "000003" not in shown
    assert small_world.rows(actions) == []


def test_ticked_are_meant(small_world: World) -> None:
    """Of ticked jobs nothing but these is touched, whatever the list was filtered by; the way back leads to that list."""
    first, second, third = failed(small_world, "000001", "000002", "000003")
    client = small_world.log_in()
    query = f"action=discard&state=failed&id={first}&id={third}"
    shown = client.get(f"/jobs/act?{query}").text
    assert "Discard 2 jobs?" in shown
    assert 'href="/jobs?state=failed"' in shown
    action = begun(small_world, client, query).rpartition("/")[2]
    ledger.carry_on(small_world.database, action, small_world.now)
    assert [small_world.find(job).state.value for job in (first, second, third)] == ["cancelled", "failed", "cancelled"]


def test_changed_numbers_ask_again(small_world: World) -> None:
    """When it would come to something else than was shown, nothing is done before it is shown again."""
    failed(small_world, "000001")
    client = small_world.log_in()
    sent = fields(client.get("/jobs/act?action=replay&all=1&state=failed").text)
    failed(small_world, "000002")
    again = small_world.press(client, "/jobs/act", **sent)
    assert again.status_code == 409
    assert "it was 1" in again.text
    assert small_world.rows(actions) == []
    assert small_world.press(client, "/jobs/act", **fields(again.text)).status_code == 303


def test_later_jobs_are_spared(small_world: World) -> None:
    """A job that was made after the preview is not caught, even where the number is what was shown."""
    first = small_world.job("000001")
    client = small_world.log_in()
    small_world.pass_time(seconds=1)
    sent = fields(client.get("/jobs/act?action=cancel&all=1&tag=&state=queued").text)
    assert small_world.ask("POST", f"/api/jobs/{first}/cancel").status_code == 200
    small_world.pass_time(seconds=60)
    later = small_world.job("000002")
    begin = small_world.press(client, "/jobs/act", **sent)
    ledger.carry_on(small_world.database, begin.location.rpartition("/")[2], small_world.now)
    assert small_world.find(later).state.value == "queued"


@pytest.mark.parametrize(
    ("query", "to"),
    [
        ("action=replay&state=failed", "/jobs?state=failed"),
        ("action=replay&all=1", "/jobs"),
        ("action=replay&all=1&state=lost", "/jobs?state=lost"),
    ],
)
def test_must_mean_something(small_world: World, query: str, to: str) -> None:
    """Nothing ticked, no filter, or a wrong one: back to the list, which says so."""
    client = small_world.log_in()
    moved = client.get(f"/jobs/act?{query}")
    assert (moved.status_code, moved.location) == (303, to)
    assert 'class="notice bad" role="status"' in client.get(to).text


def test_roles_and_tenants(small_world: World) -> None:
    """Who may only look acts on nothing; nobody acts on another's jobs, or sees such an action."""
    (job,) = failed(small_world, "000001")
    viewer, other = small_world.log_in("view-key"), small_world.log_in("other-key")
    assert viewer.get(f"/jobs/act?action=replay&id={job}").status_code == 403
    assert small_world.press(viewer, "/jobs/act", action="replay", ids=job, ticked="1", shown="1").status_code == 403
    assert "No job would change" in other.get(f"/jobs/act?action=replay&id={job}").text
    assert other.get("/jobs/act?action=replay&all=1&tenant=acme").status_code == 404
    action = begun(small_world, small_world.log_in(), f"action=replay&id={job}")
    assert "data-tick-all" not in viewer.get("/jobs").text
    assert "/stop" not in viewer.get(action).text
    assert small_world.press(viewer, f"{action}/stop").status_code == 403
    assert [client.get(action).status_code for client in (viewer, other)] == [200, 404]
    assert [action in client.get("/actions").text for client in (viewer, other)] == [True, False]


def test_actions_are_followed(small_world: World) -> None:
    """An action shows how far it is and asks again until it is over; the list says who began it."""
    failed(small_world, "000001", "000002")
    small_world.job("000003")
    client = small_world.log_in()
    action = begun(small_world, client, "action=replay&all=1&tenant=acme")
    going = client.get(action).text
    assert "<b>0</b> of 2 done" in going
    assert "every 1s" in going
    ledger.carry_on(small_world.database, action.rpartition("/")[2], small_world.now)
    over = client.get(f"{action}?part=live_progress").text
    assert "<b>2</b> of 2 done" in over
    assert "every 1s" not in over
    assert "a queued job can&#39;t be replayed" in over
    assert ">ops</td>" in client.get("/actions").text


def test_stops_once(small_world: World) -> None:
    """A stop ends it; then there is nothing to stop."""
    failed(small_world, "000001")
    client = small_world.log_in()
    action = begun(small_world, client, "action=replay&all=1&state=failed")
    said = []
    for _ in range(2):
        stopped = small_world.press(client, f"{action}/stop")
        assert (stopped.status_code, stopped.location) == (303, action)
        said.append(re.findall(r'role="status">([^<]*)<', client.get(action).text)[0])
    assert said == ["Stopped after 0 jobs. What was changed stays so.", "Nothing to stop: a stopped action can&#39;t be stopped."]
