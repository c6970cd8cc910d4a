"""Actions on many jobs over HTTP: previewed, asked for, followed, stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from worker.jobs import actions as ledger
from worker.jobs import endings
from worker.jobs.tables import actions, jobs

if TYPE_CHECKING:
    from tests.webhooks.world import Reply, World


WRONG = "019c0000-0000-7000-8000-000000000000"


def failed(world: World, *numbers: str, tenant: str = "acme") -> list[str]:
    """Jobs that have failed."""
    made = [world.job(number, tenant=tenant) for number in numbers]
    with world.database.write() as connection:
        gone = {"state": "failed", "error_class": "validation", "error_message": "no stock", "finished_at": world.now}
        connection.execute(jobs.update().where(jobs.c.id.in_(made)).values(**gone))
        endings.add(connection, {(tenant, "visma", "release_kit_assembly", "failed"): len(made)})
    return made


def act(world: World, key: str = "ops-key", **changes: Any) -> Reply:
    """Ask for a replay of what failed."""
    return world.ask("POST", "/api/jobs/actions", key, json={"action": "replay", "filter": {"state": "failed"}, **changes})


def test_preview_changes_nothing(world: World) -> None:
    """How many would change, how many not and why; nothing is written."""
    failed(world, "1", "2")
    world.job("3")

    answer = act(world, filter={"tenant": "acme"}, preview=True)

    assert answer.status_code == 200
    assert answer.json == {
        "preview": True,
        "would_change": 2,
        "would_skip": [{"reason": "a queued job can't be replayed", "count": 1}],
        "calls": 3,
        "eta": None,
    }
    assert world.rows(actions) == []


def test_action_is_followed(world: World) -> None:
    """It is taken, carried out elsewhere, and shows how far it is."""
    made = failed(world, "1", "2")

    taken = act(world)
    before = world.ask("GET", taken.headers["Location"]).json
    ledger.carry_on(world.database, taken.json["id"], world.now)
    after = world.ask("GET", f"/api/actions/{taken.json['id']}", "view-key").json

    assert taken.status_code == 202
    assert {name: taken.json[name] for name in ("action", "total", "done", "state")} == {
        "action": "replay",
        "total": 2,
        "done": 0,
        "state": "running",
    }
    assert before == taken.json
    assert (after["state"], after["done"], after["filter"]) == ("finished", 2, {"state": ["failed"]})
    assert [world.find(job).state.value for job in made] == ["queued", "queued"]
    last = world.ask("GET", f"/api/jobs/{made[0]}").json["timeline"][-1]
    assert (last["by"], last["cause"]) == ("ops", f"replayed, by action {after['id']}")


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"filter": {}}, "filter"),
        ({"filter": None}, "filter"),
        ({"filter": {"state": []}}, "filter.state"),
        ({"filter": {"state": ["lost"]}}, "filter.state"),
        ({"filter": {"state": [{}]}}, "filter.state"),
        ({"filter": {"ids": []}}, "filter.ids"),
        ({"filter": {"ids": ["one"]}}, "filter.ids"),
        ({"filter": {"ids": [WRONG] * 501}}, "filter.ids"),
        ({"filter": {"colour": "red"}}, "filter.colour"),
        ({"filter": {"since": "today"}}, "filter.since"),
        ({"action": "delete"}, "action"),
        ({"preview": "yes"}, "preview"),
        ({"jobs": []}, "jobs"),
    ],
)
def test_faults_have_places(small_world: World, change: dict[str, Any], path: str) -> None:
    """An empty filter is refused, and whatever is not known, with its place."""
    answer = act(small_world, **change)
    assert answer.status_code == 422
    assert [fault["path"] for fault in answer.json["errors"]] == [path]


def test_ticked_jobs(world: World) -> None:
    """An action on jobs by their ids touches no others, and of another tenant none."""
    made = failed(world, "1", "2", "3")
    theirs = failed(world, "4", tenant="globex")
    chosen = {"ids": [made[0], made[2], theirs[0]]}

    seen = act(world, filter=chosen, preview=True).json
    taken = act(world, filter=chosen)
    ledger.carry_on(world.database, taken.json["id"], world.now)

    assert (seen["would_change"], taken.status_code, taken.json["filter"]) == (2, 202, chosen)
    assert [world.find(job).state.value for job in (*made, *theirs)] == ["queued", "failed", "queued", "failed"]


def test_stops_once(world: World) -> None:
    """A stop ends it; there is nothing to stop in what is over."""
    failed(world, "1")
    action = act(world).json["id"]

    stopped = world.ask("POST", f"/api/actions/{action}/stop")
    again = world.ask("POST", f"/api/actions/{action}/stop")
    ledger.carry_on(world.database, action, world.now)

    assert (stopped.status_code, stopped.json["state"], again.status_code) == (200, "stopped", 409)
    assert len(world.ask("GET", "/api/jobs?state=failed").json["items"]) == 1


def test_lists_actions(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Newest first and page by page, for each key those that touch none but its tenants; however many others stand between."""
    monkeypatch.setattr(ledger, "_PORTION", 2)
    failed(world, "1")
    begun = [act(world, key).json["id"] for key in ("ops-key", "other-key", "root-key", "other-key", "ops-key")]

    first = world.ask("GET", "/api/actions?limit=1", "view-key").json
    second = world.ask("GET", f"/api/actions?limit=1&cursor={first['next']}", "view-key").json

    assert [action["id"] for page in (first, second) for action in page["items"]] == [begun[4], begun[0]]
    assert second["next"] is None
    assert [action["id"] for action in world.ask("GET", "/api/actions", "root-key").json["items"]] == begun[::-1]
    assert world.ask("GET", "/api/actions?state=running").status_code == 422


def test_tenants_stay_apart(world: World) -> None:
    """Counts, sets and the action itself keep to the tenants that a key sees; a role too low may not begin or stop one."""
    failed(world, "1")
    theirs = failed(world, "2", tenant="globex")

    assert act(world, "other-key", preview=True).json["would_change"] == 1
    assert act(world, "other-key", filter={"tenant": "acme"}).status_code == 404
    assert act(world, "view-key").status_code == 403
    action = act(world, "other-key").json
    ledger.carry_on(world.database, action["id"], world.now)
    assert (action["total"], world.find(theirs[0]).state.value) == (1, "queued")
    assert len(world.ask("GET", "/api/jobs?state=failed").json["items"]) == 1

    everybody = act(world, "root-key").json["id"]
    ours = act(world, "root-key", filter={"tenant": "acme", "state": ["failed"]}).json["id"]
    assert [world.ask("GET", f"/api/actions/{each}").status_code for each in (action["id"], everybody, ours)] == [404, 404, 200]
    assert world.ask("POST", f"/api/actions/{everybody}/stop").status_code == 404
    assert world.ask("POST", f"/api/actions/{ours}/stop", "view-key").status_code == 403
