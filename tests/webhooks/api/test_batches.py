"""Batches over HTTP."""

from __future__ import annotations

import math
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.webhooks.world import World
from tests.worker.jobs.acting import ended_batch
from webhooks.api import batches as handlers
from worker.errors import LedgerUnavailable
from worker.jobs import batches as ledger
from worker.jobs.model import Lane
from worker.jobs.tables import batches, idempotency_keys, jobs
from worker.jobs.views import at

if TYPE_CHECKING:
    from tests.webhooks.world import Reply


def items(count: int, start: int = 0) -> list[dict[str, str]]:
    """So many documents."""
    return [{"type": "P", "ref_no": f"{n:06}"} for n in range(start, start + count)]


def post(world: World, once: str | None = None, **body: Any) -> Reply:
    """Ask for a batch of releases."""
    wanted = {"tenant": "acme", "kind": "release_kit_assembly", **body}
    return world.ask("POST", "/api/batches", json=wanted, headers={} if once is None else {"Idempotency-Key": once})


def faults(answer: Reply) -> dict[str, str]:
    """Faults by path."""
    assert answer.status_code == 422, answer.text
    return {fault["path"]: fault["message"] for fault in answer.json["errors"]}


def test_batch_is_made(world: World) -> None:
    """202 with all its jobs queued; its lane is rung once they may start."""
    answer = post(world, items=items(2500), name="March", priority=3, tags=["march"])

    assert answer.status_code == 202
    batch = answer.json
    assert answer.headers["Location"] == f"/api/batches/{batch['id']}"
    assert (batch["name"], batch["state"], batch["total"], batch["counts"]["queued"]) == ("March", "running", 2500, 2500)
    assert set(batch["counts"]) == {"queued", "running", "waiting", "retrying", "succeeded", "failed", "cancelled"}
    assert world.bell.rung == [Lane("acme", "visma")]
    assert world.ask("GET", f"/api/batches/{batch['id']}", "view-key").json == batch
    shown = world.ask("GET", f"/api/jobs?batch={batch['id']}&tag=march&limit=1").json["items"][0]
    assert (shown["priority"], shown["batch"]) == (3, batch["id"])


def test_ten_thousand(small_world: World) -> None:
    """Ten thousand documents are one request of some seconds."""
    started = time.monotonic()

    batch = post(small_world, items=items(10_000)).json

    assert (batch["total"], batch["counts"]["queued"]) == (10_000, 10_000)
    assert time.monotonic() - started < 20


def test_bad_items_named_together(small_world: World) -> None:
    """Every bad item is named before anything is stored, together with the request's own faults."""
    bad = items(3000)
    bad[1] = {"type": "X", "ref_no": "1"}
    bad[2999] = {"type": "P"}

    found = faults(post(small_world, items=bad, name="", colour="red"))

    assert set(found) == {"items[1].type", "items[2999].ref_no", "name", "colour"}
    assert small_world.rows(batches) == []
    assert small_world.rows(jobs) == []


@pytest.mark.parametrize(
    ("body", "places"),
    [
        ({}, {"items"}),
        ({"items": []}, {"items"}),
        ({"items": {}}, {"items"}),
        ({"items": [1]}, {"items[0]"}),
        ({"items": items(1), "select": {"status": "B", "type": "P"}}, {"select"}),
        ({"select": {}}, {"select.status", "select.type"}),
        ({"select": {"status": "R", "type": "Z", "created_since": "x"}}, {"select.status", "select.type", "select.created_since"}),
        (
            {"select": {"status": "B", "type": "P", "created_since": "2026-01-02T00:00:00Z", "created_until": "2026-01-02T01:00:00+01:00"}},
            {"select.created_until"},
        ),
        ({"kind": "delete_kit_assembly", "select": {"status": "B", "type": "P"}}, {"select"}),
        ({"items": items(1), "preview": "yes"}, {"preview"}),
    ],
)
def test_bad_bodies(small_world: World, body: dict[str, Any], places: set[str]) -> None:
    """Each fault names its place."""
    assert set(faults(post(small_world, **body))) == places


