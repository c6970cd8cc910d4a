"""Visma's notifications: proven, stored, answered, and never believed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from tests.webhooks.world import KEY, NOW, World, body, operation
from worker.errors import LedgerUnavailable
from worker.jobs import arrivals
from worker.jobs.model import Lane
from worker.jobs.states import State
from worker.jobs.tables import deliveries, delivery_jobs, jobs

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

ACME = Lane("acme", "visma")


def ms(world: World, **ago: float) -> str:
    """A timestamp header, so long ago."""
    return str(round((world.now - timedelta(**ago)).timestamp() * 1000))


def sent_job(world: World, erp_id: str | None = None) -> str:
    """A job that waits for news, due much later."""
    job = world.job(operation()[:8])
    with world.database.write() as connection:
        values = {"state": "waiting", "erp_id": erp_id, "due_at": world.now + timedelta(hours=1)}
        connection.execute(jobs.update().where(jobs.c.id == job).values(values))
    world.bell.rung.clear()
    return job


def test_notification_wakes_job(world: World) -> None:
    """A notification with a known operation is stored, its job is due at once, and the lane is rung. The outcome in it changes nothing."""
    known = operation()
    job = sent_job(world, known)
    world.pass_time(seconds=5)

    answer = world.notify(body(id=known, status="Failed", statusCode=400), x_vwd_notification_id="n-1", x_vwd_webhook_timestamp=ms(world))

    assert answer.status_code == 200
    (row,) = world.rows(deliveries)
    assert answer.json == {"delivery": row.id, "duplicate": False}
    assert (row.tenant, row.source, row.state, row.type) == ("acme", "visma", "accepted", "BACKGROUND_API_RESPONSE")
    woken = world.find(job)
    assert (woken.state, woken.due_at, woken.notified_at) == (State.WAITING, world.now, world.now)
    assert world.bell.rung == [ACME]


def test_own_header_finds_job(world: World) -> None:
    """A notification whose 202 was lost finds its job by our own header, and tells its operation."""
    job, told = sent_job(world), operation()

    world.notify(body(id=told), KITRELAY_JOB=job)

    assert world.find(job).erp_id == told
    assert [(row.job) for row in world.rows(delivery_jobs)] == [job]


def test_other_tenants_job_untouched(world: World) -> None:
    """A tenant's signature proves nothing about another tenant's job: it is neither woken nor told an operation."""
    job = world.job(tenant="globex")
    world.bell.rung.clear()

    answer = world.notify(body(id=operation()), kitrelay_job=job)

    assert answer.status_code == 200
    assert (world.find(job).erp_id, world.find(job).notified_at) == (None, None)
    assert world.bell.rung == []
    assert world.rows(deliveries)[0].state == "orphan"


def test_array_wakes_each(world: World) -> None:
    """One call may bring news of several operations."""
    known = [operation(), operation()]
    job_ids = [sent_job(world, each) for each in known]

    answer = world.notify(orjson.dumps([{"requestId": known[0]}, {"stateLocation": f"/v1/background/{known[1]}"}]))

    assert answer.status_code == 200
    assert {row.job for row in world.rows(delivery_jobs)} == set(job_ids)


def test_orphan_is_adopted(world: World) -> None:
    """News that comes before its operation is known is kept, and found when the 202 arrives."""
    early = operation()
    delivery = world.notify(body(id=early)).json["delivery"]
    assert world.rows(deliveries)[0].state == "orphan"
    job = sent_job(world)

    with world.database.write() as connection:
        woken = arrivals.adopt_orphans(connection, "acme", {early: job}, world.now)

    assert woken == [job]
    with world.database.read() as connection:
        found = arrivals.find(connection, delivery)
    assert found is not None
    assert (found.state, found.jobs) == ("accepted", (job,))


def test_repeat_is_duplicate(world: World) -> None:
    """A notification id counts once, for seven days and whatever its body: the first delivery's id is the answer."""
    job = sent_job(world, known := operation())
    first = world.notify(body(id=known), x_vwd_notification_id="n-1").json
    world.bell.rung.clear()
    world.pass_time(days=6)

    again = world.notify(body(id=known, try_=2), x_vwd_notification_id="n-1", x_vwd_notification_timestamp=ms(world, days=6))

    assert (again.status_code, again.json) == (200, {"delivery": first["delivery"], "duplicate": True})
    assert world.find(job).notified_at == NOW
    assert world.bell.rung == []
    assert [row.state for row in world.rows(deliveries)] == ["accepted", "duplicate"]


