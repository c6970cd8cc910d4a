"""A job's first call, and what each answer to it means."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.worker.assemblies.company import ARGUMENTS, KIND_NAMES, NOW, OPERATION, Company, accepted, job_of, refused, settings_of
from worker.assemblies.seeing import mark_of
from worker.assemblies.starting import start
from worker.jobs import queue
from worker.jobs.changes import Change, apply
from worker.jobs.claims import claim
from worker.jobs.making import insert_jobs
from worker.jobs.model import JobError
from worker.jobs.queue import replay
from worker.jobs.states import State
from worker.jobs.verdicts import NewJob, Verdict, after, failed
from worker.settings import Retries

if TYPE_CHECKING:
    from worker.jobs.engine import Database

KINDS_AND_PATHS = [
    ("create_kit_assembly", "POST /v1/kitassembly"),
    ("update_kit_assembly", "PUT /v1/kitassembly/P/000001"),
    ("delete_kit_assembly", "DELETE /v1/kitassembly/P/000001"),
    ("release_kit_assembly", "POST /v1/kitassembly/P/000001/action/release"),
]
ENDS: list[tuple[httpx.Response | Exception, State, str | None, bool]] = [
    (httpx.ConnectError("no route"), State.RETRYING, "unavailable", True),
    (httpx.ConnectTimeout("no route"), State.RETRYING, "unavailable", True),
    (refused(429, "Too many.", Retry_After="7"), State.QUEUED, "rate_limited", False),
    (refused(401), State.QUEUED, "auth", False),
    (refused(403), State.FAILED, "auth", True),
    (httpx.ReadTimeout("silence"), State.WAITING, "timeout", True),
    (httpx.RemoteProtocolError("cut"), State.WAITING, "timeout", True),
    (refused(500), State.WAITING, "unavailable", True),
    (refused(503), State.WAITING, "unavailable", True),
    (refused(408), State.WAITING, "timeout", True),
    (httpx.Response(202, content=b"what?"), State.WAITING, "unavailable", True),
    (refused(404), State.FAILED, "missing_reference", True),
    (refused(400, "Quantity must be greater than 0."), State.FAILED, "validation", True),
    (refused(400, "It is already released."), State.FAILED, "conflict", True),
    (refused(409), State.FAILED, "conflict", True),
]


def begin(company: Company, kind: str, **changes: Any) -> Verdict:
    """Start a fresh job."""
    return start(company.client(), settings_of(), job_of(kind, sent=None, **changes), NOW, 60)


@pytest.mark.parametrize("kind", KIND_NAMES)
@pytest.mark.parametrize(("end", "state", "error_class", "counts"), ENDS)
def test_each_end(kind: str, end: httpx.Response | Exception, state: State, error_class: str | None, counts: bool) -> None:  # noqa: FBT001
    """What never arrived is tried again; what was turned away unread costs no attempt; what may have been done waits to be looked at."""
    company = Company()
    company.writes.append(end)

    verdict = begin(company, kind)

    assert (verdict.state, verdict.counts) == (state, counts)
    assert verdict.error is not None
    assert verdict.error.error_class == error_class
    assert bool(verdict.progress.get("doubt")) is (state is State.WAITING)
    assert len(company.asked) == 1


@pytest.mark.parametrize(("kind", "path"), KINDS_AND_PATHS)
def test_accepted(kind: str, path: str) -> None:
    """A 202 makes the job wait, with the operation's id, the time it was sent, and our own header on the call."""
    company = Company()

    job = job_of(kind, sent=None)
    verdict = start(company.client(), settings_of(), job, NOW, 60)

    assert company.asked == [path]
    assert (verdict.state, verdict.erp_id, verdict.counts) == (State.WAITING, OPERATION, False)
    assert verdict.progress["sent_at"] == NOW
    assert company.headers[0]["erp-api-background"] == f"subscription:kitrelay-job={job.id}"


