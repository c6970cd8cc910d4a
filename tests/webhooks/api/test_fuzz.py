"""What no person thought of: requests made from the description, right and wrong. No fault of ours, no answer that it does not know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.openapi import from_wsgi
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from tests.webhooks.world import body, operation

if TYPE_CHECKING:
    from schemathesis.schemas import APIOperation

    from tests.webhooks.world import World

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
FEW, MANY = 6, 400
"""Requests for each route and mode: in every run, and in the long one."""


def things(world: World) -> dict[str, list[str]]:
    """A few of each that are there, so that not every id leads to nothing; acme's, whom the key may see."""
    job = world.job()
    items = {"tenant": "acme", "kind": "release_kit_assembly", "items": [{"type": "P", "ref_no": "1"}]}
    batch = world.ask("POST", "/api/batches", json=items).json["id"]
    delivery = world.notify(body(id=operation()), kitrelay_job=job).json["delivery"]
    action = world.ask("POST", "/api/jobs/actions", json={"action": "cancel", "filter": {"kind": "none"}}).json["id"]
    return {"jobs": [job, world.job("2")], "batches": [batch], "deliveries": [delivery], "actions": [action]}


def asked(world: World, examples: int) -> int:
    """Ask every route so often in each mode; how many were asked in all."""
    known = things(world)
    schema = from_wsgi("/openapi.json", world.app)
    count = 0
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        route = found.ok()
        for mode in MODES if route.path.startswith("/api/") else MODES[:1]:  # the others take anything
            count += _asked(route, mode, known.get(route.path.removeprefix("/api/").partition("/")[0], []), examples)
    return count


def _asked(route: APIOperation[Any, Any, Any, Any], mode: GenerationMode, known: list[str], examples: int) -> int:
    count = 0

    @settings(max_examples=examples, deadline=None, database=None, derandomize=examples == FEW, suppress_health_check=list(HealthCheck))
    @given(case=route.as_strategy(generation_mode=mode), name=st.sampled_from(["", *known]), key=st.sampled_from(["ops-key", "root-key"]))
    def ask(case: Any, name: str, key: str) -> None:
        nonlocal count
        if name and "id" in (case.path_parameters or {}) and not route.path.endswith("/stream"):
            case.path_parameters = {**case.path_parameters, "id": name}
        case.call_and_validate(headers={"Authorization": f"Bearer {key}"}, checks=CHECKS)
        count += 1

    ask()
    return count


def test_no_fault_of_ours(small_world: World) -> None:
    """A few requests of each route, the same in every run."""
    assert asked(small_world, FEW) > 100


@pytest.mark.fuzz
@pytest.mark.timeout(7200)
def test_no_fault_of_ours_for_long(world: World) -> None:
    """Hundreds of requests of each route, other ones in each run, on each database."""
    assert asked(world, MANY) > 1000
