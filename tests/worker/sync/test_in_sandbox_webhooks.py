"""Events from simulated ERPs, through the receiver and the lanes: what they make, what they must not make, and edits on both sides."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from threading import Thread
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from werkzeug.serving import make_server

from tests.worker.sync.relay import COMPANIES, succeeded
from webhooks import create_app, kits
from worker.errors import LedgerUnavailable
from worker.jobs.engine import Database
from worker.jobs.ledger import utc_now
from worker.jobs.states import State
from worker.sandbox.intacct.signing import jwt
from worker.scheduler import Scheduler

if TYPE_CHECKING:
    from collections.abc import Iterator

    from werkzeug.test import TestResponse

    from tests.worker.sync.conftest import Begin
    from tests.worker.sync.relay import Owner, Relay
    from worker.jobs.model import Job

NEVER = 3_600_000.0
"""Milliseconds until an import that a test does not want to come by itself."""


@dataclass(frozen=True)
class Door:
    """The receiver before a relay's ledger."""

    relay: Relay
    app: Any
    database: Database

    def trigger(self, body: bytes, key: str = "one", *, signature: str | None = None) -> TestResponse:
        """One platform trigger, signed as Intacct does unless a signature is given."""
        proof = signed(body) if signature is None else signature
        headers = {"X-IA-Sage-Signature": proof, "Idempotency-Key": key, "content-type": "application/json"}
        found: TestResponse = self.app.test_client().post("/webhooks/intacct/acme", data=body, headers=headers)
        return found

    def jobs(self) -> list[Job]:
        """The jobs that deliveries made."""
        return [job for job in self.relay.jobs() if job.made_by == "a delivery"]


def signed(body: bytes, secret: str = "acme-secret", *, at: float | None = None) -> str:
    """A token for a body, issued now or then; it lives for an hour."""
    return jwt(body, secret, "acme-client", time.time() if at is None else at, "ms")


def about(code: str) -> bytes:
    """A trigger's body."""
    return orjson.dumps({"kit": {"id": code}, "object": "kit-component", "event": "after_update"})


@contextmanager
def door_of(relay: Relay) -> Iterator[Door]:
    """A receiver with a database of its own, on the same ledger."""
    database = Database(relay.db.engine.url.render_as_string(hide_password=False))
    yield Door(relay, create_app(relay.settings, database, relay.bell), database)
    database.close()


