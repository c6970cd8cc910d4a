"""The lane of notices as workers drain it: a real receiver, a real ledger."""

from __future__ import annotations

import base64
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, update
from standardwebhooks.webhooks import Webhook

from tests.worker.clients.erp import Asked, Erp, Said
from tests.worker.jobs.acting import claim, make, settle, wanted
from worker import drain, scheduler
from worker.jobs import fleet, search
from worker.jobs.engine import Database
from worker.jobs.ledger import utc_now
from worker.jobs.model import Lane
from worker.jobs.rows import job_of
from worker.jobs.states import State
from worker.jobs.tables import jobs
from worker.jobs.verdicts import done
from worker.notices import announcing
from worker.notices.announcing import announcer
from worker.notices.work import NoticeHandler
from worker.settings import NOTICES, SEND_NOTICE, Notice, Secret, Settings, Tenant
from worker.tasks import Lanes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.jobs.model import Job

SECRET = "whsec_" + base64.b64encode(b"k" * 24).decode()
LANE = Lane("acme", NOTICES)


@pytest.fixture(autouse=True)
def _brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """An idle lane ends soon, and a failed notice is tried again soon."""
    monkeypatch.setattr(drain, "LINGER", 0.3)
    monkeypatch.setattr(drain, "TICK", 0.05)
    monkeypatch.setattr(drain, "IDLE_SPACING", 0.05)
    monkeypatch.setattr(NoticeHandler, "rules", replace(announcing.RULES, waits=(0.01,)))


@pytest.fixture
def shop() -> Iterator[Erp]:
    """Somebody who is told."""
    server = Erp()
    yield server
    server.close()


@pytest.fixture
def settings(shop: Erp) -> Settings:
    """A tenant with a receiver on this machine."""
    notice = Notice("shop", f"{shop.url}/hooks", (Secret(SECRET),), allow_private=True)
    return Settings(tenants={"acme": Tenant("acme", notices={"shop": notice})}, worker_threads=4)


@pytest.fixture
def telling(db: Database, settings: Settings) -> Iterator[Database]:
    """The ledger as a worker opens it."""
    opened = Database(db.url, announcer(settings))
    yield opened
    opened.close()


def release(db: Database, count: int = 1) -> None:
    """So many releases succeed."""
    make(db, *(wanted(number) for number in range(count)))
    for job in claim(db, count):
        settle(db, job, done("seen"))


def notices(db: Database) -> list[Job]:
    """The notices as they stand."""
    with db.read() as connection:
        return [job_of(row) for row in connection.execute(select(jobs).where(jobs.c.kind == SEND_NOTICE).order_by(jobs.c.id))]


def drained(settings: Settings, db: Database) -> None:
    """A worker empties the lane, and ends."""
    lanes = Lanes(settings, db, "w1")
    lanes.drain(LANE)
    lanes._makers._sender.close()


def ids(asked: list[Asked]) -> Counter[str]:
    """How often each notice arrived; every one of them is proved."""
    for each in asked:
        Webhook(SECRET).verify(each.body, dict(each.headers))
    return Counter(each.headers["webhook-id"] for each in asked)


def test_each_arrives_once(settings: Settings, telling: Database, shop: Erp) -> None:
    """Each end arrives once, signed, and the notice's call is kept with it as with any job."""
    release(telling, 12)
    drained(settings, telling)
    found = notices(telling)
    assert {job.state for job in found} == {State.SUCCEEDED}
    assert ids(shop.asked) == dict.fromkeys((job.id for job in found), 1)
    with telling.read() as connection:
        (attempt,) = search.history(connection, found[0])
    (call,) = attempt.exchanges
    assert (call.method, call.url, call.status) == ("POST", f"{shop.url}/…", 200)
    assert '"job.succeeded"' in (call.request or "")


def test_tried_until_taken(settings: Settings, telling: Database, shop: Erp) -> None:
    """A receiver that is out of order for a while gets its notice under the same id, once it takes it."""
    shop.says(Said(503), Said(drop=True), Said(429))
    release(telling)
    drained(settings, telling)
    (job,) = notices(telling)
    assert (job.state, job.attempt) == (State.SUCCEEDED, 3)
    assert ids(shop.asked) == {job.id: 4}


def test_killed_before_the_call(settings: Settings, telling: Database, shop: Erp) -> None:
    """A worker that dies with a notice in hand costs a moment: another sends it, and there is still one notice for one end."""
    release(telling)
    (taken,) = claim(telling, lane=LANE, worker="dead", now=utc_now())
    with telling.write() as connection:
        fleet.reap(telling, connection, utc_now(), 12.0)
    drained(settings, telling)
    assert ids(shop.asked) == {taken.id: 1}
    (job,) = notices(telling)
    assert (job.state, job.deaths) == (State.SUCCEEDED, 1)


def test_killed_after_the_call(settings: Settings, telling: Database, shop: Erp) -> None:
    """One that dies before it could write that the notice was taken has it sent twice, under one id: the receiver can tell."""
    release(telling)
    (taken,) = claim(telling, lane=LANE, worker="dead", now=utc_now())
    makers = Lanes(settings, telling, "dead")._makers
    handler = makers.make(LANE)
    assert handler is not None
    handler.start(taken)
    makers._sender.close()
    with telling.write() as connection:
        fleet.reap(telling, connection, utc_now(), 12.0)
    drained(settings, telling)
    assert ids(shop.asked) == {taken.id: 2}
    assert [job.state for job in notices(telling)] == [State.SUCCEEDED]


def test_gone_is_learned(settings: Settings, telling: Database, shop: Erp) -> None:
    """410 is in the ledger: another worker sends nothing either, and its notices say why."""
    shop.says(Said(410))
    release(telling)
    drained(settings, telling)
    make(telling, wanted(7))
    settle(telling, claim(telling)[0], done("seen"))
    drained(settings, telling)
    assert len(shop.asked) == 1
    errors = [job.error for job in notices(telling)]
    assert [error and error.status for error in errors] == [410, 410]
    assert all(error and "gets none until" in error.message for error in errors)


def test_sweep_finds_the_lane(settings: Settings, telling: Database) -> None:
    """The scheduler rings for notices as for any work; a tenant without receivers has no such lane."""
    release(telling)

    class Bell:
        rung: list[Lane] = []  # noqa: RUF012 - a fake of one test

        def ring(self, lane: Lane) -> None:
            self.rung.append(lane)

    scheduler.Scheduler(settings, telling, Bell(), utc_now).sweep()  # type: ignore[arg-type] # it rings, no more
    assert Bell.rung == [LANE]
    with telling.write() as connection:
        connection.execute(update(jobs).values(state=State.CANCELLED.value))
    Bell.rung.clear()
    scheduler.Scheduler(settings, telling, Bell(), utc_now).sweep()  # type: ignore[arg-type] # likewise
    assert Bell.rung == []
    assert Tenant("bare").lanes() == ()
    assert Lanes(replace(settings, tenants={"acme": Tenant("acme")}), telling, "w")._makers.make(LANE) is None
