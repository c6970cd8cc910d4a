"""The four kinds against the simulated Visma over HTTP, with its faults one by one: what counts is what took effect there."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from worker import connections, drain, refusals
from worker.assemblies.handler import VismaHandler
from worker.calls import CallThreads
from worker.clients.auth import Tokens
from worker.clients.base import ClientPool
from worker.clients.visma.client import VismaClient, visma_auth
from worker.connections import Meter
from worker.drain import Drain
from worker.jobs import batches, limits, search, spent
from worker.jobs.batches import NewBatch
from worker.jobs.ledger import utc_now
from worker.jobs.making import insert_jobs
from worker.jobs.model import Job, Lane
from worker.jobs.search import JobFilter
from worker.jobs.states import OPEN, BatchState, State
from worker.jobs.verdicts import NewJob
from worker.kinds import KINDS
from worker.reports import observer
from worker.settings import Retries, Secret, Timing, Visma

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.jobs.engine import Database

LANE = Lane("acme", "visma")
SLOTS = 6
PATIENCE = 25.0
BRISK = {"slow_seconds": 0.4, "late_release_seconds": 0.4, "storm_seconds": 0.3, "forget_seconds": 0.2, "finish_ms": 40.0, "accept_ms": 5.0}
FAULTS = {
    "lost-202": 1.0,
    "5xx": 0.2,
    "5xx-after": 1.0,
    "failed": 0.3,
    "late-release": 1.0,
    "token-revoked": 0.2,
    "429": 0.1,
    "slow": 0.5,
    "forgotten": 1.0,
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[str]:
    """The simulated Visma as a process."""
    words = ["--port", "0", "--announce", "--company", "acme", "--slots", str(SLOTS)]
    with subprocess.Popen([sys.executable, "-m", "worker.sandbox", *words], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{json.loads(process.stdout.readline())['port']}"
        process.terminate()
        process.wait(10)


@pytest.fixture(autouse=True)
def _brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits that are minutes in life are parts of a second here."""
    for module, name, value in (
        (drain, "LINGER", 0.2),
        (drain, "LOOK_SPACING", 0.1),
        (drain, "IDLE_SPACING", 0.05),
        (refusals, "_AUTH_WAIT", 0.2),
        (connections, "FIRST_PAUSE", 0.2),
        (connections, "LONGEST_PAUSE", 0.4),
    ):
        monkeypatch.setattr(module, name, value)