@pytest.mark.parametrize(
    ("kind", "wait"), [("create_kit_assembly", 30), ("release_kit_assembly", 30), ("update_kit_assembly", 5), ("delete_kit_assembly", 5)]
)
def test_first_poll(kind: str, wait: float) -> None:
    """The notification has half a minute; an update or delete may end without one and is asked after five seconds."""
    assert begin(Company(), kind).wait == wait


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("create_kit_assembly", httpx.Response(201, headers={"Location": "http://visma.test/v1/kitassembly/P/000009"})),
        ("update_kit_assembly", httpx.Response(204)),
        ("delete_kit_assembly", httpx.Response(204)),
        ("release_kit_assembly", httpx.Response(200, json={"actionResult": "Done"})),
    ],
)
def test_done_at_once(kind: str, answer: httpx.Response) -> None:
    """Where Visma answers at once the job is read back at once: only what is seen counts as done."""
    company = Company()
    company.writes.append(answer)

    verdict = begin(company, kind)

    assert (verdict.state, verdict.wait, verdict.erp_id) == (State.WAITING, 0.0, None)
    assert verdict.progress["finished"] is True


def test_number_of_sync_create() -> None:
    """The number that a create's answer names is kept: without a mark nothing else tells which document is ours."""
    company = Company()
    company.writes.append(httpx.Response(201, headers={"Location": "http://visma.test/v1/kitassembly/P/000009"}))

    verdict = begin(company, "create_kit_assembly")

    assert verdict.progress["named"] == ["P", "000009"]


def test_delete_of_the_deleted() -> None:
    """A second delete that finds nothing has been done by the first one."""
    company = Company()
    company.writes.append(refused(404))

    verdict = begin(company, "delete_kit_assembly", attempt=1)

    assert verdict.state is State.SUCCEEDED


def test_mark_and_release() -> None:
    """A create carries our mark behind its own description, and never our word `release`."""
    company = Company()

    job = job_of("create_kit_assembly", sent=None)
    start(company.client(), settings_of(), job, NOW, 60)

    assert company.bodies[0]["description"] == {"value": f"For the fair {mark_of(job.id)}"}
    assert "release" not in company.bodies[0]


@pytest.mark.parametrize("description", ["For the fair", None])
def test_no_mark(description: str | None) -> None:
    """With mark_description off, the description is what the caller said, or is left out."""
    company = Company()
    arguments = {"type": "P", "item_id": "KIT-0001", "quantity": 2} | ({"description": description} if description else {})
    job = job_of("create_kit_assembly", sent=None, arguments=arguments)

    start(company.client(), settings_of(mark_description=False), job, NOW, 60)

    assert company.bodies[0].get("description") == ({"value": description} if description else None)


def test_update_leaves_description() -> None:
    """An update writes the fields that were named, without names and without a mark."""
    company = Company()

    begin(company, "update_kit_assembly", arguments={"type": "P", "ref_no": "000001", "quantity": 3})

    assert company.bodies == [{"quantity": {"value": 3}}]


def test_repeats_are_spaced() -> None:
    """However often Visma says 429, one request is sent at most twice within the repeat window, and no attempt is counted."""
    rules = Retries(repeat_window=300.0)
    company, job, now = Company(), job_of(sent=None), NOW
    sent: list[float] = []
    for _ in range(12):
        company.writes.append(refused(429, Retry_After="1"))
        sent.append(now)
        verdict = start(company.client(), settings_of(), job, now, 60)
        job = after(job, verdict, datetime.fromtimestamp(now, UTC), rules, 0.0)
        assert job.attempt == 0
        now = job.due_at.timestamp()
        job = replace(job, state=State.RUNNING)

    assert all(third - first >= rules.repeat_window for first, third in zip(sent, sent[2:], strict=False))


