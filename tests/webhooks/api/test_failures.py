"""Failed jobs over HTTP, by the reason why."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.webhooks.world import NOW
from worker.jobs.groups import Group
from worker.jobs.messages import normalised
from worker.jobs.tables import jobs

if TYPE_CHECKING:
    from tests.webhooks.world import World


def failed(world: World, ref_no: str, message: str, minutes: int = 0, **changes: str) -> str:
    """A job that failed so many minutes after the beginning."""
    job = world.job(ref_no, **changes)
    values = {"state": "failed", "error_class": "validation", "error_message": message, "error_group": normalised(message)}
    with world.database.write() as connection:
        connection.execute(jobs.update().where(jobs.c.id == job).values(finished_at=NOW + timedelta(minutes=minutes), **values))
    return job


def test_groups_have_counts_and_times(world: World) -> None:
    """Jobs of one reason are one line, whatever numbers their messages hold; those that failed last come first."""
    failed(world, "1", "no stock of 5 in P/000001")
    last = failed(world, "2", "no stock of 17 in P/000002", 3)
    failed(world, "3", "period closed", 1)
    world.job("4")

    groups = world.ask("GET", "/api/failures").json

    assert [(each["message"], each["count"]) for each in groups["items"]] == [("no stock of <n> in <document>", 2), ("period closed", 1)]
    assert groups["items"][0] == {
        "id": Group("acme", "release_kit_assembly", "validation", "no stock of <n> in <document>").id,
        "tenant": "acme",
        "kind": "release_kit_assembly",
        "error_class": "validation",
        "message": "no stock of <n> in <document>",
        "count": 2,
        "open": 2,
        "standing": "open",
        "acknowledged_by": None,
        "acknowledged_at": None,
        "note": None,
        "first_at": "2026-03-04T12:00:00Z",
        "last_at": "2026-03-04T12:03:00Z",
        "example": last,
    }
    assert groups["next"] is None


def test_pages_lead_to_each(world: World) -> None:
    """A cursor goes on, even where groups failed in the same moment."""
    for number, word in enumerate(("a", "b", "c", "d", "e")):
        failed(world, str(number), f"because of {word}")

    seen, cursor = [], ""
    while True:
        page = world.ask("GET", f"/api/failures?limit=2{cursor}").json
        seen += [each["message"] for each in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"

    assert sorted(seen) == [f"because of {word}" for word in "abcde"]


def test_filters_narrow(world: World) -> None:
    """Tenant, kind, class and time; another tenant's failures are not counted."""
    failed(world, "1", "ours")
    failed(world, "2", "theirs", tenant="globex")

    assert [each["message"] for each in world.ask("GET", "/api/failures", "other-key").json["items"]] == ["theirs"]
    assert len(world.ask("GET", "/api/failures", "root-key").json["items"]) == 2
    assert world.ask("GET", "/api/failures?tenant=acme", "other-key").status_code == 404
    assert len(world.ask("GET", "/api/failures?kind=release_kit_assembly&error_class=validation&tenant=acme").json["items"]) == 1
    assert world.ask("GET", "/api/failures?since=2026-03-04T12:00:01Z").json["items"] == []


@pytest.mark.parametrize(
    "query", ["cursor=x", "cursor=AAAA", "cursor=" + "_" * 32, "state=failed", "standing=lost", "limit=501", "since=1"]
)
def test_odd_questions_are_refused(small_world: World, query: str) -> None:
    """What is not known is a fault."""
    assert small_world.ask("GET", f"/api/failures?{query}").status_code == 422


def test_acknowledged_and_reopened(world: World) -> None:
    """With a note; it stands on the record, narrows the list, and can be taken back."""
    failed(world, "1", "period closed")
    failed(world, "2", "no stock")
    group = next(each["id"] for each in world.ask("GET", "/api/failures").json["items"] if each["message"] == "period closed")

    known = world.ask("POST", f"/api/failures/{group}/acknowledge", "ops-key", json={"note": "until Monday"})
    twice = world.ask("POST", f"/api/failures/{group}/acknowledge", "ops-key")
    narrowed = [world.ask("GET", f"/api/failures?standing={each}").json["items"] for each in ("open", "acknowledged", "closed")]
    opened = world.ask("POST", f"/api/failures/{group}/reopen", "ops-key")
    again = world.ask("POST", f"/api/failures/{group}/reopen", "ops-key")

    assert [each.status_code for each in (known, twice, opened, again)] == [200, 409, 200, 409]
    assert {name: known.json[name] for name in ("standing", "acknowledged_by", "acknowledged_at", "note")} == {
        "standing": "acknowledged",
        "acknowledged_by": "ops",
        "acknowledged_at": "2026-03-04T12:00:00Z",
        "note": "until Monday",
    }
    assert [[each["message"] for each in part] for part in narrowed] == [["no stock"], ["period closed"], []]
    assert (opened.json["standing"], opened.json["note"]) == ("open", None)
    assert [each["act"] for each in world.ask("GET", f"/api/acts?subject={group}").json["items"]] == [
        "failure.reopened",
        "failure.acknowledged",
    ]


@pytest.mark.parametrize(
    ("path", "key", "sent", "status"),
    [
        ("acknowledge", "view-key", {}, 403),
        ("acknowledge", "other-key", {}, 404),
        ("reopen", "other-key", {}, 404),
        ("acknowledge", "ops-key", {"note": ""}, 422),
        ("acknowledge", "ops-key", {"why": "x"}, 422),
        ("reopen", "ops-key", {"note": "x"}, 422),
    ],
)
def test_marks_are_guarded(small_world: World, path: str, key: str, sent: dict[str, str], status: int) -> None:
    """By role and tenant; what is not known is a fault."""
    failed(small_world, "1", "period closed")
    group = small_world.ask("GET", "/api/failures").json["items"][0]["id"]
    assert small_world.ask("POST", f"/api/failures/{group}/{path}", key, json=sent).status_code == status


def test_odd_ids_are_not_there(small_world: World) -> None:
    """What can be no group's id."""
    assert small_world.ask("POST", "/api/failures/nothing/reopen").status_code == 404


def test_jobs_of_a_group(world: World) -> None:
    """Listed by the group's id, and replayed by it."""
    made = [failed(world, "1", "no stock of 5"), failed(world, "2", "no stock of 7")]
    failed(world, "3", "period closed")
    group = next(each["id"] for each in world.ask("GET", "/api/failures").json["items"] if each["count"] == 2)

    listed = world.ask("GET", f"/api/jobs?failure={group}").json["items"]
    chosen = {"action": "replay", "filter": {"failure": group}, "preview": True}
    seen = world.ask("POST", "/api/jobs/actions", "ops-key", json=chosen)
    wrong = [world.ask("GET", "/api/jobs?failure=1"), world.ask("POST", "/api/jobs/actions", json={**chosen, "filter": {"failure": 1}})]

    assert [job["id"] for job in listed] == made[::-1]
    assert (seen.json["would_change"], seen.json["would_skip"]) == (2, [])
    assert world.ask("GET", f"/api/jobs?failure={group}", "other-key").json["items"] == []
    assert [each.status_code for each in wrong] == [422, 422]
