"""Failures close by themselves when a later job does what they were to do, and no others."""

from __future__ import annotations

from threading import Event, Thread
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event

from tests.worker.jobs.acting import NOW, RULES, WORKER, batch_now, claim, later, make, make_batch, read, settle, wanted
from tests.worker.jobs.test_list_plans import full_scans, plans
from worker.jobs import batches, closing, queue, verdicts
from worker.jobs.changes import Change, apply
from worker.jobs.model import JobError, Lane
from worker.jobs.reopening import reopen
from worker.jobs.states import BatchState, State

if TYPE_CHECKING:
    from worker.jobs.engine import Database
    from worker.jobs.model import Job

ERROR = JobError("validation", "no stock", 400)


def failed(db: Database, number: int = 1, **changes: Any) -> Job:
    """A job that failed."""
    return _ended(db, number, verdicts.failed(ERROR), **changes)


def succeeded(db: Database, number: int = 1, **changes: Any) -> Job:
    """A job that succeeded, a minute later."""
    return _ended(db, number, verdicts.done("seen"), 60, **changes)


def _ended(db: Database, number: int, verdict: verdicts.Verdict, seconds: float = 0, **changes: Any) -> Job:
    (made,) = make(db, wanted(number, **changes))
    (job,) = claim(db, lane=Lane(made.tenant, made.erp), now=later(seconds))
    settle(db, job, verdict, later(seconds))
    return read(db, job.id)


def test_later_success_closes(db: Database) -> None:
    """All failed jobs of the document and kind that were made before, with the job that did it and when."""
    first, second, other = failed(db), failed(db), failed(db, 2)
    done = succeeded(db)
    assert [(read(db, job).closed_by, read(db, job).closed_at) for job in (first, second)] == [(done.id, later(60))] * 2
    assert (read(db, other).closed_by, read(db, other).closed_at) == (None, None)
    assert [read(db, job).state for job in (first, second)] == [State.FAILED] * 2


@pytest.mark.parametrize(
    "changes", [{"kind": "update_kit_assembly"}, {"tenant": "other"}, {"subject": None}, {"arguments": {"dry_run": True}}], ids=str
)
def test_others_close_nothing(db: Database, changes: dict[str, Any]) -> None:
    """Another kind, another tenant, no document, or a run that did nothing."""
    job = failed(db)
    succeeded(db, **changes)
    assert read(db, job).closed_by is None


def test_earlier_job_closes_nothing(db: Database) -> None:
    """What failed was made after what succeeded: it asked for something more."""
    (early,) = make(db, wanted(kind="update_kit_assembly", arguments={"description": "old"}))
    (running,) = claim(db)
    (late,) = make(db, wanted(kind="update_kit_assembly", arguments={"description": "new"}, subject="elsewhere"))
    (other,) = claim(db)
    settle(db, other, verdicts.Verdict(State.FAILED, "no", error=ERROR, counts=True, subject=early.subject))
    settle(db, running, verdicts.done("seen"))
    assert read(db, late).subject == early.subject
    assert read(db, late).closed_by is None


SYNC: dict[str, Any] = {"kind": "sync_kit_lines", "subject": "kit/CHAIR", "reference": "CHAIR"}
LINE: dict[str, Any] = {"subject": "kit/CHAIR", "reference": "CHAIR/LEG"}


@pytest.mark.parametrize(
    ("first", "second", "closes"),
    [
        ({}, {}, True),
        ({"kind": "delete_kit_assembly"}, {"kind": "update_kit_assembly"}, True),
        ({"kind": "delete_kit_line", **LINE}, {"kind": "create_kit_line", **LINE}, False),
        ({"kind": "create_kit_line", **LINE}, {"kind": "create_kit_line", **LINE}, False),
        (
            {"kind": "update_kit_line", **LINE, "arguments": {"quantity": "2"}},
            {"kind": "update_kit_line", **LINE, "arguments": {"quantity": "2"}},
            True,
        ),
        (
            {"kind": "update_kit_line", **LINE, "arguments": {"quantity": "2"}},
            {"kind": "update_kit_line", **LINE, "arguments": {"quantity": "3"}},
            False,
        ),
        ({**SYNC, "arguments": {"kit": "CHAIR"}}, {**SYNC, "arguments": {"kit": "CHAIR"}}, True),
        ({**SYNC, "arguments": {"kit": "CHAIR"}}, {**SYNC, "arguments": {"kit": "CHAIR", "revision": "2"}}, False),
    ],
    ids=["release", "gone", "made anew", "made twice", "same values", "other values", "sync", "sync of another revision"],
)
def test_replay_of_the_older(db: Database, first: dict[str, Any], second: dict[str, Any], *, closes: bool) -> None:
    """Both failed, and the older is replayed: that closes the newer where it comes to the same end, and never itself."""
    older, newer = failed(db, **first), failed(db, **second)
    with db.write() as connection:
        queue.replay(db, connection, older, "ops", later(70))
    (running,) = claim(db, now=later(80))
    settle(db, running, verdicts.done("seen"), later(90))
    assert (read(db, newer).closed_by, read(db, newer).closed_at) == ((older.id, later(90)) if closes else (None, None))
    assert read(db, older).closed_by is None


