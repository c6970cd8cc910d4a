"""Who may ask: keys, roles, tenants; and how refusals look."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from webhooks.api import ROUTES

if TYPE_CHECKING:
    from tests.webhooks.world import World

LOW = {"view": [], "operate": ["view-key"], "admin": ["view-key", "ops-key"]}
NOWHERE = "01a20005-1c86-76ec-bd19-5e26c3ef6f7e"


def path_of(route: str) -> str:
    """A path of the route, with names that are there and an id that is not."""
    return route.replace("<id>", NOWHERE).replace("<tenant>", "acme").replace("<erp>", "visma")


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Bearer nope", "Basic ops-key", "ops-key", "Bearer ops-keyy", "Bearer op"]
)
def test_key_is_needed(small_world: World, header: str | None) -> None:
    """Every route wants a known key; the answer is one and the same."""
    for route in ROUTES:
        sent = {} if header is None else {"Authorization": header}
        answer = small_world.ask(route.method, path_of(route.path), None, headers=sent)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert answer.json["status"] == 401


def test_role_is_needed(small_world: World) -> None:
    """A key whose role is too low is told so, whatever it asks."""
    for route in ROUTES:
        for key in LOW[route.role]:
            answer = small_world.ask(route.method, path_of(route.path), key, data=b"{not read")
            assert answer.status_code == 403, route
            assert route.role in answer.json["detail"]


def test_foreign_things_are_not_there(world: World) -> None:
    """What belongs to another tenant answers exactly as what does not exist."""
    job = world.job()
    batch = world.ask(
        "POST", "/api/batches", json={"tenant": "acme", "kind": "release_kit_assembly", "items": [{"type": "P", "ref_no": "1"}]}
    ).json["id"]
    paths = [("GET", "/api/jobs/<id>", job), ("POST", "/api/jobs/<id>/cancel", job), ("POST", "/api/jobs/<id>/replay", job)]
    paths += [("GET", "/api/batches/<id>", batch), ("POST", "/api/batches/<id>/cancel", batch)]

    for method, path, known in paths:
        foreign = world.ask(method, path.replace("<id>", known), "other-key")
        missing = world.ask(method, path.replace("<id>", NOWHERE), "other-key")
        assert (foreign.status_code, missing.status_code) == (404, 404)
        assert foreign.text.replace(known, "…") == missing.text.replace(NOWHERE, "…")
    assert world.ask("GET", "/api/jobs", "other-key").json["items"] == []
    assert world.ask("GET", "/api/batches", "other-key").json["items"] == []
    assert [each["tenant"] for each in world.ask("GET", "/api/connections", "other-key").json["items"]] == ["globex"]


@pytest.mark.parametrize(
    "path", ["/api/jobs?tenant=acme", "/api/batches?tenant=acme", "/api/connections?tenant=acme", "/api/jobs?tenant=nobody"]
)
def test_foreign_filter(small_world: World, path: str) -> None:
    """To ask for a tenant that the key may not see is to ask for nothing that is there."""
    assert small_world.ask("GET", path, "other-key").status_code == 404


def test_foreign_command(small_world: World) -> None:
    """Nor can work be made for one, known or not."""
    for tenant in ("acme", "nobody"):
        wanted = {"tenant": tenant, "kind": "release_kit_assembly", "arguments": {"type": "P", "ref_no": "1"}}
        assert small_world.ask("POST", "/api/jobs", "other-key", json=wanted).status_code == 404
        assert small_world.ask("POST", "/api/batches", "other-key", json={**wanted, "items": []}).status_code == 404


def test_odd_id(world: World) -> None:
    """What can be no id is not there, on every database."""
    for given in ("x", "%00", "01A20005-1C86-76EC-BD19-5E26C3EF6F7E", "..", "%F0%9F%98%80", "x" * 500):
        assert world.ask("GET", f"/api/jobs/{given}").status_code == 404


def test_every_answer_is_safe(small_world: World) -> None:
    """Answers and refusals carry the same headers, and refusals one media type."""
    answers = [small_world.ask("GET", path) for path in ("/api/jobs", "/nothing", "/api/jobs?x=1", "/healthz")]
    answers.append(small_world.ask("DELETE", "/api/jobs"))

    for answer in answers:
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert {answer.content_type for answer in answers if answer.status_code >= 400} == {"application/problem+json"}
    assert [answer.status_code for answer in answers] == [200, 404, 422, 200, 405]
