"""Syncs of kits and direct kinds over HTTP: one, some, all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from worker.jobs.model import Lane
from worker.jobs.tables import batches, jobs

if TYPE_CHECKING:
    from tests.webhooks.world import Reply, World

INTACCT = Lane("trio", "intacct")
ITEMPATH = Lane("trio", "itempath")


def ask(world: World, what: str, **body: Any) -> Reply:
    """Ask for jobs or batches of syncs."""
    return world.ask("POST", f"/api/{what}", "root-key", json={"tenant": "trio", "kind": "sync_kit_lines", **body})


def faults(answer: Reply) -> dict[str, str]:
    """Faults by path."""
    assert answer.status_code == 422, answer.text
    return {fault["path"]: fault["message"] for fault in answer.json["errors"]}


def test_job_begins_at_source(trio_world: World) -> None:
    """A sync is a job of its source's lane, which is rung; direct kinds are their own ERP's."""
    job = ask(trio_world, "jobs", arguments={"kit": "K1", "dry_run": True}).json
    line = ask(trio_world, "jobs", kind="delete_kit_line", arguments={"id": "AB-1"}).json

    assert (job["erp"], job["reference"], job["arguments"], job["max_attempts"]) == ("intacct", "K1", {"kit": "K1", "dry_run": True}, 8)
    assert (line["erp"], line["reference"]) == ("itempath", "AB-1")
    assert trio_world.bell.rung == [INTACCT, ITEMPATH]
    assert trio_world.find(job["id"]).subject == "kit/K1"


def test_faults_of_job_together(small_trio_world: World) -> None:
    """What the request, the arguments and the tenant's settings have against it is told at once."""
    answer = ask(small_trio_world, "jobs", arguments={"source": "visma", "targets": ["visma"], "nested": 1}, priority="high")

    assert set(faults(answer)) == {"arguments.kit", "arguments.targets[0]", "arguments.nested", "priority"}
    assert small_trio_world.rows(jobs) == []


def test_batch_of_named_kits(trio_world: World) -> None:
    """Kits by name are a batch in their source's lane."""
    answer = ask(trio_world, "batches", items=[{"kit": f"K{n}", "source": "itempath"} for n in range(20)])

    assert (answer.status_code, answer.json["total"], answer.json["state"]) == (202, 20, "running")
    (row,) = trio_world.rows(batches)
    assert (row.erp, row.kind, row.select) == ("itempath", "sync_kit_lines", None)
    assert {(job.erp, job.batch) for job in trio_world.rows(jobs)} == {("itempath", row.id)}
    assert trio_world.bell.rung == [ITEMPATH]


def test_batch_of_all_kits(trio_world: World) -> None:
    """All kits of the source are looked for by a worker; how they are synced is kept with the batch."""
    select = {"all": True, "source": "itempath", "targets": ["intacct"], "nested": "explode", "dry_run": True, "force": False}
    answer = ask(trio_world, "batches", select=select)

    assert (answer.status_code, answer.json["state"]) == (202, "planning")
    (row,) = trio_world.rows(batches)
    assert (row.erp, row.select) == ("itempath", select)
    assert trio_world.bell.planned == [row.id]
    assert ask(trio_world, "batches", select={"all": True}).status_code == 202
    assert trio_world.rows(batches)[1].erp == "intacct"


@pytest.mark.parametrize(
    ("body", "places"),
    [
        ({}, {"items"}),
        ({"items": []}, {"items"}),
        ({"items": [{}, {"kit": "K", "targets": ["intacct"]}]}, {"items[0].kit", "items[1].targets[0]"}),
        ({"items": [{"kit": "A"}, {"kit": "B", "source": "visma"}]}, {"items[1].source"}),
        ({"items": [{"kit": "A"}], "select": {"all": True}}, {"select"}),
        ({"items": [{"kit": "A"}], "select": {"all": True}, "name": ""}, {"select", "name"}),
        ({"select": {}}, {"select.all"}),
        ({"select": []}, {"select"}),
        ({"select": None}, {"select"}),
        ({"select": {"all": False}}, {"select.all"}),
        ({"select": {"all": True, "kit": "K"}}, {"select.kit"}),
        ({"select": {"all": True, "revision": "R"}}, {"select.revision"}),
        ({"select": {"status": "B", "type": "P"}}, {"select.all", "select.status", "select.type"}),
        ({"select": {"all": 1, "targets": ["intacct", "sap"], "force": 2}}, {"select.all", "select.targets[1]", "select.force"}),
        (
            {"select": {"all": 1, "targets": ["intacct"], "nested": {"visma": "explode"}}},
            {"select.all", "select.targets[0]", "select.nested.visma"},
        ),
        ({"kind": "release_kit_assembly", "select": {"all": True}}, {"select.all", "select.status", "select.type"}),
        ({"kind": "delete_kit_line", "select": {"all": True}}, {"select"}),
        ({"kind": "no_such_kind", "select": {"all": True}}, {"select", "kind"}),
        ({"tenant": "acme", "select": {"all": True}}, {"select.source", "select.targets"}),
        ({"tenant": "acme", "items": [{"kit": "A"}]}, {"items[0].source", "items[0].targets"}),
    ],
)
def test_bad_bodies(small_trio_world: World, body: dict[str, Any], places: set[str]) -> None:
    """Each fault names its place; nothing is made."""
    assert set(faults(ask(small_trio_world, "batches", **body))) == places
    assert small_trio_world.rows(batches) == []


def test_preview_of_named_kits(trio_world: World) -> None:
    """A preview counts and changes nothing, and knows when the source's lane would be through."""
    answer = ask(trio_world, "batches", items=[{"kit": "A"}, {"kit": "B"}], preview=True).json

    assert (answer["preview"], answer["would_change"], answer["would_skip"], answer["calls"]) == (True, 2, [], 6)
    assert answer["eta"] > "2026-03-04T12:00:00"
    assert trio_world.rows(jobs) == []


def test_preview_of_all_kits(small_trio_world: World) -> None:
    """How many kits there are only the ERP knows, and this process calls none."""
    answer = ask(small_trio_world, "batches", select={"all": True}, preview=True).json

    assert (answer["would_change"], answer["calls"], answer["would_skip"], answer["eta"]) == (None, None, [], None)
    assert "kits" in answer["note"]
    assert small_trio_world.rows(batches) == []