def test_delete_closes_all_kinds(db: Database) -> None:
    """Nobody can do anything to a document that is gone."""
    release, update = failed(db), failed(db, kind="update_kit_assembly")
    gone = succeeded(db, kind="delete_kit_assembly")
    assert [read(db, job).closed_by for job in (release, update)] == [gone.id] * 2


def test_lines_of_a_kit_are_apart(db: Database) -> None:
    """Jobs on lines hold their kit, but say nothing of its other lines; a line that was deleted needs no change."""

    def line(kind: str, reference: str) -> dict[str, Any]:
        return {"kind": kind, "subject": "kit/KIT-1", "reference": reference}

    one = failed(db, **line("update_kit_line", "KIT-1/A"))
    two = failed(db, **line("update_kit_line", "KIT-1/B"))
    whole = failed(db, **line("sync_kit_lines", "KIT-1"))
    done = succeeded(db, **line("update_kit_line", "kit-1/a"))
    gone = succeeded(db, **line("delete_kit_line", "KIT-1/B"))
    assert [read(db, job).closed_by for job in (one, two, whole)] == [done.id, gone.id, None]


def test_other_fields_close_nothing(db: Database) -> None:
    """A change of other fields has not done what was asked for; one of the same fields has, whatever it made of them."""

    def change(**fields: str) -> dict[str, Any]:
        return {"kind": "update_kit_assembly", "arguments": {"type": "P", "ref_no": "000001", **fields}}

    job = failed(db, **change(description="long", location="A"))
    succeeded(db, **change(location="B"))
    assert read(db, job).closed_by is None
    done = succeeded(db, **change(description="short", location="A", warehouse="W"))
    assert read(db, job).closed_by == done.id


@pytest.mark.parametrize(
    ("first", "told", "second", "closes"),
    [
        ({"targets": ["intacct"]}, None, {"targets": ["itempath"]}, False),
        ({"targets": ["intacct"]}, None, {"targets": ["itempath", "intacct"]}, True),
        ({}, {"itempath": {}, "intacct": {}}, {"targets": ["itempath"]}, False),
        ({}, {"itempath": {}, "intacct": {}}, {}, True),
        ({}, None, {"targets": ["itempath"]}, True),
        ({"source": "itempath"}, None, {"source": "visma"}, False),
    ],
    ids=["another", "more", "one of those it came to", "all", "it came to none", "another source"],
)
def test_other_systems_close_nothing(
    db: Database, first: dict[str, Any], told: dict[str, Any] | None, second: dict[str, Any], *, closes: bool
) -> None:
    """A sync of one system says nothing of the others: those that follow from other kits' syncs are often of one alone."""
    sync: dict[str, Any] = {"kind": "sync_kit_lines", "subject": "kit/CHAIR"}
    result = None if told is None else {"targets": told}
    job = _ended(db, 1, verdicts.Verdict(State.FAILED, "no", error=ERROR, counts=True, result=result), **sync, arguments=first)
    _ended(
        db,
        1,
        verdicts.done("in step", {"targets": dict.fromkeys(second.get("targets", ["itempath", "intacct"]))}),
        60,
        **sync,
        arguments=second,
    )
    assert (read(db, job).closed_at is not None) is closes


def test_replay_opens_again(db: Database) -> None:
    """Who is replayed is closed no more, also when it fails again; a discard takes it out."""
    first, second = failed(db), failed(db)
    succeeded(db)
    with db.write() as connection:
        again = queue.replay(db, connection, read(db, first), "ops", later(70))
        given_up = queue.discard(db, connection, read(db, second), "ops", later(70))
    (running,) = claim(db, now=later(80))
    settle(db, running, verdicts.failed(ERROR), later(90))
    assert [(job.closed_by, job.closed_at) for job in (again, given_up, read(db, first), read(db, second))] == [(None, None)] * 4