@contextmanager
def served(door: Door) -> Iterator[str]:
    """The receiver's address while it is served over HTTP."""
    server = make_server("127.0.0.1", 0, door.app, threaded=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Events of one moment are gathered for a shorter one."""
    monkeypatch.setattr(kits, "GATHER", timedelta(seconds=0.2))


def chairs(owner: Owner, company: str = "acme") -> None:
    """A kit that Intacct and ItemPath agree about."""
    for erp in ("intacct", "itempath"):
        owner.put(erp, "CHAIR", [("LEG", 4), ("SEAT", 1)], company)


def is_sent(job: Job) -> bool:
    """Whether a sync has written, and waits until it shows."""
    return job.state is State.WAITING and job.progress["sync"]["stage"] == "shown"


def told(owner: Owner, address: str, *companies: str) -> None:
    """Intacct tells this receiver."""
    owner.change(companies={name: {"intacct_webhook_url": f"{address}/webhooks/intacct/{name}"} for name in companies})


def test_edit_is_followed(begin: Begin, owner: Owner) -> None:
    """A person edits a kit in Intacct: the trigger arrives, and the lines in the warehouse follow."""
    chairs(owner)
    relay = begin("intacct", "itempath")
    with door_of(relay) as door, served(door) as address:
        told(owner, address, "acme")
        owner.put("intacct", "CHAIR", [("LEG", 5), ("SEAT", 1)], announce=True)
        relay.wait(door.jobs)
        relay.settle()

        (job,) = door.jobs()
        succeeded(job)
        assert owner.lines("itempath", "CHAIR") == [("LEG", "5"), ("SEAT", "1")]
        assert owner.counts("intacct")["notifications"]["accepted"] == 1


@pytest.mark.parametrize(
    "signature",
    ["", "no.token.this", signed(about("CHAIR"), "another-secret"), signed(about("TABLE")), signed(about("CHAIR"), at=time.time() - 7_200)],
    ids=["none", "no token", "another's secret", "another body", "expired"],
)
def test_unproven_event(begin: Begin, owner: Owner, signature: str) -> None:
    """Without a proof over just this body, of this hour, an event makes nothing, and its key stays free for the true sender."""
    chairs(owner)
    relay = begin("intacct", "itempath")
    with door_of(relay) as door:
        assert door.trigger(about("CHAIR"), signature=signature).status_code == 401
        assert door.jobs() == []

        answer = door.trigger(about("CHAIR"))
        relay.settle()

    assert answer.get_json()["duplicate"] is False
    assert len(relay.jobs()) == 1


def test_push_is_followed(begin: Begin, owner: Owner) -> None:
    """ItemPath's Data Push names a kit: with the secret it is synced, without it nothing happens; the same push again does nothing."""
    chairs(owner)
    owner.put("itempath", "CHAIR", [("LEG", 7), ("SEAT", 1)])
    relay = begin("itempath", "intacct")
    with door_of(relay) as door:
        pushes = [("wrong", 401), ("acme-push-secret", 200), ("acme-push-secret", 200)]
        for secret, status in pushes:
            headers = {"Authorization": secret}
            answer = door.app.test_client().post("/webhooks/itempath/acme", json={"kitName": "CHAIR"}, headers=headers)
            assert answer.status_code == status
        assert answer.get_json()["duplicate"] is True
        relay.settle()

        (job,) = door.jobs()
    succeeded(job)
    assert owner.lines("intacct", "CHAIR") == [("LEG", "7"), ("SEAT", "1")]


def test_repeated_event(begin: Begin, owner: Owner) -> None:
    """The same event again, while its sync is under way and after it: answered as before, and no second job."""
    chairs(owner)
    owner.put("intacct", "CHAIR", [("LEG", 5), ("SEAT", 1)])
    owner.change(import_ms=NEVER)
    relay = begin("intacct", "itempath")
    with door_of(relay) as door:
        first = door.trigger(about("CHAIR"), "key")
        relay.wait(lambda: is_sent(door.jobs()[0]))
        during = door.trigger(about("CHAIR"), "key")
        owner.change(advance=NEVER / 1000)
        relay.settle()
        after = door.trigger(about("CHAIR"), "key")

        answers = [answer.get_json() for answer in (first, during, after)]
        assert [answer["duplicate"] for answer in answers] == [False, True, True]
        assert len({answer["delivery"] for answer in answers}) == 1
        (job,) = door.jobs()
    succeeded(job)
    assert owner.effects("itempath") == (0, 1, 0)


def test_events_are_merged(begin: Begin, owner: Owner) -> None:
    """Five events about one kit while its sync is under way are one more sync, which runs after it and reads the last state."""
    chairs(owner)
    owner.put("intacct", "CHAIR", [("LEG", 5), ("SEAT", 1)])
    owner.change(import_ms=NEVER)
    relay = begin("intacct", "itempath")
    with door_of(relay) as door:
        door.trigger(about("CHAIR"), "first")
        relay.wait(lambda: is_sent(door.jobs()[0]))
        for number in range(5):
            owner.put("intacct", "CHAIR", [("LEG", 6 + number), ("SEAT", 1)])
            assert door.trigger(about("CHAIR"), f"key-{number}").status_code == 200
        assert len(door.jobs()) == 2
        owner.change(import_ms=1.0, advance=NEVER / 1000)
        relay.settle()

        assert [succeeded(job).reference for job in door.jobs()] == ["CHAIR", "CHAIR"]
    assert owner.lines("itempath", "CHAIR") == [("LEG", "10"), ("SEAT", "1")]


def test_ledger_is_away(begin: Begin, owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    """While nothing can be stored the answer is 503: Intacct sends it again, and the edit is followed once the ledger is back."""
    chairs(owner)
    owner.change(intacct_retry_scale=0.005)
    relay = begin("intacct", "itempath")
    with door_of(relay) as door, served(door) as address:
        told(owner, address, "acme")
        with monkeypatch.context() as patch:
            patch.setattr(door.database, "write", _away)
            owner.put("intacct", "CHAIR", [("LEG", 5), ("SEAT", 1)], announce=True)
            relay.wait(lambda: owner.counts("intacct")["notifications"]["refused"] >= 1)
            assert door.jobs() == []
        relay.wait(door.jobs)
        relay.settle()

        assert len(door.jobs()) == 1
        assert owner.lines("itempath", "CHAIR") == [("LEG", "5"), ("SEAT", "1")]


def test_three_tenants(begin: Begin, owner: Owner) -> None:
    """Three customers' kits change at once: each one's warehouse follows its own company, and no other."""
    relay = begin("intacct", "itempath", names=COMPANIES)
    with door_of(relay) as door, served(door) as address:
        told(owner, address, *COMPANIES)
        for number, company in enumerate(COMPANIES):
            chairs(owner, company)
            owner.put("intacct", "CHAIR", [("LEG", 5 + number), ("SEAT", 1)], company, announce=True)
        relay.wait(lambda: len(door.jobs()) == len(COMPANIES))
        relay.settle()

    for number, company in enumerate(COMPANIES):
        assert owner.lines("itempath", "CHAIR", company) == [("LEG", str(5 + number)), ("SEAT", "1")]
        assert owner.effects("itempath", company) == (0, 1, 0)


def test_own_echo(begin: Begin, owner: Owner) -> None:
    """What we wrote to the source is announced by it: nothing is written for that, and the next such event is not even compared."""
    chairs(owner)
    relay = begin("intacct", "itempath")
    succeeded(relay.sync("CHAIR"))
    owner.put("itempath", "CHAIR", [("LEG", 7), ("SEAT", 1)])
    with door_of(relay) as door, served(door) as address:
        told(owner, address, "acme")
        succeeded(relay.sync("CHAIR", source="itempath", targets=["intacct"]))
        relay.wait(door.jobs)
        relay.settle()
        calls = owner.counts("itempath")["calls"]
        door.trigger(about("CHAIR"), "late")
        relay.settle()

        first, late = door.jobs()
        assert succeeded(first).result["wrote"] is False
        assert relay.timeline(succeeded(late))[-1].cause.startswith("our own write")
    assert owner.counts("itempath")["calls"] == calls
    assert owner.lines("intacct", "CHAIR") == owner.lines("itempath", "CHAIR") == [("LEG", "7"), ("SEAT", "1")]
    assert (owner.effects("intacct"), owner.effects("itempath")) == ((0, 1, 0), (0, 0, 0))


def test_edit_that_looks_like_an_echo(begin: Begin, owner: Owner) -> None:
    """A true edit soon after our own write is no echo: it is carried over."""
    chairs(owner)
    relay = begin("intacct", "itempath")
    succeeded(relay.sync("CHAIR"))
    owner.put("itempath", "CHAIR", [("LEG", 7), ("SEAT", 1)])
    succeeded(relay.sync("CHAIR", source="itempath", targets=["intacct"]))
    owner.put("intacct", "CHAIR", [("LEG", 8), ("SEAT", 1)])
    with door_of(relay) as door:
        door.trigger(about("CHAIR"))
        relay.settle()

    assert owner.lines("itempath", "CHAIR") == [("LEG", "8"), ("SEAT", "1")]


def test_edited_on_both_sides(begin: Begin, owner: Owner) -> None:
    """The source wins over what somebody changed in the target since both agreed, and the result says so."""
    chairs(owner)
    relay = begin("intacct", "itempath")
    assert "edited_there" not in succeeded(relay.sync("CHAIR")).result["targets"]["itempath"]
    owner.put("intacct", "CHAIR", [("LEG", 5), ("SEAT", 1)])
    owner.put("itempath", "CHAIR", [("LEG", 6), ("SEAT", 1)])

    job = succeeded(relay.sync("CHAIR"))

    assert owner.lines("itempath", "CHAIR") == [("LEG", "5"), ("SEAT", "1")]
    assert job.result["targets"]["itempath"]["edited_there"] is True
    owner.put("intacct", "CHAIR", [("LEG", 9), ("SEAT", 1)])
    assert "edited_there" not in succeeded(relay.sync("CHAIR")).result["targets"]["itempath"]


def test_deleted_here_and_changed_there(begin: Begin, owner: Owner) -> None:
    """A line that the source dropped goes although somebody changed it there; one that somebody dropped there comes back."""
    chairs(owner)
    relay = begin("intacct", "itempath")
    succeeded(relay.sync("CHAIR"))
    owner.put("intacct", "CHAIR", [("LEG", 5)])
    owner.put("itempath", "CHAIR", [("SEAT", 3)])

    job = succeeded(relay.sync("CHAIR"))

    assert owner.lines("itempath", "CHAIR") == [("LEG", "5")]
    assert job.result["targets"]["itempath"]["edited_there"] is True
    assert sorted(job.result["targets"]["itempath"]["applied"]) == ["create LEG to 5", "delete SEAT"]


def test_edit_during_a_sync(begin: Begin, owner: Owner) -> None:
    """A source that changes while it is carried over is read again before the end: the target has its last state."""
    chairs(owner)
    owner.put("intacct", "CHAIR", [("LEG", 5), ("SEAT", 1)])
    owner.change(import_ms=NEVER)
    relay = begin("intacct", "itempath")
    made = relay.make("sync_kit_lines", kit="CHAIR")
    relay.wait(lambda: is_sent(relay.job(made)))
    owner.put("intacct", "CHAIR", [("LEG", 6), ("SEAT", 1)])
    owner.change(import_ms=1.0, advance=NEVER / 1000)

    relay.settle()

    succeeded(relay.job(made))
    assert owner.lines("itempath", "CHAIR") == [("LEG", "6"), ("SEAT", "1")]


def test_edit_that_no_one_announces(begin: Begin, owner: Owner) -> None:
    """The scheduled comparison finds the one kit of twelve that somebody changed in the warehouse; the next one finds nothing."""
    owner.ask("POST", "kits", {"count": 12, "lines_each": 3, "company": "acme", "erps": ["intacct", "itempath"]})
    wanted = owner.lines("itempath", "KIT-00007")
    owner.put("itempath", "KIT-00007", [(code, int(quantity) + 1) for code, quantity in wanted])
    relay = begin("intacct", "itempath", compare_every=900.0)

    assert compared(relay, at=0) == ["KIT-00007"]
    assert owner.lines("itempath", "KIT-00007") == wanted
    assert compared(relay, at=901) == []
    assert owner.effects("itempath") == (0, 3, 0)


def compared(relay: Relay, *, at: float) -> list[str]:
    """Let the scheduler sweep, so many seconds from now, until its comparison is over; the kits that it found."""
    before = {job.id for job in relay.jobs()}
    scheduler = Scheduler(relay.settings, relay.db, relay.bell, lambda: utc_now() + timedelta(seconds=at))
    scheduler.sweep()
    assert relay.planning()
    relay.wait(lambda: not relay.planning())
    relay.settle()
    scheduler.sweep()
    return [succeeded(job).reference for job in relay.jobs() if job.id not in before]


def _away() -> Any:
    raise LedgerUnavailable("the disk is full")
