"""A person's word on one job, over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.webhooks.world import NOW
from worker.jobs.tables import jobs

if TYPE_CHECKING:
    from tests.webhooks.world import World


def put(world: World, ref_no: str, state: str, **values: Any) -> str:
    """A job in a state."""
    job = world.job(ref_no)
    ended = {"finished_at": NOW} if state == "failed" else {}
    with world.database.write() as connection:
        connection.execute(jobs.update().where(jobs.c.id == job).values(state=state, **ended, **values))
    return job


def test_marked_as_done(world: World) -> None:
    """With its reason, by the key; a second time it is done already."""
    job = put(world, "1", "failed", error_class="validation", error_message="no stock")
    path = f"/api/jobs/{job}/done"

    done = world.ask("POST", path, "ops-key", json={"reason": "released by hand"})
    again = world.ask("POST", path, "ops-key", json={"reason": "released by hand"})
    story = world.ask("GET", f"/api/jobs/{job}").json

    assert (done.status_code, again.status_code) == (200, 409)
    assert (done.json["state"], done.json["error"]) == ("succeeded", None)
    assert story["result"] == {"marked_done": {"by": "ops", "reason": "released by hand"}}
    assert story["timeline"][-1] | {"at": ""} == {
        "at": "",
        "from": "failed",
        "to": "succeeded",
        "cause": "marked as done: released by hand",
        "by": "ops",
    }
    assert [each["act"] for each in world.ask("GET", f"/api/acts?subject={job}").json["items"]] == ["job.done"]


def test_asked_for(world: World) -> None:
    """A waiting job is due now, and its lane is rung; what runs can't be asked for."""
    job = put(world, "1", "waiting", due_at=NOW.replace(year=2027))
    running = put(world, "2", "running")
    world.bell.rung.clear()

    asked = world.ask("POST", f"/api/jobs/{job}/ask", "ops-key")
    refused = world.ask("POST", f"/api/jobs/{running}/ask", "ops-key")

    assert (asked.status_code, refused.status_code) == (200, 409)
    assert (asked.json["state"], asked.json["due_at"]) == ("waiting", "2026-03-04T12:00:00Z")
    assert [str(lane) for lane in world.bell.rung] == ["acme/visma"]


@pytest.mark.parametrize(
    ("path", "key", "sent", "status"),
    [
        ("done", "ops-key", {}, 422),
        ("done", "ops-key", {"reason": ""}, 422),
        ("done", "ops-key", {"reason": "x" * 501}, 422),
        ("done", "ops-key", {"reason": "x", "why": "y"}, 422),
        ("done", "view-key", {"reason": "x"}, 403),
        ("done", "other-key", {"reason": "x"}, 404),
        ("ask", "ops-key", {"reason": "x"}, 422),
        ("ask", "view-key", {}, 403),
        ("ask", "other-key", {}, 404),
    ],
)
def test_words_are_guarded(small_world: World, path: str, key: str, sent: dict[str, str], status: int) -> None:
    """By role and tenant; a reason is required, and what is not known is a fault."""
    job = put(small_world, "1", "failed")
    assert small_world.ask("POST", f"/api/jobs/{job}/{path}", key, json=sent).status_code == status


def test_edits_are_on_record(world: World) -> None:
    """A replay with other arguments says from what to what."""
    job = put(world, "1", "failed")
    world.ask("POST", f"/api/jobs/{job}/replay", "ops-key", json={"arguments": {"type": "P", "ref_no": "2"}})
    (told,) = world.ask("GET", "/api/acts?act=job.edited").json["items"]
    assert (told["subject"], told["before"]["ref_no"], told["after"]["ref_no"]) == (job, "1", "2")