@dataclass
class Erp:
    """The sandbox's owner."""

    url: str
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=5.0, verify=False))  # noqa: S501 - plain HTTP on loopback

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """One of the sandbox's own routes."""
        answer = self.http.request(method, f"{self.url}/_sandbox/{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def counts(self) -> dict[str, Any]:
        """What took effect, and how it was asked for."""
        found: dict[str, Any] = self.ask("GET", "counts?documents=1")["visma"]["companies"]["acme"]
        return found

    def hits(self, fault: str) -> int:
        """How often a fault struck."""
        return int(self.ask("GET", "counts")["faults"].get(fault, 0))


@pytest.fixture
def erp(sandbox: str) -> Iterator[Erp]:
    """The sandbox as at the start, with short times and twenty balanced documents."""
    found = Erp(sandbox)
    found.ask("POST", "reset", {})
    found.ask("PATCH", "settings", BRISK)
    found.ask("POST", "documents", {"company": "acme", "count": 20})
    yield found
    found.http.close()


def connection_to(url: str, **changes: Any) -> Visma:
    """The settings of the connection."""
    plain: dict[str, Any] = {
        "slots": SLOTS,
        "first_poll": 0.2,
        "poll_max": 0.5,
        "second_look": 0.6,
        "give_up": 20.0,
        "retries": Retries(attempts=12, first=0.05, most=0.2, repeat_window=0.3),
    }
    return Visma(url, f"{url}/connect/token", "acme-client", Secret("acme-secret"), "acme", **{**plain, **changes})


@contextmanager
def handler_for(url: str, **changes: Any) -> Iterator[VismaHandler]:
    """The real handler, over real HTTP; an answer is awaited for 0.3 s."""
    settings, meter = connection_to(url, **changes), Meter()
    observe = observer(meter)
    with ClientPool(Timing(connect=2.0, call=0.3)) as pool:
        client = VismaClient(settings, pool, visma_auth(settings, Tokens(pool), observe), observe)
        yield VismaHandler(settings, client, meter, time.time)


def wanted(kind: str, **arguments: Any) -> NewJob:
    """A job as the API makes it."""
    checked = KINDS[kind].check(arguments)
    return NewJob("acme", "visma", kind, checked, KINDS[kind].reference(checked), KINDS[kind].subject(checked), 12)


def one_of_each() -> list[NewJob]:
    """Three releases, two updates, two deletes, and three creates with their release."""
    names = [{"type": "P", "ref_no": f"{number:06}"} for number in range(1, 8)]
    return [
        *(wanted("release_kit_assembly", **each) for each in names[:3]),
        *(wanted("update_kit_assembly", **each, quantity=7, description="Changed") for each in names[3:5]),
        *(wanted("delete_kit_assembly", **each) for each in names[5:7]),
        *(wanted("create_kit_assembly", item_id=f"KIT-000{number}", quantity=number, release=True) for number in (1, 2, 3)),
    ]


def jobs_of(db: Database) -> list[Job]:
    """All jobs, oldest first."""
    with db.read() as connection:
        return search.find_jobs(connection, JobFilter(), 500)[::-1]


def settle(db: Database, url: str, **changes: Any) -> list[Job]:
    """Ring the lane, as the scheduler would, until no job is open; the jobs."""
    end, threads = time.monotonic() + PATIENCE, CallThreads(SLOTS)
    with handler_for(url, **changes) as handler, closing(threads):
        while (left := [job for job in jobs_of(db) if job.state in OPEN]) or _planning(db):
            assert time.monotonic() < end, [(job.kind, job.reference, job.state, job.error, job.progress) for job in left]
            Drain(db, LANE, handler, threads, "w", Timing(), Event(), utc_now).run()
    return jobs_of(db)


def _planning(db: Database) -> bool:
    with db.read() as connection:
        return bool(batches.planning(connection))


def make(db: Database, news: list[NewJob]) -> None:
    """Make these jobs."""
    with db.write() as connection:
        insert_jobs(connection, news, "test", utc_now())


def assert_once(counts: dict[str, Any]) -> None:
    """Every effect that was asked for took place once, one at a time on each document."""
    assert counts["effects"] == {"releases": 6, "creates": 3, "updates": 2, "deletes": 2}
    assert (counts["released_twice"], counts["overlapped_documents"]) == (0, 0)


def test_four_kinds(sqlite_db: Database, erp: Erp) -> None:
    """Create and release, update, delete, release: each does what it says, and each create's release follows it."""
    make(sqlite_db, one_of_each())

    jobs = settle(sqlite_db, erp.url)

    assert [job.state for job in jobs] == [State.SUCCEEDED] * 13
    assert_once(erp.counts())
    created = [job for job in jobs if job.kind == "create_kit_assembly"]
    released = {job.reference for job in jobs if job.kind == "release_kit_assembly"}
    assert {f"P/{job.result['ref_no']}" for job in created} < released
    shown = {one["key"]: one for one in erp.counts()["documents"]}
    assert shown["P/000004"]["description"] == "Changed"
    assert shown["P/000006"]["status"] is None
    assert {job.attempt for job in jobs} == {0}


@pytest.mark.parametrize(("fault", "rate"), FAULTS.items())
def test_fault(sqlite_db: Database, erp: Erp, fault: str, rate: float) -> None:
    """Whatever goes wrong on the way, every job is done in the end, and done once."""
    erp.ask("PATCH", "settings", {"faults": {fault: rate}})
    make(sqlite_db, one_of_each())

    jobs = settle(sqlite_db, erp.url)

    assert [(job.state, job.error) for job in jobs if job.state is not State.SUCCEEDED] == []
    assert erp.hits(fault) > 0 or fault == "forgotten"
    assert_once(erp.counts())
    if fault != "slow":  # a call that we gave up on goes on over there
        assert erp.counts()["violations"]["slots"] == 0


def test_cannot_be_released(sqlite_db: Database, erp: Erp) -> None:
    """A release that Visma refuses fails with Visma's words, after one try."""
    erp.ask("PATCH", "settings", {"faults": {"finished-400": 1.0}})
    make(sqlite_db, one_of_each()[:3])

    jobs = settle(sqlite_db, erp.url)

    assert {job.state for job in jobs} == {State.FAILED}
    assert {job.error.error_class for job in jobs if job.error} == {"validation"}
    assert all("will go negative" in job.error.message for job in jobs if job.error)
    assert erp.counts()["operations"]["accepted"] == 3
    assert erp.counts()["effects"]["releases"] == 0


def test_goes_on_after_answering(sqlite_db: Database, erp: Erp) -> None:
    """A release endpoint that answers 202 and goes on working is no success before the document shows it."""
    erp.ask("PATCH", "settings", {"release_status": 202})
    make(sqlite_db, one_of_each()[:3])

    assert {job.state for job in settle(sqlite_db, erp.url)} == {State.SUCCEEDED}
    assert erp.counts()["effects"]["releases"] == 3


def test_lost_answer_without_mark(sqlite_db: Database, erp: Erp) -> None:
    """A create whose answer was lost, and that carries no mark, is left to a person: it is never made twice."""
    erp.ask("PATCH", "settings", {"faults": {"lost-202": 1.0}})
    make(sqlite_db, [wanted("create_kit_assembly", item_id="KIT-0001", quantity=2)])

    (job,) = settle(sqlite_db, erp.url, mark_description=False)

    assert job.state is State.FAILED
    assert job.error is not None
    assert job.error.error_class == "in_doubt"
    assert erp.counts()["effects"]["creates"] == 1


def test_selection(sqlite_db: Database, erp: Erp) -> None:
    """A batch finds its documents, releases each once, and costs little more than a call for each."""
    erp.ask("POST", "documents", {"company": "acme", "count": 130})
    with sqlite_db.write() as connection:
        batch = batches.open_batch(
            connection, NewBatch("acme", "visma", "release_kit_assembly", "all", {"status": "B", "type": "P"}), "test", utc_now()
        )

    jobs = settle(sqlite_db, erp.url)

    counts = erp.counts()
    assert len(jobs) == counts["released_documents"] == counts["effects"]["releases"] == 150
    assert counts["calls"] <= 1.5 * 150
    with sqlite_db.read() as connection:
        assert spent.calls_of(connection, batch.id) == counts["calls"]
        assert batches.find(sqlite_db, connection, batch.id).state is BatchState.SUCCEEDED
        assert limits.state_of(connection, LANE).learned == {"clock_minutes": 60}


@pytest.mark.parametrize("fault", ["lost-202", "late-release"])
def test_spent_is_what_was_called(sqlite_db: Database, erp: Erp, fault: str) -> None:
    """Every call that Visma saw counts once for the batch that it served, also those whose answer was lost; tokens count for none."""
    erp.ask("PATCH", "settings", {"faults": {fault: 0.5}})
    with sqlite_db.write() as connection:
        new = NewBatch("acme", "visma", "release_kit_assembly", "all", {"status": "B", "type": "P"})
        batch = batches.open_batch(connection, new, "test", utc_now())

    jobs = settle(sqlite_db, erp.url)

    assert erp.hits(fault) > 0
    assert {job.state for job in jobs} == {State.SUCCEEDED}
    with sqlite_db.read() as connection:
        assert spent.calls_of(connection, batch.id) == erp.counts()["calls"]


def test_down(sqlite_db: Database, erp: Erp) -> None:
    """An ERP that is down for a moment gets few calls meanwhile, and its work goes on by itself."""
    erp.ask("PATCH", "settings", {"down": 1.0})
    make(sqlite_db, one_of_each())

    jobs = settle(sqlite_db, erp.url)

    assert {job.state for job in jobs} == {State.SUCCEEDED}
    assert_once(erp.counts())
