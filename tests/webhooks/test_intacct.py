"""Intacct's triggers: proven, stored, answered with exactly 200, and made one sync for each kit."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from tests.webhooks.intacct_signing import HOUR_MS, NOW_MS, context, token, wrapped
from tests.webhooks.world import INTACCT_SECRET, NOW, Reply, World, body, trio
from worker.errors import LedgerUnavailable
from worker.jobs import arrivals
from worker.jobs.model import Lane
from worker.jobs.states import State
from worker.jobs.tables import deliveries, delivery_jobs, jobs
from worker.settings import Sync

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

LANE = Lane("trio", "intacct")
ADDRESS = "/webhooks/intacct/trio"


def trigger(world: World, content: bytes, key: str | None = INTACCT_SECRET, address: str = ADDRESS, **headers: str) -> Reply:
    """One trigger, signed now with `key` (None: not at all)."""
    if key is not None:
        headers.setdefault("x_ia_sage_signature", token(content, key, round(world.now.timestamp() * 1000)))
    return world.push(content, address, **headers)


def kit(code: str = "K1", **more: Any) -> bytes:
    """A body that names a kit."""
    return body(kit={"id": code}, **more)


def only(world: World, table: Any) -> Any:
    """The one row of a table."""
    (row,) = world.rows(table)
    return row


def test_trigger_makes_sync(trio_world: World) -> None:
    """A trigger is stored with the sync of its kit, due in a second, so that more about the kit may join; the lane is rung."""
    answer = trigger(trio_world, kit())

    row, job = only(trio_world, deliveries), only(trio_world, jobs)
    assert (answer.status_code, answer.json) == (200, {"delivery": row.id, "duplicate": False})
    assert (row.tenant, row.source, row.type, row.state, row.reason) == ("trio", "intacct", "PLATFORM_TRIGGER", "accepted", None)
    assert (job.kind, job.erp, job.arguments, job.subject) == ("sync_kit_lines", "intacct", {"kit": "K1"}, "kit/K1")
    assert (job.state, job.due_at) == (State.QUEUED, NOW + timedelta(seconds=1))
    assert (only(trio_world, delivery_jobs).delivery, only(trio_world, delivery_jobs).job) == (row.id, job.id)
    assert trio_world.bell.rung == [LANE]


@pytest.mark.parametrize("key", [INTACCT_SECRET, "old-secret"])
def test_either_form_and_key(small_trio_world: World, key: str) -> None:
    """The token alone or in its envelope, by the client's secret or another key while they rotate."""
    sent = kit()

    assert trigger(small_trio_world, sent, key).status_code == 200
    assert trigger(small_trio_world, sent, None, x_ia_sage_signature=wrapped(token(sent, key))).status_code == 200


def test_events_become_one_run(trio_world: World) -> None:
    """Several events about one kit within a moment are one run, to which each delivery is linked; each kit has its own."""
    for number in range(4):
        trigger(trio_world, kit(f"K{number % 2}", number=number), idempotency_key=f"key-{number}")
        trio_world.pass_time(milliseconds=200)

    assert sorted(row.reference for row in trio_world.rows(jobs)) == ["K0", "K1"]
    assert len(trio_world.rows(delivery_jobs)) == 4


def test_events_at_once_become_one_run(trio_world: World) -> None:
    """However many arrive at the same instant."""
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda number: trigger(trio_world, kit(number=number)), range(24)))

    assert {answer.status_code for answer in answers} == {200}
    assert only(trio_world, jobs).reference == "K1"
    assert len({row.delivery for row in trio_world.rows(delivery_jobs)}) == 24


def test_event_during_a_run(trio_world: World) -> None:
    """An event that comes while the kit is synced makes another run: the one under way may have read before it."""
    trigger(trio_world, kit(number=1))
    with trio_world.database.write() as connection:
        connection.execute(jobs.update().values(state="running", starts=1))
    trigger(trio_world, kit(number=2))

    assert len(trio_world.rows(jobs)) == 2