def test_closed_while_replayed(db: Database) -> None:
    """Who read the job before it was closed, and replays it, closes it not."""
    stale = failed(db)
    succeeded(db)
    with db.write() as connection:
        queue.replay(db, connection, stale, "ops", later(70))
    assert (read(db, stale).state, read(db, stale).closed_by) == (State.QUEUED, None)


def test_late_worker_closes_nothing(db: Database) -> None:
    """A success that is left out, as its job has a successor, closes nothing."""
    job = failed(db)
    make(db, wanted())
    (stale,) = claim(db)
    settle(db, stale, verdicts.accepted("taken", wait=5))
    assert settle(db, stale, verdicts.done("seen"), later(9)) == []
    assert read(db, job).closed_by is None


@pytest.mark.parametrize("follows", [False, True], ids=["the batch ends", "the batch grows"])
def test_replay_meanwhile(postgres_db: Database, follows: bool) -> None:  # noqa: FBT001 - a case
    """Who replays a failed job, and so locks its batch first, and who closes it and goes on to the batch never wait for each other."""
    batch = make_batch(postgres_db, wanted())
    (job,) = claim(postgres_db)
    settle(postgres_db, job, verdicts.failed(ERROR))
    make(postgres_db, wanted())
    (running,) = claim(postgres_db)
    seen = verdicts.done("seen", follow=(wanted(2, batch=batch.id),) if follows else ())
    change = Change(running, verdicts.after(running, seen, NOW, RULES, 0.5), "seen", WORKER, follow=seen.follow)
    closed, reopened = Event(), Event()
    faults: list[Exception] = []

    def work() -> None:
        try:
            with postgres_db.write() as connection:
                if follows:
                    reopened.wait(10)
                apply(postgres_db, connection, [change], NOW)
                closed.set()
                reopened.wait(10)
                batches.close_finished(connection, NOW)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
            faults.append(error)

    worker = Thread(target=work)
    worker.start()
    if not follows:
        closed.wait(10)
    with postgres_db.write() as connection:
        failure = queue.find(connection, job.id)
        reopen(connection, [batch.id], NOW)
        reopened.set()
        if follows:
            waits(postgres_db)
        replayed, cause = queue.replayed(failure, NOW)
        assert len(apply(postgres_db, connection, [Change(failure, replayed, cause, "ops")], NOW)) == 1
    worker.join(30)
    assert faults == []
    assert (read(postgres_db, job).state, read(postgres_db, job).closed_at) == (State.QUEUED, None)
    assert batch_now(postgres_db, batch).state is BatchState.RUNNING


def waits(db: Database) -> None:
    """Until a transaction waits for another's lock."""
    until = monotonic() + 10
    with db.read() as connection:
        while not connection.exec_driver_sql("SELECT count(*) FROM pg_locks WHERE NOT granted").scalar() and monotonic() < until:
            sleep(0.01)


def test_nothing_to_close_costs_little(sqlite_db: Database) -> None:
    """No question where no document was done, one for all where some were."""
    make(sqlite_db, *(wanted(n) for n in range(6)), wanted(9, subject=None))
    running = claim(sqlite_db, 7)
    asked: list[str] = []

    def keep(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "closed_at" in statement:
            asked.append(statement)

    def end(found: list[Job], verdict: verdicts.Verdict) -> int:
        asked.clear()
        changes = [Change(job, verdicts.after(job, verdict, NOW, RULES, 0.5), verdict.cause, WORKER) for job in found]
        with sqlite_db.write() as connection:
            assert len(apply(sqlite_db, connection, changes, NOW)) == len(found)
        return len(asked)

    event.listen(sqlite_db.engine, "before_cursor_execute", keep)
    try:
        nothing = [end(running[:2], verdicts.failed(ERROR)), end([job for job in running if job.subject is None], verdicts.done("seen"))]
        some = end([job for job in running[2:] if job.subject is not None], verdicts.done("seen"))
    finally:
        event.remove(sqlite_db.engine, "before_cursor_execute", keep)
    assert (nothing, some) == ([0, 0], 1)


def test_closing_uses_its_index(db: Database) -> None:
    """Failures of a document are found by the document."""
    job = failed(db)
    make(db, wanted())
    (running,) = claim(db)
    done = verdicts.after(running, verdicts.done("seen"), NOW, RULES, 0.5)
    found = plans(db, lambda c: closing.closable(c, [(running, done)]))
    assert full_scans(found) == []
    assert any("ix_jobs_failed_subject" in line for line in found) or not db.is_sqlite  # PostgreSQL takes any index for so few rows
    with db.read() as connection:
        assert closing.closable(connection, [(running, done)]) == {job.id: running.id}
