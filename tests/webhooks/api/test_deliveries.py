"""Deliveries over HTTP: found by filter, shown whole, and told again."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from tests.webhooks.intacct_signing import token
from tests.webhooks.world import NOW, body, operation
from worker.errors import Conflict, LedgerUnavailable
from worker.jobs import arrivals, retelling
from worker.jobs.model import Lane
from worker.jobs.tables import deliveries, jobs
from worker.jobs.views import at

if TYPE_CHECKING:
    from tests.webhooks.world import World
    from worker.jobs.model import Delivery


def listed(world: World, query: str = "", key: str = "root-key") -> list[dict[str, Any]]:
    """The items of a list."""
    answer = world.ask("GET", f"/api/deliveries?{query}", key)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json["items"]
    return items


def notified(world: World, *, job: str = "", **members: Any) -> str:
    """A stored notification's id."""
    headers = {"kitrelay_job": job} if job else {}
    answer = world.notify(body(id=operation(), **members), **headers)
    assert answer.status_code == 200, answer.text
    return str(answer.json["delivery"])


def shown(world: World, delivery: str) -> dict[str, Any]:
    """One of them, whole."""
    found: dict[str, Any] = world.ask("GET", f"/api/deliveries/{delivery}", "root-key").json
    return found


def pushed(world: World, *kits: str) -> str:
    """A trigger of Intacct's about kits; its id."""
    sent = body(kits=list(kits))
    answer = world.push(sent, "/webhooks/intacct/trio", x_ia_sage_signature=token(sent))
    assert answer.status_code == 200, answer.text
    return str(answer.json["delivery"])


def test_filters_narrow(world: World) -> None:
    """Source, state, type, time and job each leave out what is not meant; the newest comes first."""
    job = world.job()
    lost = notified(world)
    world.pass_time(minutes=1)
    known = notified(world, job=job)
    refused = world.notify(b"{}", key="wrong")
    assert refused.status_code == 401

    assert [each["state"] for each in listed(world)] == ["refused", "accepted", "orphan"]
    assert [each["id"] for each in listed(world, "state=accepted,orphan&source=visma")] == [known, lost]
    assert [each["id"] for each in listed(world, f"job={job}")] == [known]
    assert [each["id"] for each in listed(world, f"until={at(world.now)}")] == [lost]
    assert len(listed(world, f"since={at(world.now)}&type=BACKGROUND_API_RESPONSE")) == 2
    assert listed(world, "source=intacct") == listed(world, "type=other") == listed(world, "tenant=globex") == []


def test_lists_are_slim(small_world: World) -> None:
    """A list leaves out headers and bodies, which may be a mebibyte each; one delivery is shown with them."""
    job = small_world.job()
    one = notified(small_world, job=job)

    line, whole = listed(small_world)[0], shown(small_world, one)

    assert {"headers", "body"} & line.keys() == set()
    assert {**whole, "headers": 0, "body": 0} == {**line, "headers": 0, "body": 0}
    assert (whole["headers"]["kitrelay-job"], whole["jobs"], whole["replay_of"]) == (job, [job], None)
    assert orjson.loads(whole["body"])["id"]


