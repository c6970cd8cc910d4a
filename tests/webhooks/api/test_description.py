"""The description is whole and true: every route, every filter, every kind; and the page to read it loads nothing from elsewhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest
from schemathesis.openapi import from_dict

from tests.webhooks.described import must_be_described
from tests.webhooks.world import Reply
from webhooks.api import ROUTES
from webhooks.api.description import description
from webhooks.api.told import TOLD
from webhooks.dashboard import PAGES
from worker.kinds import KINDS

if TYPE_CHECKING:
    from tests.webhooks.world import World


def judge(name: str) -> Any:
    """A schema of the description, by name."""
    whole = description()
    return jsonschema_rs.Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": whole["components"]})


def test_every_route_is_described(small_world: World) -> None:
    """All that the app answers to beside its pages, and nothing else."""
    rules = {tuple(str(rule.endpoint).split(" ")) for rule in small_world.app.url_map.iter_rules()}
    told = {(method.upper(), re.sub(r"\{(\w+)\}", r"<\1>", path)) for path, each in description()["paths"].items() for method in each}
    pages = {(page.method, page.path) for page in PAGES} | {("GET", "/login"), ("POST", "/login"), ("GET", "/static/<path:name>")}
    assert told == rules - pages
    assert {route.handler for route in ROUTES} == set(TOLD)


def test_document_is_served(small_world: World) -> None:
    """OpenAPI 3.1 without a key, and its operations can be read by others' tools."""
    answer = small_world.ask("GET", "/openapi.json", None)
    assert (answer.status_code, answer.json["openapi"], answer.json) == (200, "3.1.0", description())
    operations = list(from_dict(answer.json).get_all_operations())
    assert len(operations) == sum(len(each) for each in answer.json["paths"].values())
    names = [operation["operationId"] for each in answer.json["paths"].values() for operation in each.values()]
    assert len(names) == len(set(names))


def test_security_is_told() -> None:
    """Every route of the API needs a key and says with which role; those beside it need none."""
    assert description()["security"] == [{"key": []}]
    for route in ROUTES:
        told = description()["paths"][route.path.replace("<", "{").replace(">", "}")][route.method.lower()]
        assert "security" not in told
        assert f"role {route.role}" in told["description"]
        assert {"401", "403", "422"} <= told["responses"].keys()


@pytest.mark.parametrize("kind", list(KINDS))
def test_kinds_have_bodies(kind: str) -> None:
    """A job's arguments are those of its kind: what is missing or unknown is seen by a program that reads the description."""
    check = judge("JobRequest")
    nothing = {"tenant": "acme", "kind": kind, "arguments": {"colour": "red"}}
    assert not check.is_valid(nothing)
    assert not check.is_valid({"tenant": "acme", "kind": kind})


def test_body_is_true() -> None:
    """What the API takes is what the description lets through, in words and in numbers."""
    check = judge("JobRequest")
    release = {"tenant": "acme", "kind": "release_kit_assembly", "arguments": {"type": "P", "ref_no": "1"}}
    create = {"tenant": "acme", "kind": "create_kit_assembly", "arguments": {"item_id": "K", "quantity": "2.50", "release": True}}
    assert [check.is_valid(each) for each in (release, create, {**release, "priority": 5, "tags": ["a"]})] == [True] * 3
    wrong: list[dict[str, Any]] = [
        {**release, "colour": "red"},
        {**release, "priority": 1001},
        {**release, "arguments": {"type": "Q", "ref_no": "1"}},
        {**create, "arguments": {"item_id": "K", "quantity": -1}},
        {**create, "arguments": {"item_id": "K", "quantity": 1, "stock_component_lines": [{"operation": "Remove"}]}},
    ]
    assert [check.is_valid(each) for each in wrong] == [False] * 5
    select = {"tenant": "acme", "kind": "release_kit_assembly", "select": {"status": "B", "type": "P"}}
    assert judge("BatchRequest").is_valid(select)
    assert not judge("BatchRequest").is_valid({**select, "kind": "create_kit_assembly"})


def test_untrue_answer_is_seen(small_world: World) -> None:
    """The check that stands behind every test of the API can fail: by status, by type, and by body."""
    right = small_world.ask("GET", "/api/jobs")
    wrong: list[dict[str, Any]] = [
        {"status_code": 418},
        {"content_type": "text/html"},
        {"json": {"items": [{}], "next": None}},
        {"json": {"items": []}},
    ]
    for changes in wrong:
        reply = Reply(**{**{name: getattr(right, name) for name in Reply.__dataclass_fields__}, **changes})
        with pytest.raises(AssertionError):
            must_be_described(small_world.app, "GET", "/api/jobs", reply)


def test_page_needs_nobody_else(small_world: World) -> None:
    """The page shows every route, and loads nothing but its own style sheet; it has no script."""
    page = small_world.ask("GET", "/docs", None)
    style = small_world.ask("GET", "/docs.css", None)

    assert (page.status_code, style.status_code) == (200, 200)
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self'")
    assert page.headers.getlist("Content-Security-Policy") == [page.headers["Content-Security-Policy"]]
    assert all(route.path.replace("<", "{").replace(">", "}") in page.text for route in ROUTES)
    assert set(re.findall(r'(?:src|href)="([^#"][^"]*)"', page.text)) == {"/docs.css", "/openapi.json"}
    assert "<script" not in page.text
    assert " style=" not in page.text
    assert "url(" not in style.text
    anchors = set(re.findall(r'href="#([^"]+)"', page.text))
    assert anchors <= set(re.findall(r'id="([^"]+)"', page.text))