def test_too_many_items(small_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than a batch may hold is refused."""
    monkeypatch.setattr(handlers, "MOST_ITEMS", 10)

    assert faults(post(small_world, items=items(11))) == {"items": "must be at most 10: make several batches"}


def test_large_bodies(small_world: World) -> None:
    """This route takes up to 16 MiB, and no more."""
    padded = b'{"tenant": "acme", "kind": "release_kit_assembly", "items": [{"type": "P", "ref_no": "1"}]' + b" " * 2_000_000 + b"}"

    assert small_world.ask("POST", "/api/batches", data=padded, content_type="application/json").status_code == 202
    assert small_world.ask("POST", "/api/batches", data=b" " * (16 * 1024 * 1024 + 1), content_type="application/json").status_code == 413


def test_idempotency_key(world: World) -> None:
    """The same key and body give the same batch, another body 409; and a job's key is another thing."""
    first = post(world, "k-1", items=items(3))
    again = post(world, "k-1", items=items(3))
    other = post(world, "k-1", items=items(4))

    assert [each.status_code for each in (first, again, other)] == [202, 200, 409]
    assert again.json["id"] == first.json["id"]
    assert len(world.rows(jobs)) == 3


def test_half_made_batch_ends(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger goes away while jobs are stored: 503, none of them ever starts, and the same key may be used again."""
    real = ledger.fill

    def fails(db: Any, batch: Any, news: Any, clock: Any) -> int:
        real(db, batch, [next(iter(news))], clock)
        raise LedgerUnavailable("away")

    monkeypatch.setattr(ledger, "fill", fails)
    assert post(world, "k-1", items=items(3)).status_code == 503
    (row,) = world.rows(batches)
    assert (row.state, row.message) == ("cancelled", "its jobs could not all be stored; none was started")
    assert world.rows(idempotency_keys) == []
    assert world.bell.rung == []

    monkeypatch.setattr(ledger, "fill", real)
    assert post(world, "k-1", items=items(3)).status_code == 202


def test_abandoned_batch_is_made_anew(world: World) -> None:
    """A batch whose maker died was ended by the scheduler with a reason; the same request makes it anew."""
    first = post(world, "k-1", items=items(3)).json["id"]
    with world.database.write() as connection:
        connection.execute(batches.update().values(state="cancelled", message="the request that made it ended"))

    again = post(world, "k-1", items=items(3))

    assert again.status_code == 202
    assert again.json["id"] != first
    assert post(world, "k-1", items=items(3)).json["id"] == again.json["id"]


def test_selection_is_planned(world: World) -> None:
    """A selection becomes a batch in planning; its documents are looked for by a worker, which is rung."""
    answer = post(world, select={"status": "B", "type": "P", "created_since": "2026-01-01T00:00:00+01:00"})

    assert (answer.status_code, answer.json["state"], answer.json["total"]) == (202, "planning", 0)
    assert world.bell.planned == [answer.json["id"]]
    (row,) = world.rows(batches)
    assert row.select == {"status": "B", "type": "P", "created_since": "2025-12-31T23:00:00Z"}


def test_preview_changes_nothing(world: World) -> None:
    """A preview counts what would change and what another job does already, and its calls; nothing is made or rung."""
    post(world, items=items(2))
    world.bell.rung.clear()

    answer = post(world, items=[*items(100), *items(3, 50)], preview=True)

    assert answer.status_code == 200
    assert answer.json == {
        "preview": True,
        "would_change": 98,
        "would_skip": [
            {"reason": "its document has an open release job already", "count": 2},
            {"reason": "it is named more than once", "count": 3},
        ],
        "calls": math.ceil(98 * 1.1),
        "eta": answer.json["eta"],
        "eta_from": "slots",
    }
    assert answer.json["eta"] > "2026-03-04T12:00:00"
    assert len(world.rows(jobs)) == 2
    assert world.bell.rung == []


def test_preview_waits_for_budget(small_world: World) -> None:
    """More calls than an hour has take more than an hour; a paused connection has no end in sight."""
    small_world.ask("PATCH", "/api/connections/acme/visma", "root-key", json={"slots": 1000, "calls_per_hour": 100})
    told = post(small_world, items=items(300), preview=True).json
    assert told["eta"] >= "2026-03-04T15:00:00"
    assert told["eta_from"] == "budget"

    small_world.ask("POST", "/api/connections/acme/visma/pause", "root-key")
    told = post(small_world, items=items(300), preview=True).json
    assert (told["eta"], told["eta_from"]) == (None, None)


def test_preview_goes_by_pace(small_world: World) -> None:
    """Where a batch of the kind has shown how fast it really goes, that is what is told, after what stands in line."""
    ended_batch(small_world.database, 2.0, now=small_world.now - timedelta(hours=1))
    post(small_world, items=items(11, 200))

    told = post(small_world, items=items(90, 300), preview=True).json

    assert told["eta_from"] == "pace"
    assert told["eta"] == at(small_world.now + timedelta(seconds=2 * 100 + 4))


def test_preview_of_selection(small_world: World) -> None:
    """How many documents a selection has only the ERP knows, and this process calls none."""
    answer = post(small_world, select={"status": "B", "type": "P"}, preview=True).json

    assert (answer["would_change"], answer["calls"], answer["would_skip"]) == (None, None, [])
    assert small_world.rows(batches) == []


def test_list_and_filters(world: World) -> None:
    """Newest first, by state, page by page."""
    ids = [post(world, items=items(1, n)).json["id"] for n in range(3)]
    world.ask("POST", f"/api/batches/{ids[1]}/pause")

    first = world.ask("GET", "/api/batches?limit=2", "view-key").json
    second = world.ask("GET", f"/api/batches?limit=2&cursor={first['next']}", "view-key").json
    assert [each["id"] for each in first["items"] + second["items"]] == ids[::-1]
    assert [each["id"] for each in world.ask("GET", "/api/batches?state=paused&tenant=acme").json["items"]] == [ids[1]]
    assert world.ask("GET", "/api/batches?kind=x").status_code == 422


def test_turns(world: World) -> None:
    """Pause, resume and cancel, each where it fits; each rings."""
    batch = post(world, items=items(3)).json["id"]

    def turn(verb: str) -> tuple[int, str]:
        answer = world.ask("POST", f"/api/batches/{batch}/{verb}")
        return answer.status_code, answer.json.get("state", "")

    assert [turn(verb) for verb in ("resume", "pause", "pause", "resume", "cancel", "cancel", "resume")] == [
        (409, ""),
        (200, "paused"),
        (409, ""),
        (200, "running"),
        (200, "cancelled"),
        (409, ""),
        (409, ""),
    ]
    assert world.ask("POST", f"/api/batches/{batch}/pause", json={"why": "x"}).status_code == 422


def test_full_queue(sqlite_url: str) -> None:
    """A tenant with too much open work is asked to come back later; what there is stays."""
    world = World(sqlite_url, most_open=5)
    assert post(world, items=items(4)).status_code == 202

    answers = [post(world, items=items(2, 10)), post(world, items=items(1, 10))]
    answers.append(world.ask("POST", "/api/jobs", json={"tenant": "acme", "kind": "release_kit_assembly", "arguments": items(1, 99)[0]}))

    assert [answer.status_code for answer in answers] == [503, 202, 503]
    assert answers[0].headers["Retry-After"] == "60"
    assert len(world.rows(jobs)) == 5
    world.database.close()


def test_hold(world: World) -> None:
    """A batch that is asked to be held is paused with all its jobs, and says so until it is resumed."""
    batch = post(world, items=items(3), hold=True).json
    assert (batch["state"], batch["held"], batch["counts"]["queued"], batch["made_by"]) == ("paused", True, 3, "ops")

    resumed = world.ask("POST", f"/api/batches/{batch['id']}/resume").json

    assert (resumed["state"], resumed["held"]) == ("running", False)
    assert faults(post(world, items=items(1), hold="yes")) == {"hold": "must be true or false"}


def test_held_selection(world: World) -> None:
    """A selection is planned as ever; that it is held is known while it is."""
    batch = post(world, select={"status": "B", "type": "P"}, hold=True).json
    assert (batch["state"], batch["held"]) == ("planning", True)
    assert world.bell.planned == [batch["id"]]
