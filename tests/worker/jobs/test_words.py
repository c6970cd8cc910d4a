"""A person's word on one job: what is done by it, and what is asked for now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import update

from tests.worker.jobs.acting import NOW, RULES, batch_now, claim, later, make, make_batch, moves_of, read, settle, wanted, whole
from worker.errors import Conflict, InvalidArguments
from worker.jobs import batches, claims, endings, queue, search, verdicts, words
from worker.jobs.acts import find_acts
from worker.jobs.engine import Database
from worker.jobs.model import JobError, Lane
from worker.jobs.search import JobFilter
from worker.jobs.states import BatchState, State
from worker.jobs.tables import batches as batch_rows
from worker.jobs.tables import jobs
from worker.notices.announcing import announcer
from worker.settings import NOTICES, Notice, Retries, Secret, Settings, Tenant, Visma

if TYPE_CHECKING:
    from worker.jobs.model import Job
    from worker.jobs.verdicts import Verdict

ERROR = JobError("validation", "no stock", 400)
SETTINGS = Settings(tenants={"acme": Tenant("acme", visma=Visma("https://v.test", "https://v.test/t", "c", Secret("s"), "t"))})


def stands(db: Database, verdict: Verdict, seconds: float = 0, rules: Retries = RULES, **changes: Any) -> Job:
    """A job as a worker's verdict left it."""
    make(db, wanted(**changes))
    (job,) = claim(db, lane=Lane("acme", changes.get("erp", "visma")))
    settle(db, job, verdict, later(seconds), rules)
    return read(db, job)


def done(db: Database, job: Job, reason: str = "released by hand", seconds: float = 60) -> Job:
    """Say so."""
    with db.write() as connection:
        return words.done(db, connection, job, "ops", reason, later(seconds))


def ask(db: Database, job: Job, seconds: float = 1) -> Job:
    """Ask now."""
    with db.write() as connection:
        return words.ask(connection, SETTINGS, job, "ops", later(seconds))


def ends(db: Database) -> dict[str, int]:
    """How many came to each end."""
    with db.read() as connection:
        return {state: count for (_, _, _, state), count in endings.counts(connection).items()}


def test_done_is_a_success(db: Database) -> None:
    """With who says so and why: in the result, on the timeline and on record; counted as a success, found by its error no more."""
    job = stands(db, verdicts.failed(ERROR))
    then = done(db, job)
    assert (then.state, then.error, then.finished_at) == (State.SUCCEEDED, None, later(60))
    assert then.result == {"marked_done": {"by": "ops", "reason": "released by hand"}}
    assert read(db, job) == then
    last = moves_of(db, job)[-1]
    assert (last.origin, last.target, last.cause, last.by) == (State.FAILED, State.SUCCEEDED, "marked as done: released by hand", "ops")
    assert whole(moves_of(db, job), State.SUCCEEDED)
    assert ends(db) == {"succeeded": 1}
    with db.read() as connection:
        (told,) = find_acts(connection, ("acme",), 9)
        assert search.find_jobs(connection, JobFilter(q="stock"), 9) == []
    assert (told.act, told.subject, told.before) == ("job.done", job.id, {"state": "failed", "error": "no stock"})
    assert told.after == {"reason": "released by hand", "reference": "P/000001"}


@pytest.mark.parametrize(("had", "has"), [({"ref_no": "1"}, {"ref_no": "1"}), ([1], {"result": [1]}), (None, {})])
def test_result_is_kept(db: Database, had: Any, has: dict[str, Any]) -> None:
    """What it had stands beside it."""
    job = stands(db, verdicts.Verdict(State.FAILED, "no", error=ERROR, counts=True, result=had))
    assert done(db, job).result == {**has, "marked_done": {"by": "ops", "reason": "released by hand"}}


def test_done_closes_what_it_makes_good(db: Database) -> None:
    """As any success does."""
    first, second = stands(db, verdicts.failed(ERROR)), stands(db, verdicts.failed(ERROR))
    done(db, second)
    assert read(db, first).closed_by == second.id


def test_only_failed_jobs_are_marked(db: Database) -> None:
    """An open or ended one is not; nor one that somebody replayed in the same moment."""
    (queued,) = make(db, wanted(2))
    failed = stands(db, verdicts.failed(ERROR))
    done(db, failed)
    for job in (queued, read(db, failed), failed):
        with pytest.raises(Conflict):
            done(db, job)