@pytest.mark.parametrize("kind", KIND_NAMES)
def test_look_first_finds_it_done(kind: str) -> None:
    """A start after one that may have been done looks first, and writes nothing when Visma shows it."""
    company = Company()
    job = job_of(kind, sent=None, progress={"look_first": True, "sent_at": NOW - 300})
    if kind != "delete_kit_assembly":
        done = {"quantity": 3.0, "description": "Changed"} if kind == "update_kit_assembly" else {"description": mark_of(job.id)}
        company.document(1, "R" if kind == "release_kit_assembly" else "B", ago=200, **done)

    verdict = start(company.client(), settings_of(), job, NOW, 60)

    assert verdict.state is State.SUCCEEDED
    assert all(call.startswith("GET") for call in company.asked)


def test_look_first_then_write() -> None:
    """Where the look shows that it was not done, it is written, and the next start need not look."""
    company = Company()
    company.document(1)

    verdict = begin(company, "release_kit_assembly", progress={"look_first": True, "failed_looks": 3})

    assert [call.split(" ")[0] for call in company.asked] == ["GET", "POST"]
    assert verdict.progress["look_first"] is None
    assert verdict.progress["failed_looks"] is None


def test_look_first_ambiguous() -> None:
    """A document that may be ours, and carries no mark to tell, is a matter for a person: nothing is written."""
    company = Company()
    company.document(1, ago=200, quantity=2.0)
    job = job_of("create_kit_assembly", sent=None, progress={"look_first": True, "sent_at": NOW - 300})

    verdict = start(company.client(), settings_of(mark_description=False), job, NOW, 60)

    assert verdict.error is not None
    assert verdict.error.error_class == "in_doubt"
    assert not company.bodies


def test_person_decides(sqlite_db: Database) -> None:
    """A person who has looked, and replays a job that failed in doubt, gets it sent: else the replay could never succeed."""
    company = Company()
    company.document(1, ago=200, quantity=2.0)
    now = datetime.fromtimestamp(NOW, UTC)
    with sqlite_db.write() as connection:
        (made,) = insert_jobs(connection, [new_create()], "test", now)
        (taken,) = claim(connection, made.lane, "w", now, now, 1)
        doubtful = after(taken, failed(JobError("in_doubt", "who knows"), sent_at=NOW - 300), now, Retries(), 0.0)
        apply(sqlite_db, connection, [Change(taken, doubtful, "", "")], now)
        replayed = replay(sqlite_db, connection, queue.find(connection, made.id), "ops", now)

    verdict = start(company.client(), settings_of(mark_description=False), replayed, NOW, 60)

    assert (verdict.state, len(company.bodies)) == (State.WAITING, 1)
    assert verdict.progress["decided"] is None


def new_create() -> NewJob:
    """A create as the API makes it."""
    return NewJob("acme", "visma", "create_kit_assembly", ARGUMENTS["create_kit_assembly"], "KIT-0001", None, 8)


@pytest.mark.parametrize("failures", [0, 1, 5])
def test_failed_look_costs_nothing(failures: int) -> None:
    """A look before sending that fails is made again, later each time; it is no failed start."""
    company = Company()
    company.next.append(httpx.ReadTimeout("silence"))

    verdict = begin(company, "release_kit_assembly", progress={"look_first": True, "failed_looks": failures})

    assert (verdict.state, verdict.counts) == (State.QUEUED, False)
    assert verdict.wait == min(900.0, 5.0 * 2**failures)
    assert not company.bodies


def test_new_start_forgets() -> None:
    """What was learned of an earlier operation says nothing of the new one."""
    company = Company()
    company.writes.append(accepted("5d0c0000-0000-4000-8000-000000000002"))
    job = job_of(sent=None, progress={"finished": True, "forgotten_at": NOW, "late": 3, "single": True, "doubt": True})

    then = after(job, start(company.client(), settings_of(), job, NOW, 60), datetime.fromtimestamp(NOW, UTC) + timedelta(0), Retries(), 0.0)

    assert set(then.progress) == {"sent_at", "polls"}
