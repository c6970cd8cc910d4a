"""Looks over HTTP: jobs like any, that hold nothing and go first; and what the ledger knows meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker.jobs.model import Lane
from worker.jobs.tables import jobs

if TYPE_CHECKING:
    from tests.webhooks.world import Reply, World


def ask(world: World, what: str = "jobs", **body: Any) -> Reply:
    """Ask for looks."""
    return world.ask("POST", f"/api/{what}", "root-key", json={"tenant": "trio", "kind": "read_kit", **body})


def test_kit(trio_world: World) -> None:
    """A look at a kit begins in the lane of the tenant's source, which is rung; another look is another job."""
    first, second = (ask(trio_world, arguments={"kit": " K1 "}) for _ in range(2))

    assert (first.status_code, second.status_code) == (202, 202)
    job = first.json
    assert (job["erp"], job["reference"], job["arguments"]) == ("intacct", "K1", {"kit": "K1"})
    assert (job["priority"], job["max_attempts"]) == (100, 2)
    assert trio_world.find(job["id"]).subject is None
    assert second.json["id"] != job["id"]
    assert trio_world.bell.rung[0] == Lane("trio", "intacct")


def test_document(world: World) -> None:
    """A look at a document is Visma's, and does not wait for work on it."""
    wanted = {"tenant": "acme", "kind": "read_kit_assembly", "arguments": {"type": "P", "ref_no": "000123"}}

    job = world.ask("POST", "/api/jobs", json=wanted).json

    assert (job["erp"], job["reference"], job["priority"]) == ("visma", "P/000123", 100)
    assert world.find(job["id"]).subject is None


def test_refused(small_trio_world: World) -> None:
    """Bad arguments are told together, and no job is made; a selection can't be looked at."""
    answer = ask(small_trio_world, arguments={"revision": "", "source": "visma"})

    assert answer.status_code == 422
    assert {fault["path"] for fault in answer.json["errors"]} == {"arguments.kit", "arguments.revision", "arguments.source"}
    assert ask(small_trio_world, "batches", select={"all": True}).status_code == 422
    assert small_trio_world.rows(jobs) == []


def test_many(trio_world: World) -> None:
    """A batch of looks is bulk work like any."""
    answer = ask(trio_world, "batches", items=[{"kit": f"K{number}"} for number in range(3)])

    assert (answer.status_code, answer.json["total"]) == (202, 3)
    assert {(row.erp, row.priority) for row in trio_world.rows(jobs)} == {("intacct", 0)}