def test_done_is_told(sqlite_db: Database) -> None:
    """As any success is: the job's, and that of the batch which it completes."""
    notice = Notice("shop", "https://shop.test", (Secret("whsec_c2VjcmV0"),), events=("job.succeeded", "batch.finished"))
    batch = make_batch(sqlite_db, wanted())
    (job,) = claim(sqlite_db)
    settle(sqlite_db, job, verdicts.failed(ERROR))
    with sqlite_db.write() as connection:
        batches.close_finished(connection, NOW)
    told = Database(sqlite_db.url, announcer(Settings(tenants={"acme": Tenant("acme", notices={"shop": notice})})))
    try:
        done(told, read(told, job))
    finally:
        told.close()
    with sqlite_db.read() as connection:
        notices = search.find_jobs(connection, JobFilter(kind="send_notice"), 9)
    assert sorted(each.reference for each in notices) == [f"shop: batch.finished {batch.name}", "shop: job.succeeded P/000001"]


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501])
def test_reason_is_required(db: Database, reason: str) -> None:
    """Up to 500 characters."""
    job = stands(db, verdicts.failed(ERROR))
    with pytest.raises(InvalidArguments):
        done(db, job, reason)
    assert read(db, job) == job


def test_batch_succeeds_with_its_last(db: Database) -> None:
    """A batch that had ended with failures has succeeded when all of them are done; before that it stays as it is."""
    batch = make_batch(db, wanted(1), wanted(2))
    for job in claim(db, 2):
        settle(db, job, verdicts.failed(ERROR))
    with db.write() as connection:
        batches.close_finished(connection, NOW)
        first, second = search.find_jobs(connection, JobFilter(batch=batch.id), 9)
    done(db, first)
    half = batch_now(db, batch).state
    done(db, second)
    with db.read() as connection:
        counts = batches.counts(connection, batch.id)
    assert (half, batch_now(db, batch).state, batch_now(db, batch).finished_at) == (BatchState.FINISHED, BatchState.SUCCEEDED, NOW)
    assert (counts["succeeded"], counts["failed"]) == (2, 0)


def test_pruned_failures_count(db: Database) -> None:
    """A batch of which a failure was pruned has not succeeded."""
    batch = make_batch(db, wanted())
    (job,) = claim(db)
    settle(db, job, verdicts.failed(ERROR))
    with db.write() as connection:
        batches.close_finished(connection, NOW)
        connection.execute(update(batch_rows).values(pruned={"failed": 1}))
    done(db, read(db, job))
    assert batch_now(db, batch).state is BatchState.FINISHED


def test_ask_hastens_a_look(db: Database) -> None:
    """A waiting job is due for a look now; its timeline says who asked, and nothing else of it changes."""
    job = stands(db, verdicts.accepted("taken", wait=600, erp_id="op-1"))
    then = ask(db, job)
    with db.read() as connection:
        due = claims.waiting(connection, job.lane, later(1), 9)
    last = moves_of(db, job)[-1]
    assert due == [then]
    assert (then.state, then.due_at, then.erp_id, then.notified_at) == (State.WAITING, later(1), "op-1", None)
    assert (last.origin, last.target, last.cause, last.by) == (State.WAITING, State.WAITING, "asked for by ops", "ops")


def test_look_under_way_is_kept(db: Database) -> None:
    """Who looks at the job in the same moment writes what they found."""
    job = stands(db, verdicts.accepted("taken", wait=600))
    ask(db, job)
    assert settle(db, job, verdicts.done("seen"), later(2))
    assert read(db, job).state is State.SUCCEEDED


@pytest.mark.parametrize(
    "verdict", [verdicts.retry(JobError("timeout", "no answer")), verdicts.again("no slot", wait=900)], ids=["retry", "again"]
)
def test_ask_hastens_a_try(db: Database, verdict: Verdict) -> None:
    """What waits to be tried again is due now."""
    job = stands(db, verdict)
    then = ask(db, job)
    with db.write() as connection:
        claims.requeue_due(connection, job.lane, later(1))
    assert (then.state, then.due_at) == (job.state, later(1))
    assert [each.id for each in claim(db, now=later(1))] == [job.id]


def test_never_a_third_time(db: Database) -> None:
    """What failed twice within five minutes is tried again after them, however often somebody asks."""
    job = stands(db, verdicts.retry(JobError("timeout", "no answer")))
    ask(db, job)
    with db.write() as connection:
        claims.requeue_due(connection, job.lane, later(1))
    (running,) = claim(db, now=later(1))
    settle(db, running, verdicts.retry(JobError("timeout", "no answer")), later(2), Retries(waits=(3_000.0,)))
    once = ask(db, read(db, job), 5)
    with pytest.raises(Conflict):
        ask(db, once, 6)
    assert once.due_at == later(300)