def test_key_ends(world: World) -> None:
    """After its seven days a key is free again, even if nobody has pruned it."""
    first = world.notify(body(id=operation()), x_vwd_notification_id="n-1").json
    world.pass_time(days=7, seconds=1)

    again = world.notify(body(id=operation()), x_vwd_notification_id="n-1")

    assert again.status_code == 200
    assert again.json["duplicate"] is False
    assert again.json["delivery"] != first["delivery"]


def test_same_body_within_hour(world: World) -> None:
    """Without an id the body itself is the key, for an hour."""
    same = body(id=operation())
    answers = [world.notify(same).json["duplicate"]]
    world.pass_time(minutes=59)
    answers.append(world.notify(same).json["duplicate"])
    world.pass_time(minutes=2)
    answers.append(world.notify(same).json["duplicate"])

    assert answers == [False, True, False]


def test_same_key_at_once(world: World) -> None:
    """Of many that arrive at one moment with one key, one is the first."""
    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(lambda _: world.notify(body(id=operation()), x_vwd_notification_id="n-1"), range(24)))

    assert {answer.status_code for answer in answers} == {200}
    assert sorted(answer.json["duplicate"] for answer in answers) == [False, *[True] * 23]
    assert len({answer.json["delivery"] for answer in answers}) == 1


def test_unproven_is_refused(small_world: World) -> None:
    """No signature, one of another key, one of another body: one and the same answer, kept for people to see."""
    sent = body(id=operation())
    forged = [
        small_world.notify(sent, key=None),
        small_world.notify(sent, key="whsec-three"),
        small_world.notify(sent, key=None, x_vwd_signature_v1="%%%"),
        small_world.notify(b"not even JSON", key=None),
    ]

    assert {answer.status_code for answer in forged} == {401}
    assert len({answer.data for answer in forged}) == 1
    assert forged[0].content_type == "application/problem+json"
    assert {row.state for row in small_world.rows(deliveries)} == {"refused"}


def test_refused_uses_no_key(small_world: World) -> None:
    """Nobody can block a notification by sending its id unsigned."""
    small_world.notify(body(id=operation()), key=None, x_vwd_notification_id="n-1")

    assert small_world.notify(body(id=operation()), x_vwd_notification_id="n-1").json["duplicate"] is False


@pytest.mark.parametrize("stamp", [{"minutes": 6}, {"minutes": -6}])
def test_stale_is_refused(small_world: World, stamp: dict[str, float]) -> None:
    """A rightly signed notification of another time is refused."""
    assert small_world.notify(body(id=operation()), x_vwd_webhook_timestamp=ms(small_world, **stamp)).status_code == 401


def test_old_key_still_counts(small_world: World) -> None:
    """While keys rotate, either proves."""
    assert small_world.notify(body(id=operation()), key="whsec-one").status_code == 200


def test_token_proves(small_world: World) -> None:
    """In url mode the end of the address is the proof, either token while they rotate."""
    answers = [
        small_world.notify(body(id=operation()), f"/webhooks/visma/globex/{token}", key=None) for token in ("tok-one", "tok-two", "tok-x")
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 401]


@pytest.mark.parametrize(
    "path",
    [
        "/webhooks/visma/nobody",
        "/webhooks/visma/bare",
        "/webhooks/visma/globex",
        "/webhooks/visma/acme/tok-one",
        "/webhooks/visma/",
        "/webhooks/visma/acme/tok/x",
        "/webhooks/intacct/acme",
    ],
)
def test_no_such_receiver(small_world: World, path: str) -> None:
    """An unknown tenant, one without the connection, and a way that the tenant does not use, are not there; nothing is kept."""
    assert small_world.notify(body(id=operation()), path).status_code == 404
    assert small_world.rows(deliveries) == []


