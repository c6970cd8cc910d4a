"""The record of who did what, over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.webhooks.world import World


def test_who_did_what(world: World) -> None:
    """Batches made and turned, connections paused and changed: newest first, from what to what."""
    items = [{"type": "P", "ref_no": "000123"}]
    wanted = {"tenant": "acme", "kind": "release_kit_assembly", "items": items, "name": "night"}
    batch = world.ask("POST", "/api/batches", "ops-key", json=wanted).json["id"]
    world.ask("POST", f"/api/batches/{batch}/pause", "ops-key")
    world.ask("POST", "/api/connections/acme/visma/pause", "root-key")
    world.ask("PATCH", "/api/connections/acme/visma", "root-key", json={"slots": 3})

    page = world.ask("GET", "/api/acts", "view-key").json

    assert [(each["act"], each["by"], each["subject"]) for each in page["items"]] == [
        ("connection.changed", "root", "visma"),
        ("connection.paused", "root", "visma"),
        ("batch.paused", "ops", batch),
        ("batch.made", "ops", batch),
    ]
    assert page["items"][0] | {"id": ""} == {
        "id": "",
        "at": "2026-03-04T12:00:00Z",
        "by": "root",
        "tenant": "acme",
        "act": "connection.changed",
        "subject": "visma",
        "before": {"slots": None, "calls_per_hour": None},
        "after": {"slots": 3, "calls_per_hour": None},
    }
    assert page["items"][3]["after"] == {"name": "night", "kind": "release_kit_assembly", "select": None, "items": 1, "held": False}


def test_pages_and_filters(world: World) -> None:
    """A cursor goes on; filters narrow; another tenant's are not seen."""
    for _ in range(2):
        world.ask("POST", "/api/connections/acme/visma/pause", "root-key")
        world.ask("POST", "/api/connections/globex/visma/resume", "chief-key")
    first = world.ask("GET", "/api/acts?limit=1", "view-key").json
    second = world.ask("GET", f"/api/acts?limit=1&cursor={first['next']}", "view-key").json
    assert [len(first["items"]), len(second["items"]), second["next"]] == [1, 1, None]
    assert len(world.ask("GET", "/api/acts?tenant=globex&by=chief", "root-key").json["items"]) == 2
    assert len(world.ask("GET", "/api/acts?act=connection.paused&subject=visma", "root-key").json["items"]) == 2
    assert world.ask("GET", "/api/acts?since=2026-03-04T12:00:01Z", "root-key").json["items"] == []
    assert world.ask("GET", "/api/acts?tenant=globex", "view-key").status_code == 404


@pytest.mark.parametrize("query", ["cursor=x", "state=failed", "limit=501", "since=1", "act="])
def test_odd_questions_are_refused(small_world: World, query: str) -> None:
    """What is not known is a fault."""
    assert small_world.ask("GET", f"/api/acts?{query}").status_code == 422