def test_refusals_count(db: Database) -> None:
    """A call that was refused for being one too many is the same failing request, though no attempt is counted."""
    refused = verdicts.again("too many", wait=299, refused_at=[NOW.timestamp() - 1, NOW.timestamp()])
    job = stands(db, refused)
    with pytest.raises(Conflict):
        ask(db, job)
    assert read(db, job) == job


@pytest.mark.parametrize(("more", "seconds"), [({}, 120), ({"decided": True}, 30)], ids=["undecided", "decided"])
def test_second_look_is_kept(db: Database, more: dict[str, Any], seconds: float) -> None:
    """What the ERP may be at still is sent again after the second look only, unless a person has decided."""
    broken = verdicts.retry(JobError("unavailable", "it broke"), look_first=True, sent_at=NOW.timestamp(), **more)
    job = stands(db, broken, 10, Retries(waits=(600.0,)))
    assert ask(db, job, 30).due_at == later(seconds)


@pytest.mark.parametrize(
    "verdict",
    [
        verdicts.retry(JobError("unavailable", "it is down", 503), ordered=900),
        verdicts.again("the look failed", wait=900, ordered=900),
        verdicts.later("a look failed", wait=900, ordered=900),
    ],
    ids=["retry", "again", "look"],
)
def test_ordered_wait_is_kept(db: Database, verdict: Verdict) -> None:
    """What the ERP ordered to come back after a time is not sent or looked at before it, and who asks is told the time."""
    job = stands(db, verdict)
    with pytest.raises(Conflict, match="2026-03-01T12:15:00"):
        ask(db, job)
    assert read(db, job) == job


def test_ordered_wait_bounds(db: Database) -> None:
    """A job that waits for longer than was ordered is hastened to the end of the order."""
    job = stands(db, verdicts.later("a look failed", wait=900, ordered=60))
    assert ask(db, job).due_at == later(60)
    assert ask(db, stands(db, verdicts.later("a look failed", wait=900, ordered=60), subject="elsewhere"), 61).due_at == later(61)


def test_notices_know_no_window(db: Database) -> None:
    """Their receivers count nothing."""
    job = stands(db, verdicts.retry(JobError("timeout", "no answer"), ordered=900), erp=NOTICES)
    with db.write() as connection:
        connection.execute(update(jobs).values(progress={"failed_at": [NOW.timestamp(), NOW.timestamp()]}))
    assert ask(db, read(db, job)).due_at == later(1)


def test_nothing_to_hasten(db: Database) -> None:
    """What is due, planned for later, running or over."""
    (due,) = make(db, wanted(1))
    (planned,) = make(db, wanted(2, run_at=later(9_000)))
    failed = stands(db, verdicts.failed(ERROR), number=3, subject="elsewhere")
    (running,) = claim(db, now=later(1)) or [due]
    for job in (planned, failed, running, read(db, due)):
        with pytest.raises(Conflict):
            ask(db, read(db, job))


def test_moved_on(db: Database) -> None:
    """Who asks about a job as it was is told to look again."""
    job = stands(db, verdicts.accepted("taken", wait=600))
    settle(db, job, verdicts.done("seen"))
    with pytest.raises(Conflict):
        ask(db, job)


def test_jobs_on_one_document(db: Database) -> None:
    """Newest first, of whatever kind, without the job itself; none for what has no document."""
    first, second, third, fourth, other = make(
        db, wanted(1), wanted(1, kind="update_kit_assembly"), wanted(2), wanted(1, tenant="other"), wanted(1)
    )
    (bare,) = make(db, wanted(1, subject=None))
    with db.read() as connection:
        found = [search.same_document(connection, job, 9) for job in (first, third, fourth, bare)]
        assert search.same_document(connection, first, 1) == [other]
    assert found == [[other, second], [], [], []]


def test_edited_arguments_are_told(db: Database) -> None:
    """From what to what; a replay as it was is on the job's timeline alone."""
    job, plain = stands(db, verdicts.failed(ERROR)), stands(db, verdicts.failed(ERROR), subject="elsewhere")
    with db.write() as connection:
        queue.replay(db, connection, job, "ops", NOW, wanted(arguments={"type": "P", "ref_no": "000009"}))
        queue.replay(db, connection, plain, "ops", NOW)
        (told,) = find_acts(connection, None, 9)
    assert (told.act, told.subject, told.by) == ("job.edited", job.id, "ops")
    assert (told.before, told.after) == ({"type": "P", "ref_no": "000001"}, {"type": "P", "ref_no": "000009"})