def test_not_json(world: World) -> None:
    """Proven, but not JSON of ours: 400, and kept as refused, whatever bytes it is made of."""
    bad = [b"", b"{", b"NaN", b"17", b'"text"', b"\xff", b"\x00"]

    assert {world.notify(each).status_code for each in bad} == {400}
    assert [row.state for row in world.rows(deliveries)] == ["refused"] * len(bad)


def test_too_large(small_world: World) -> None:
    """More than 1 MiB is not read."""
    assert small_world.notify(b"[" + b" " * 1024 * 1024 + b"]").status_code == 413


def test_other_media_type(small_world: World) -> None:
    """Only JSON; and a sender that names no type at all is taken at its signature's word."""
    assert small_world.notify(body(id=operation()), content_type="text/xml").status_code == 415
    assert small_world.notify(body(id=operation()), content_type="").status_code == 200


def test_method(small_world: World) -> None:
    """Only POST, and the answer says so."""
    answer = small_world.ask("GET", "/webhooks/visma/acme", None)

    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert answer.json["type"] == "urn:kitrelay:problem:method-not-allowed"


@pytest.mark.parametrize(
    "name", ["X-Auth-Key", "Authentication", "apikey", "X-Functions-Key", "X-Password", "Proxy-Authorization", "X-Api-Key"]
)
def test_credentials_are_not_kept(small_world: World, name: str) -> None:
    """Whatever proves who somebody is, to us or to what stands before us, is not stored, be it accepted or refused."""
    headers = {name.replace("-", "_").lower(): "do-not-keep"}

    small_world.notify(body(id=operation()), **headers)
    small_world.notify(b"{}", key="wrong", **headers)

    kept = [row.headers for row in small_world.rows(deliveries)]
    assert len(kept) == 2
    assert "do-not-keep" not in str(kept)


def test_stored_without_proof(small_world: World) -> None:
    """Headers are kept, but no proof and no credentials; the body is kept whole."""
    sent = body(id=operation(), note="é")
    small_world.notify(sent, authorization="Bearer x", cookie="a=b", x_vwd_tenant_id="t-1", x_odd="a\tb")

    (row,) = small_world.rows(deliveries)
    assert row.body == sent.decode()
    assert row.headers["x-vwd-tenant-id"] == "t-1"
    assert not {"authorization", "cookie", "x-vwd-signature-v1"} & row.headers.keys()
    assert KEY not in str(row)


def test_refused_are_bounded(small_world: World) -> None:
    """Sixty refused ones a minute are kept, 4 KiB of each; the next minute has room again."""
    for _ in range(70):
        small_world.notify(b"x" * 10_000, key=None)
    kept = small_world.rows(deliveries)
    assert len(kept) == 60
    assert {len(row.body) for row in kept} == {4096}

    small_world.pass_time(seconds=61)
    small_world.notify(b"x", key=None)
    assert len(small_world.rows(deliveries)) == 61
    assert 'kitrelay_deliveries_total{source="visma",state="refused",tenant="acme"} 71.0' in small_world.client.get("/metrics").text


def test_ledger_away(small_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What can't be stored is answered 503 with a time to come back, never 2xx; nothing is rung."""

    def away() -> AbstractContextManager[Any]:
        raise LedgerUnavailable("the disk is full")

    monkeypatch.setattr(small_world.database, "write", away)

    answer = small_world.notify(body(id=operation()))

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "disk" not in answer.text
    assert small_world.bell.rung == []


def test_ledger_locked_and_free(small_world: World) -> None:
    """A ledger that another process holds for a while only makes the answer wait."""
    with ThreadPoolExecutor(1) as threads:
        with small_world.database.write():
            pending = threads.submit(small_world.notify, body(id=operation()))
            with pytest.raises(TimeoutError):
                pending.result(timeout=0.3)
        assert pending.result(timeout=10).status_code == 200


def test_fault_shows_nothing(small_world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A fault of ours is a bare 500; what went wrong stands in the log, without the address, which may hold a token."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(arrivals, "store", broken)

    answer = small_world.notify(body(id=operation()), "/webhooks/visma/globex/tok-one", key=None)

    assert (answer.status_code, answer.json["title"]) == (500, "Internal Server Error")
    assert "secret" not in answer.text
    logged = capsys.readouterr()
    assert "ZeroDivisionError" in logged.out + logged.err
    assert "tok-one" not in logged.out + logged.err