@pytest.mark.parametrize("header", ["idempotency_key", "x_idempotencykey"])
def test_repeat_is_duplicate(trio_world: World, header: str) -> None:
    """A repeated key, under either name, is answered as the first was and makes nothing, not even when the first run has ended."""
    first = trigger(trio_world, kit(), **{header: "key-1"}).json
    with trio_world.database.write() as connection:
        connection.execute(jobs.update().values(state="succeeded", starts=1))
    trio_world.bell.rung.clear()
    trio_world.pass_time(days=6)

    again = trigger(trio_world, kit(more=1), **{header: "key-1"})

    assert (again.status_code, again.json) == (200, {"delivery": first["delivery"], "duplicate": True})
    assert len(trio_world.rows(jobs)) == 1
    assert trio_world.bell.rung == []
    assert [row.state for row in trio_world.rows(deliveries)] == ["accepted", "duplicate"]


def test_same_body_within_hour(small_trio_world: World) -> None:
    """Without a key the body itself is one, for an hour."""
    answers = []
    for minutes in (0, 59, 2):
        small_trio_world.pass_time(minutes=minutes)
        answers.append(trigger(small_trio_world, kit()).json["duplicate"])

    assert answers == [False, True, False]


def test_unproven_is_refused(small_trio_world: World) -> None:
    """No proof, a wrong, an expired or a future one, one of another body, one in another header: one and the same answer, kept to see."""
    sent = kit()
    forged = [
        trigger(small_trio_world, sent, None),
        trigger(small_trio_world, sent, "another-secret"),
        trigger(small_trio_world, sent, None, x_ia_sage_signature="%%%"),
        trigger(small_trio_world, sent, None, x_ia_sage_signature=token(kit("K2"))),
        trigger(small_trio_world, sent, None, x_ia_sage_signature=token(sent, now_ms=NOW_MS - 2 * HOUR_MS)),
        trigger(small_trio_world, sent, None, x_ia_sage_signature=token(sent, now_ms=NOW_MS + HOUR_MS)),
        trigger(small_trio_world, sent, None, x_trusted_context=token(sent)),
        trigger(small_trio_world, b"no JSON", None),
    ]

    assert {answer.status_code for answer in forged} == {401}
    assert len({answer.data for answer in forged}) == 1
    assert {row.state for row in small_trio_world.rows(deliveries)} == {"refused"}
    assert small_trio_world.rows(jobs) == []
    assert small_trio_world.bell.rung == []


def test_refused_uses_no_key(small_trio_world: World) -> None:
    """Nobody can block an event by sending its key unsigned."""
    trigger(small_trio_world, kit(), None, idempotency_key="key-1")

    assert trigger(small_trio_world, kit(), idempotency_key="key-1").json["duplicate"] is False


def test_proof_is_not_kept(small_trio_world: World) -> None:
    """Neither an accepted nor a refused delivery keeps the proof that came with it; its context is kept."""
    sent, said = kit(), context(USER="jane", EVENT="after_update")
    trigger(small_trio_world, sent, x_clientcontext=said, x_trusted_context=token(sent))
    trigger(small_trio_world, sent, None, x_ia_sage_signature=token(sent, "other"))

    rows = small_trio_world.rows(deliveries)
    assert rows[0].headers["x-clientcontext"] == said
    assert all(token(sent, key) not in str(row) for row in rows for key in (INTACCT_SECRET, "other"))
    assert rows[0].reason is None


def test_own_user_is_told(small_trio_world: World) -> None:
    """That our own user raised it is told, and nothing follows: the context is unsigned, and others may use that user."""
    trigger(small_trio_world, kit(), x_clientcontext=context(USER="API"))

    assert only(small_trio_world, deliveries).reason == "raised by our own user api, as its context says"
    assert only(small_trio_world, jobs).reference == "K1"


