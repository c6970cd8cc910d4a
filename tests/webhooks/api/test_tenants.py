"""Tenants stay apart in every route: what is a tenant's is not there for a key that may not see it, in lists, counts and streams too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.webhooks.world import body, operation
from webhooks.api import ROUTES
from worker.jobs.tables import jobs

if TYPE_CHECKING:
    from tests.webhooks.world import World

NOWHERE = "01a20005-1c86-76ec-bd19-5e26c3ef6f7e"
NO_GROUP = "0" * 32
STRANGER = "chief-key"
"""An admin of another tenant: no role lacks, only the tenant."""

RELEASE = {"kind": "release_kit_assembly"}
NAMED = {"type": "P", "ref_no": "1"}
REACH = {"since": "2020-01-01T00:00:00Z", "until": "2030-01-01T00:00:00Z", "source": "visma"}

BODIES: dict[str, dict[str, Any]] = {
    "POST /api/jobs": {**RELEASE, "tenant": "acme", "arguments": NAMED},
    "POST /api/jobs/actions": {"action": "cancel", "filter": {"tenant": "acme"}},
    "POST /api/jobs/<id>/done": {"reason": "by hand"},
    "POST /api/batches": {**RELEASE, "tenant": "acme", "items": [NAMED]},
    "POST /api/deliveries/replay": {**REACH, "tenant": "acme"},
    "PATCH /api/connections/<tenant>/<erp>": {"slots": 3},
}
"""What is asked of routes that take something, and of whom."""

THINGS = {
    "/api/jobs/<id>": "job",
    "/api/batches/<id>": "batch",
    "/api/deliveries/<id>": "delivery",
    "/api/actions/<id>": "action",
    "/api/failures/<failure>": "failure",
}
LISTS = ("/api/jobs", "/api/batches", "/api/deliveries", "/api/failures", "/api/connections", "/api/acts")


@pytest.fixture
def ours(world: World) -> dict[str, str]:
    """One of each of acme's, one of them failed."""
    job = world.job()
    batch = world.ask("POST", "/api/batches", json=BODIES["POST /api/batches"]).json["id"]
    delivery = world.notify(body(id=operation()), kitrelay_job=job).json["delivery"]
    action = world.ask("POST", "/api/jobs/actions", json=BODIES["POST /api/jobs/actions"]).json["id"]
    with world.database.write() as connection:
        gone = {"state": "failed", "error_class": "validation", "error_message": "no", "error_group": "no", "finished_at": world.now}
        connection.execute(jobs.update().where(jobs.c.id == job).values(**gone))
    failure = world.ask("GET", "/api/failures").json["items"][0]["id"]
    return {"job": job, "batch": batch, "delivery": delivery, "action": action, "failure": failure}


def kind_of(path: str) -> str | None:
    """Which thing a path with an id is about."""
    return next((thing for beginning, thing in THINGS.items() if path.startswith(beginning)), None)


def test_foreign_things_are_not_there(world: World, ours: dict[str, str]) -> None:
    """Every route with an id or a tenant in its path answers a stranger exactly as if there were no such thing."""
    seen = set()
    for route in ROUTES:
        if "<" not in route.path:
            continue
        given = BODIES.get(f"{route.method} {route.path}")
        known = ours[kind_of(route.path) or "job"]
        nowhere = NO_GROUP if "<failure>" in route.path else NOWHERE
        paths = [
            route.path.replace("<id>", name).replace("<failure>", name).replace("<tenant>", tenant).replace("<erp>", "visma")
            for name, tenant in ((known, "acme"), (nowhere, "nobody"))
        ]
        foreign, missing = (world.ask(route.method, path, STRANGER, json=given) for path in paths)
        assert (foreign.status_code, missing.status_code) == (404, 404), route
        assert foreign.text.replace(known, "…") == missing.text.replace(nowhere, "…")
        seen.add(route.path)
    assert {path for path in seen if kind_of(path) is None} == {
        "/api/connections/<tenant>/<erp>",
        "/api/connections/<tenant>/<erp>/pause",
        "/api/connections/<tenant>/<erp>/resume",
    }
    assert world.find(ours["job"]).state.value == "failed"


def test_own_things_are(world: World, ours: dict[str, str]) -> None:
    """The same routes are there for who may see the tenant: what a stranger is told is no mere absence."""
    for route in ROUTES:
        thing = kind_of(route.path)
        if thing is None or route.method != "GET" or route.path.endswith("/stream"):
            continue
        assert world.ask("GET", route.path.replace("<id>", ours[thing]), "view-key").status_code == 200, route


def test_foreign_work_is_not_taken(world: World, ours: dict[str, str]) -> None:
    """A route that takes a tenant in its body knows none that the key may not see, previewed or not."""
    takers = [route for route in ROUTES if route.method == "POST" and "<" not in route.path]
    assert {f"POST {route.path}" for route in takers} == {name for name in BODIES if name.startswith("POST") and "<" not in name}
    for route in takers:
        given = BODIES[f"POST {route.path}"]
        for preview in ({}, {"preview": True}) if route.path != "/api/jobs" else ({},):
            assert world.ask("POST", route.path, STRANGER, json={**given, **preview}).status_code == 404, route
    assert world.find(ours["job"]).state.value == "failed"


def test_lists_and_counts_stop_at_the_tenant(world: World, ours: dict[str, str]) -> None:
    """No list shows and no count counts what is another tenant's; to filter by one is to ask for what is not there."""
    assert {route.path for route in ROUTES if route.method == "GET" and "<" not in route.path} == {*LISTS, "/api/actions"}
    for path in LISTS:
        mine, theirs = (world.ask("GET", path, key).json["items"] for key in ("view-key", STRANGER))
        assert {each["tenant"] for each in mine} == {"acme"}, path
        assert {each["tenant"] for each in theirs} <= {"globex"}, path
        assert world.ask("GET", f"{path}?tenant=acme", STRANGER).status_code == 404
        assert world.ask("GET", f"{path}?tenant=nobody", STRANGER).status_code == 404
    for query in (f"batch={ours['batch']}", "q=P/1", "kind=release_kit_assembly", "state=failed"):
        assert world.ask("GET", f"/api/jobs?{query}", STRANGER).json["items"] == []
    assert world.ask("GET", f"/api/deliveries?job={ours['job']}", STRANGER).json["items"] == []
    assert world.ask("GET", f"/api/failures?batch={ours['batch']}", STRANGER).json["items"] == []
    assert [len(world.ask("GET", "/api/actions", key).json["items"]) for key in ("view-key", STRANGER)] == [1, 0]
    preview = world.ask("POST", "/api/jobs/actions", STRANGER, json={"action": "replay", "filter": {"state": "failed"}, "preview": True})
    assert (preview.json["would_change"], preview.json["would_skip"]) == (0, [])
