"""Jobs over HTTP."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhooks.api import jobs as handlers
from webhooks.api import queries
from worker.errors import LedgerUnavailable
from worker.jobs import batches, reopening
from worker.jobs.model import Lane
from worker.jobs.tables import jobs

if TYPE_CHECKING:
    from tests.webhooks.world import Reply, World

RELEASE = {"tenant": "acme", "kind": "release_kit_assembly", "arguments": {"type": "P", "ref_no": "000123"}}


def post(world: World, body: Any, once: str | None = None, key: str = "ops-key") -> Reply:
    """Ask for a job."""
    return world.ask("POST", "/api/jobs", key, json=body, headers={} if once is None else {"Idempotency-Key": once})


def faults(answer: Reply) -> dict[str, str]:
    """Faults by path."""
    return {fault["path"]: fault["message"] for fault in answer.json["errors"]}


def settle(world: World, job: str, state: str, **values: Any) -> None:
    """Put a job into a state by hand."""
    with world.database.write() as connection:
        connection.execute(jobs.update().where(jobs.c.id == job).values(state=state, **values))


def test_job_is_made(world: World) -> None:
    """202 with the whole job and where it is; its lane is rung."""
    answer = post(world, {**RELEASE, "priority": 5, "tags": ["a", "b", "a"], "run_at": "2026-03-05T08:00:00+01:00", "unique_key": "u"})

    assert answer.status_code == 202
    job = answer.json
    assert answer.headers["Location"] == f"/api/jobs/{job['id']}"
    assert {
        name: job[name] for name in ("tenant", "kind", "state", "reference", "erp", "priority", "tags", "due_at", "attempt", "error")
    } == {
        "tenant": "acme",
        "kind": "release_kit_assembly",
        "state": "queued",
        "reference": "P/000123",
        "erp": "visma",
        "priority": 5,
        "tags": ["a", "b"],
        "due_at": "2026-03-05T07:00:00Z",
        "attempt": 0,
        "error": None,
    }
    assert world.bell.rung == [Lane("acme", "visma")]
    story = world.ask("GET", f"/api/jobs/{job['id']}", "view-key").json
    assert [(line["from"], line["to"], line["by"]) for line in story["timeline"]] == [(None, "queued", "ops")]
    assert story["attempts"] == []


def test_all_faults_together(small_world: World) -> None:
    """Faults of the request and of the arguments come in one answer, each with its place; nothing is made."""
    wanted = {**RELEASE, "arguments": {"type": "X", "extra": 1}, "priority": "high", "run_at": "tomorrow", "tags": ["", 1], "colour": "red"}

    answer = post(small_world, wanted)

    assert answer.status_code == 422
    assert faults(answer) == {
        "priority": "must be a whole number from -1000 to 1000",
        "run_at": "must be a time with its offset, such as 2026-01-31T12:00:00Z",
        "tags[0]": "must have 1 to 60 characters",
        "tags[1]": "must be text",
        "colour": "is not known here",
        "arguments.type": "must be one of P, D",
        "arguments.ref_no": "is required",
        "arguments.extra": "is not known here",
    }
    assert small_world.rows(jobs) == []


@pytest.mark.parametrize(
    ("body", "places"),
    [
        ({}, {"tenant", "kind", "arguments"}),
        ([], {""}),
        ("x", {""}),
        ({**RELEASE, "tenant": 1}, {"tenant"}),
        ({**RELEASE, "kind": "bake_a_cake"}, {"kind"}),
        ({**RELEASE, "arguments": []}, {"arguments"}),
        ({**RELEASE, "tenant": None}, {"tenant"}),
        ({**RELEASE, "tags": [str(n) for n in range(30)]}, {"tags"}),
        ({**RELEASE, "unique_key": "a\u0000b"}, {"unique_key"}),
        ({**RELEASE, "priority": True}, {"priority"}),
        ({**RELEASE, "run_at": "0001-01-01T00:00:00+14:00"}, {"run_at"}),
    ],
)
def test_bad_bodies(small_world: World, body: Any, places: set[str]) -> None:
    """Each fault names its place."""
    answer = post(small_world, body)

    assert answer.status_code == 422
    assert set(faults(answer)) == places


@pytest.mark.parametrize("tenant", ["nobody", "bare"])
def test_no_such_connection(small_world: World, tenant: str) -> None:
    """A key for all tenants is told that there is no such tenant, or that it lacks the connection."""
    assert set(faults(post(small_world, {**RELEASE, "tenant": tenant}, key="root-key"))) == {"tenant"}


@pytest.mark.parametrize(
    ("data", "media", "status"),
    [
        (b"{", "application/json", 400),
        (b'{"tenant": "acme", "tenant": "globex"}', "application/json", 400),
        (b"{}", "text/plain", 415),
        (b"{}", "", 415),
        (b"[" + b" " * 1024 * 1024 + b"]", "application/json", 413),
    ],
)
def test_unreadable_bodies(small_world: World, data: bytes, media: str, status: int) -> None:
    """What is no JSON, not said to be JSON, or too much of it."""
    assert small_world.ask("POST", "/api/jobs", data=data, content_type=media).status_code == status


def test_idempotency_key(world: World) -> None:
    """The same key and body give the same job, for a day and for one API key; another body under it is refused."""
    first = post(world, RELEASE, "k-1")
    again = post(world, {"arguments": {"ref_no": "000123", "type": "P"}, "kind": RELEASE["kind"], "tenant": "acme"}, "k-1")
    other = post(world, {**RELEASE, "priority": 1}, "k-1")
    elsewhere = post(world, RELEASE, "k-1", "root-key")
    world.pass_time(hours=24, seconds=1)
    later = post(world, {**RELEASE, "priority": 1}, "k-1")

    assert [each.status_code for each in (first, again, other, elsewhere, later)] == [202, 200, 409, 202, 202]
    assert again.json["id"] == first.json["id"]
    assert len({first.json["id"], elsewhere.json["id"], later.json["id"]}) == 3


def test_idempotency_at_once(world: World) -> None:
    """Many requests under one key at one moment make one job."""
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: post(world, RELEASE, "k-1"), range(16)))

    assert sorted(answer.status_code for answer in answers) == [200] * 15 + [202]
    assert len(world.rows(jobs)) == 1


@pytest.mark.parametrize("key", ["", " ", "x" * 201, "a b"])
def test_bad_idempotency_key(small_world: World, key: str) -> None:
    """What is no key is refused, not ignored."""
    assert set(faults(post(small_world, RELEASE, key))) == {"Idempotency-Key"}


def test_unique_key(world: World) -> None:
    """The same unique key gives the job there is, while it is open, and a day after it was made; per tenant and kind."""
    first = post(world, {**RELEASE, "unique_key": "u"}).json
    again = post(world, {**RELEASE, "unique_key": "u", "arguments": {"type": "P", "ref_no": "9"}})
    assert (again.status_code, again.json["id"], again.json["duplicate"]) == (200, first["id"], True)
    assert post(world, {**RELEASE, "tenant": "globex", "unique_key": "u"}, key="root-key").status_code == 202

    world.pass_time(days=2)
    assert post(world, {**RELEASE, "unique_key": "u"}).status_code == 200
    settle(world, first["id"], "succeeded")
    assert post(world, {**RELEASE, "unique_key": "u"}).status_code == 202


def test_unique_key_at_once(world: World) -> None:
    """Many requests with one unique key at one moment make one job."""
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: post(world, {**RELEASE, "unique_key": "u"}), range(16)))

    assert len(world.rows(jobs)) == 1


def test_list_and_filters(world: World) -> None:
    """Newest first, by any filter, page by page."""
    ids = [world.job(str(n), tags=["odd"] if n % 2 else ["even"]) for n in range(5)]
    settle(world, ids[0], "failed", error_class="validation", error_message="Quantity 5 is wrong", erp_id="op-1")

    def listed(query: str) -> list[str]:
        answer = world.ask("GET", f"/api/jobs?{query}", "view-key")
        assert answer.status_code == 200, answer.text
        return [job["id"] for job in answer.json["items"]]

    assert listed("") == ids[::-1]
    assert listed("tag=odd&tenant=acme&kind=release_kit_assembly") == [ids[3], ids[1]]
    assert listed("state=failed,cancelled") == [ids[0]]
    assert listed("error_class=validation") == listed("erp_id=op-1") == listed("q=p/0+0") == listed("reference=P/0") == [ids[0]]
    assert listed("q=%25") == []
    assert listed(f"ids={ids[1]},{ids[3]},{ids[1]}") == [ids[3], ids[1]]
    assert listed("since=2026-03-04T12:00:00Z") == ids[::-1]
    assert listed("until=2026-03-04T12:00:00Z") == []
    first = world.ask("GET", "/api/jobs?limit=2", "view-key").json
    second = world.ask("GET", f"/api/jobs?limit=3&cursor={first['next']}", "view-key").json
    assert [job["id"] for job in first["items"] + second["items"]] == ids[::-1]
    assert second["next"] is None


@pytest.mark.parametrize(
    "query",
    [
        "colour=red",
        "limit=0",
        "limit=501",
        "limit=x",
        "state=open",
        "since=now",
        "cursor=x",
        "cursor=",
        "q=",
        "q=%00",
        "tenant=acme&tenant=acme",
    ],
)
def test_bad_query(small_world: World, query: str) -> None:
    """What is not known, or not right, is refused and named."""
    answer = small_world.ask("GET", f"/api/jobs?{query}")

    assert answer.status_code == 422
    assert set(faults(answer)) == {query.partition("=")[0]}


@given(st.uuids())
def test_cursor_comes_back(after: Any) -> None:
    """A cursor is read as it was made."""
    assert queries.after(queries.cursor(str(after))) == str(after)


@given(st.text(max_size=30))
def test_other_cursor_is_refused(text: str) -> None:
    """Whatever else stands there is no cursor."""
    with pytest.raises(ValueError, match="no cursor"):
        queries.after(text)


def test_replay_does_not_wait_for_ever(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where too much of a cancelled batch is still to be swept, a replay changes nothing and asks for patience; swept, it goes."""
    monkeypatch.setattr(reopening, "CHUNK", 2)
    monkeypatch.setattr(handlers, "PATIENCE", 0.0)
    body = {"tenant": "acme", "kind": RELEASE["kind"], "items": [{"type": "P", "ref_no": f"{n:06}"} for n in range(9)]}
    batch = world.ask("POST", "/api/batches", json=body).json["id"]
    job = world.ask("GET", f"/api/jobs?batch={batch}").json["items"][0]["id"]
    settle(world, job, "failed")
    world.ask("POST", f"/api/batches/{batch}/cancel")

    refused = world.ask("POST", f"/api/jobs/{job}/replay")

    assert (refused.status_code, refused.json["detail"]) == (409, "its batch was cancelled a moment ago: try again")
    assert world.ask("GET", f"/api/jobs/{job}").json["state"] == "failed"
    assert world.ask("GET", f"/api/batches/{batch}").json["state"] == "cancelled"
    with world.database.write() as connection:
        batches.sweep_cancelled(connection, world.now)
    assert world.ask("POST", f"/api/jobs/{job}/replay").json["state"] == "queued"