def test_pages_go_on(small_world: World) -> None:
    """A cursor leads to every delivery once."""
    made = [notified(small_world) for _ in range(5)]

    seen, cursor = [], ""
    while True:
        page = small_world.ask("GET", f"/api/deliveries?limit=2{cursor}").json
        seen += [each["id"] for each in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"

    assert seen == made[::-1]


@pytest.mark.parametrize("query", ["state=lost", "limit=0", "x=1", "since=today", "cursor=!", "state=accepted&state=orphan"])
def test_odd_filters_are_refused(small_world: World, query: str) -> None:
    """What is not known is a fault, never ignored."""
    assert small_world.ask("GET", f"/api/deliveries?{query}").status_code == 422


def test_replayed_orphan_finds_its_job(world: World) -> None:
    """A notification that found no job is matched anew: the job is woken, and the new delivery names the first."""
    first = notified(world)
    operation_id = orjson.loads(shown(world, first)["body"])["id"]
    job = world.job()
    with world.database.write() as connection:
        connection.execute(jobs.update().values(erp_id=operation_id))
    world.bell.rung.clear()
    world.pass_time(minutes=3)

    answer = world.ask("POST", f"/api/deliveries/{first}/replay")

    assert (answer.status_code, answer.json["state"], answer.json["jobs"]) == (200, "accepted", [job])
    assert (answer.json["replay_of"], answer.json["reason"]) == (first, "replayed by ops")
    assert world.find(job).notified_at == world.now
    assert world.bell.rung == [Lane("acme", "visma")]
    assert shown(world, first)["state"] == "orphan"


def test_replayed_trigger_makes_its_syncs(trio_world: World) -> None:
    """What asks for jobs asks again; a sync that waits for the same is joined, one that has begun is not."""
    first = pushed(trio_world, "K-1", "K-2")
    made = shown(trio_world, first)["jobs"]

    joined = trio_world.ask("POST", f"/api/deliveries/{first}/replay", "root-key")
    for job in made:
        trio_world.ask("POST", f"/api/jobs/{job}/cancel", "root-key")
    anew = trio_world.ask("POST", f"/api/deliveries/{first}/replay", "root-key")

    assert (joined.json["jobs"], joined.json["replay_of"]) == (made, first)
    assert len(anew.json["jobs"]) == 2
    assert not set(anew.json["jobs"]) & set(made)


def test_replay_of_what_proved_nothing(world: World) -> None:
    """A refused delivery proved nothing, and a duplicate is its first one's: neither is replayed."""
    sent = body(id=operation())
    for key in ("wrong", None):
        world.notify(sent, key=key)
    first = world.notify(sent).json["delivery"]
    world.notify(sent)
    states = {each["state"]: each["id"] for each in listed(world)}

    answers = {state: world.ask("POST", f"/api/deliveries/{states[state]}/replay") for state in ("refused", "duplicate")}

    assert {state: answer.status_code for state, answer in answers.items()} == {"refused": 409, "duplicate": 409}
    assert "proved nothing" in answers["refused"].json["detail"]
    assert "replay the first" in answers["duplicate"].json["detail"]
    assert len(world.rows(deliveries)) == 4
    assert world.ask("POST", f"/api/deliveries/{first}/replay").status_code == 200


def test_replay_takes_nothing(small_world: World) -> None:
    """A body with members is refused, and nothing is done."""
    one = notified(small_world)
    assert small_world.ask("POST", f"/api/deliveries/{one}/replay", json={"again": True}).status_code == 422
    assert len(small_world.rows(deliveries)) == 1


def reach(**changes: Any) -> dict[str, Any]:
    """A body that means everything of Visma's in the last hour."""
    return {"tenant": "acme", "source": "visma", "since": at(NOW), "until": "2030-01-01T00:00:00Z", **changes}


def test_range_is_replayed_once(world: World) -> None:
    """All of a stretch of time that can be, oldest first; what is itself a replay is not replayed with it."""
    made = [notified(world) for _ in range(3)]
    world.notify(b"{}", key="wrong")

    first = world.ask("POST", "/api/deliveries/replay", json=reach())
    second = world.ask("POST", "/api/deliveries/replay", json=reach())

    assert first.status_code == 200
    assert [each["replay_of"] for each in first.json["items"]] == [each["replay_of"] for each in second.json["items"]] == made
    assert first.json["skipped"] == [{"reason": "it was refused: it proved nothing", "count": 1}]
    assert first.json["refused"] == []
    assert len(listed(world, "state=orphan")) == 9


def test_range_that_breaks_off(small_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger goes away in the middle: what was replayed is told, and what was not, so that none is replayed twice."""
    made = [notified(small_world) for _ in range(5)]
    real, groups = arrivals.store, count(1)

    def breaks(*given: Any) -> list[arrivals.Stored]:
        if next(groups) == 2:
            raise LedgerUnavailable("away")
        return real(*given)

    monkeypatch.setattr(retelling, "CHUNK", 2)
    monkeypatch.setattr(arrivals, "store", breaks)

    answer = small_world.ask("POST", "/api/deliveries/replay", json=reach())

    assert answer.status_code == 200
    assert [each["replay_of"] for each in answer.json["items"]] == made[:2]
    assert [each["id"] for each in answer.json["refused"]] == made[2:]
    assert len(listed(small_world)) == 7


def test_range_is_understood_unlocked(small_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """While rules look at what is replayed, others may write."""
    made = notified(small_world)
    seen = []

    def tell(delivery: Delivery) -> arrivals.Arrival:
        with small_world.database.write():
            seen.append(delivery.id)
        raise Conflict("not now")

    monkeypatch.setattr("webhooks.api.deliveries.teller", lambda *_: tell)

    answer = small_world.ask("POST", "/api/deliveries/replay", json=reach())

    assert seen == [made]
    assert answer.json["refused"] == [{"id": made, "reason": "not now"}]


def test_range_preview_changes_nothing(world: World) -> None:
    """A preview counts what would be replayed, and what not and why."""
    notified(world)
    world.notify(b"{}", key="wrong")

    answer = world.ask("POST", "/api/deliveries/replay", json=reach(preview=True))

    assert answer.json == {
        "preview": True,
        "would_change": 1,
        "would_skip": [{"reason": "it was refused: it proved nothing", "count": 1}],
        "calls": None,
        "eta": None,
    }
    assert len(world.rows(deliveries)) == 2


def test_range_is_bounded(small_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than may be replayed at once is refused as a whole; up to that it is done in chunks."""
    made = [notified(small_world) for _ in range(4)]
    monkeypatch.setattr(retelling, "CHUNK", 3)
    monkeypatch.setattr(retelling, "MOST", 3)
    refused = small_world.ask("POST", "/api/deliveries/replay", json=reach())
    monkeypatch.setattr(retelling, "MOST", 4)
    done = small_world.ask("POST", "/api/deliveries/replay", json=reach())

    assert (refused.status_code, done.status_code) == (409, 200)
    assert [each["replay_of"] for each in done.json["items"]] == made


@pytest.mark.parametrize(
    "change", [{"until": at(NOW)}, {"since": "yesterday"}, {"source": ""}, {"limit": 3}, {"preview": 1}, {"until": None}]
)
def test_odd_range_is_refused(small_world: World, change: dict[str, Any]) -> None:
    """A range says where it begins and ends, and nothing that is not known."""
    assert small_world.ask("POST", "/api/deliveries/replay", json=reach(**change)).status_code == 422


def test_source_that_is_gone(small_world: World) -> None:
    """What nobody can read any more is not replayed: alone it is a conflict, in a range it is named."""
    one = notified(small_world)
    with small_world.database.write() as connection:
        connection.execute(deliveries.update().values(source="shop"))

    alone = small_world.ask("POST", f"/api/deliveries/{one}/replay")
    together = small_world.ask("POST", "/api/deliveries/replay", json=reach(source="shop"))

    assert alone.status_code == 409
    assert (together.json["items"], [each["id"] for each in together.json["refused"]]) == ([], [one])