@pytest.mark.parametrize("said", ["", "%%%", context(USER=7), "W10=", context(), "x" * 9000, "é"])
def test_odd_context(small_trio_world: World, said: str) -> None:
    """Whatever stands in the context, it changes nothing."""
    assert trigger(small_trio_world, kit(), x_clientcontext=said).status_code == 200
    assert only(small_trio_world, deliveries).reason is None


def test_no_kit_is_accepted(trio_world: World) -> None:
    """A trigger that names no kit is accepted and says what becomes of it."""
    answer = trigger(trio_world, body(event="after_delete"))

    row = only(trio_world, deliveries)
    assert answer.status_code == 200
    assert (row.state, row.reason) == ("accepted", "names no kit: the next comparison finds what changed")
    assert trio_world.rows(jobs) == []
    assert trio_world.bell.rung == []


def test_other_source(sqlite_url: str) -> None:
    """Where another system is the source, what changes in Intacct makes no sync, and the delivery says so."""
    world = World(sqlite_url, trio(sync=Sync(source="visma", targets=("intacct",))))

    assert trigger(world, kit()).status_code == 200
    assert only(world, deliveries).reason == "intacct is not the source of syncs"
    assert world.rows(jobs) == []
    world.database.close()


def test_own_expression(sqlite_url: str) -> None:
    """The body is whatever the customer's template makes of it; the settings say where its kits are."""
    plain = trio()
    assert plain.intacct is not None
    world = World(sqlite_url, replace(plain, intacct=replace(plain.intacct, webhook_kits="[].owner.code")))

    trigger(world, orjson.dumps([{"owner": {"code": "A"}}, {"owner": {"code": "B"}}]))

    assert [row.reference for row in world.rows(jobs)] == ["A", "B"]
    world.database.close()


@pytest.mark.parametrize("address", ["/webhooks/intacct/nobody", "/webhooks/intacct/acme", "/webhooks/intacct/", f"{ADDRESS}/x"])
def test_no_such_receiver(small_trio_world: World, address: str) -> None:
    """An unknown tenant and one without the connection are not there; nothing is kept."""
    assert trigger(small_trio_world, kit(), address=address).status_code == 404
    assert small_trio_world.rows(deliveries) == []


def test_wrong_bodies(small_trio_world: World) -> None:
    """Proven, but not JSON of ours, too large, or of another type: as for every receiver, and kept as refused."""
    statuses = [trigger(small_trio_world, each).status_code for each in (b"", b"{", b"NaN", b"17", b"\xff")]
    statuses.append(trigger(small_trio_world, b"[" + b" " * 1024 * 1024 + b"]").status_code)
    statuses.append(trigger(small_trio_world, kit(), content_type="text/xml").status_code)
    statuses.append(small_trio_world.ask("GET", ADDRESS, None).status_code)

    assert statuses == [400] * 5 + [413, 415, 405]
    assert {row.state for row in small_trio_world.rows(deliveries)} == {"refused"}
    assert 'kitrelay_deliveries_total{source="intacct",state="refused",tenant="trio"} 7.0' in small_trio_world.client.get("/metrics").text


def test_ledger_away(small_trio_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What can't be stored is answered 503, so that the sender comes again; nothing is made or rung."""

    def away() -> AbstractContextManager[Any]:
        raise LedgerUnavailable("the disk is full")

    monkeypatch.setattr(small_trio_world.database, "write", away)

    answer = trigger(small_trio_world, kit())

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert small_trio_world.bell.rung == []


def test_half_stored_is_nothing(trio_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the delivery can't be stored its jobs are not made either, and its key stays free."""

    def fails(*_: object) -> None:
        raise LedgerUnavailable("away")

    with monkeypatch.context() as patch:
        patch.setattr(arrivals, "_insert", fails)
        assert trigger(trio_world, kit(), idempotency_key="key-1").status_code == 503
    assert (trio_world.rows(jobs), trio_world.rows(deliveries)) == ([], [])

    assert trigger(trio_world, kit(), idempotency_key="key-1").json["duplicate"] is False
    assert len(trio_world.rows(jobs)) == 1