def test_replay_edited(world: World) -> None:
    """A failed job runs again with corrected arguments, as the same job with its history."""
    job = world.job()
    settle(world, job, "failed", error_class="validation", error_message="no such document")
    bad = world.ask("POST", f"/api/jobs/{job}/replay", json={"arguments": {"type": "P"}})
    assert faults(bad) == {"arguments.ref_no": "is required"}
    world.bell.rung.clear()

    answer = world.ask("POST", f"/api/jobs/{job}/replay", json={"arguments": {"type": "P", "ref_no": "000124"}})

    assert answer.status_code == 200
    assert [answer.json[name] for name in ("id", "state", "reference", "error")] == [job, "queued", "P/000124", None]
    assert world.bell.rung == [Lane("acme", "visma")]
    line = world.ask("GET", f"/api/jobs/{job}").json["timeline"][-1]
    assert (line["from"], line["to"], line["cause"], line["by"]) == ("failed", "queued", "replayed with edited arguments", "ops")


@pytest.mark.parametrize(
    ("state", "verb", "status"),
    [
        ("queued", "cancel", 200),
        ("waiting", "cancel", 200),
        ("running", "cancel", 409),
        ("succeeded", "cancel", 409),
        ("failed", "discard", 200),
        ("queued", "discard", 409),
        ("cancelled", "replay", 200),
        ("queued", "replay", 409),
        ("succeeded", "replay", 409),
    ],
)
def test_turns(small_world: World, state: str, verb: str, status: int) -> None:
    """Each verb fits some states, and answers 409 in the others."""
    job = small_world.job()
    settle(small_world, job, state)

    assert small_world.ask("POST", f"/api/jobs/{job}/{verb}").status_code == status


def test_turns_take_nothing_else(small_world: World) -> None:
    """A body with anything unknown is refused."""
    job = small_world.job()
    for verb in ("cancel", "discard", "replay"):
        assert small_world.ask("POST", f"/api/jobs/{job}/{verb}", json={"force": True}).status_code == 422


def test_ledger_away(small_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands and questions answer 503 with a time to come back."""

    def away() -> Any:
        raise LedgerUnavailable("away")

    monkeypatch.setattr(small_world.database, "write", away)
    monkeypatch.setattr(small_world.database, "read", away)

    for answer in (post(small_world, RELEASE), small_world.ask("GET", "/api/jobs")):
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
