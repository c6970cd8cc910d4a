"""The one function that moves jobs: fences, the timeline, news that comes meanwhile, followers."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from tests.worker.jobs.acting import LANE, NOW, batch_now, claim, later, make, make_batch, moves_of, read, settle, wanted, whole
from worker.connections import Exchange
from worker.jobs import arrivals, fleet, search, verdicts
from worker.jobs.arrivals import Arrival, News
from worker.jobs.changes import Change, apply
from worker.jobs.model import Attempt, Job, JobError
from worker.jobs.states import State
from worker.jobs.tables import jobs
from worker.jobs.verdicts import NewJob

if TYPE_CHECKING:
    from worker.jobs.engine import Database


def notify(db: Database, job: Job, seconds: float, operation: str | None = None) -> None:
    """The ERP tells that it is done with the job."""
    arrival = Arrival("acme", "visma", "operation", {}, "{}", None, "visma", (News(job.id, operation),))
    with db.write() as connection:
        arrivals.store(db, connection, [arrival], later(seconds))


def test_late_worker_is_left_out(db: Database) -> None:
    """A worker whose lease ended can't overwrite what its successor made of the job."""
    make(db)
    (late,) = claim(db, worker="first")
    with db.write() as connection:
        fleet.reap(db, connection, later(91), 12)
    freed = read(db, late)
    settle(db, freed, verdicts.again("not done"), later(92))
    (taken,) = claim(db, worker="second", now=later(93))
    assert settle(db, late, verdicts.failed(JobError("bug", "late")), later(94)) == []
    assert read(db, late) == taken
    assert whole(moves_of(db, late), State.RUNNING)


def test_same_state_other_fence(db: Database) -> None:
    """Standing in the same state is not enough: the fence tells one claim from the next."""
    make(db)
    (late,) = claim(db, worker="first")
    settle(db, late, verdicts.again("a stop came"))
    (taken,) = claim(db, worker="second")
    assert settle(db, late, verdicts.done("seen")) == []
    assert read(db, late).fence == taken.fence == late.fence + 1


def test_other_state_same_fence(db: Database) -> None:
    """Nor is the fence enough: a job that was settled meanwhile stays settled."""
    make(db)
    (job,) = claim(db)
    assert settle(db, job, verdicts.done("seen"))
    assert settle(db, job, verdicts.failed(JobError("bug", "late"))) == []
    assert read(db, job).state is State.SUCCEEDED


def test_one_change_of_a_job(db: Database) -> None:
    """Of two changes of one job in one call only the first finds it as it was."""
    make(db)
    (job,) = claim(db)
    changes = [Change(job, replace(job, state=state), state, "w") for state in (State.SUCCEEDED, State.FAILED)]
    with db.write() as connection:
        kept = apply(db, connection, changes, NOW)
    assert [change.after.state for change in kept] == [State.SUCCEEDED]
    assert read(db, job).state is State.SUCCEEDED
    assert whole(moves_of(db, job), State.SUCCEEDED)


def test_unknown_job_is_left_out(db: Database) -> None:
    """A job that was pruned meanwhile is nobody's any more."""
    make(db)
    (job,) = claim(db)
    gone = replace(job, id="gone")
    assert settle(db, gone, verdicts.done("seen")) == []


def test_timeline_has_no_holes(db: Database) -> None:
    """Through retries, waits and a replay each line goes on from the last."""
    (made,) = make(db)
    (job,) = claim(db)
    settle(db, job, verdicts.again("a stop came"))
    (job,) = claim(db)
    settle(db, job, verdicts.accepted("taken", wait=30, erp_id="op"))
    settle(db, read(db, job), verdicts.later("not yet", wait=30))
    settle(db, read(db, job), verdicts.done("seen"))
    moves = moves_of(db, made)
    assert whole(moves, State.SUCCEEDED)
    assert [move.cause for move in moves] == ["made", "started", "a stop came", "started", "taken", "seen"]


def test_news_while_running(db: Database) -> None:
    """A notification that overtakes the 202 makes the job due at once, with the operation that it named."""
    make(db)
    (job,) = claim(db)
    notify(db, job, 1, "op-7")
    (change,) = settle(db, job, verdicts.accepted("taken", wait=30), later(2))
    found = read(db, job)
    assert (found.state, found.due_at, found.erp_id, found.notified_at) == (State.WAITING, later(2), "op-7", later(1))
    assert replace(change.after, notified_at=later(1)) == found


def test_news_while_looked_at(db: Database) -> None:
    """A notification that comes during a look is looked at again at once, though the look said wait."""
    make(db)
    (job,) = claim(db)
    settle(db, job, verdicts.accepted("taken", wait=0, erp_id="op"))
    looked_at = read(db, job)
    notify(db, job, 1)
    settle(db, looked_at, verdicts.later("not yet", wait=600), later(2))
    assert read(db, job).due_at == later(2)


def test_old_news_wakes_once(db: Database) -> None:
    """News that the look knew of already doesn't cut the next wait short."""
    make(db)
    (job,) = claim(db)
    settle(db, job, verdicts.accepted("taken", wait=30, erp_id="op"))
    notify(db, job, 1)
    settle(db, read(db, job), verdicts.later("not yet", wait=600), later(2))
    assert read(db, job).due_at == later(602)


def test_operation_told_is_kept(db: Database) -> None:
    """An operation's id that only the notification told is not wiped out by a worker that never heard of it."""
    make(db)
    (job,) = claim(db)
    notify(db, job, 1, "op-7")
    settle(db, job, verdicts.failed(JobError("bug", "the thread broke")), later(2))
    assert read(db, job).erp_id == "op-7"


def test_followers_come_along(db: Database) -> None:
    """The job after a job is made in the transaction that ends the first, in its batch and counted there."""
    batch = make_batch(db, wanted(1))
    (job,) = claim(db)
    follower = replace(wanted(2), batch=batch.id, tags=("next",))
    settle(db, job, verdicts.done("made", follow=(follower,)))
    with db.read() as connection:
        found = search.find_jobs(connection, search.JobFilter(batch=batch.id, tag="next"), 10)
    assert [(each.reference, each.state, each.made_by) for each in found] == [("P/000002", State.QUEUED, "a job before it")]
    assert batch_now(db, batch).total == 2


def test_followers_need_their_job(db: Database) -> None:
    """A change that comes too late makes no followers."""
    make(db)
    (job,) = claim(db)
    settle(db, job, verdicts.done("made"))
    settle(db, job, verdicts.done("made", follow=(wanted(2),)))
    with db.read() as connection:
        assert len(search.find_jobs(connection, search.JobFilter(), 10)) == 1


def test_follower_fails_both(db: Database) -> None:
    """When the follower can't be stored, neither is the end of the job before it."""
    make(db)
    (job,) = claim(db)
    impossible = NewJob(**{**{name: getattr(wanted(2), name) for name in NewJob.__slots__}, "batch": "no such batch"})
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        settle(db, job, verdicts.done("made", follow=(impossible,)))
    assert read(db, job).state is State.RUNNING


def test_attempts_are_written(db: Database) -> None:
    """A start, and the looks that followed it, make one attempt with all their calls."""
    make(db)
    (job,) = claim(db)
    carried = [None, {"If-Match": "1"}, None]
    calls = [Exchange(later(n), "GET", f"/{n}", 200, 12.6, None, "{}", carried[n]) for n in range(3)]
    then = replace(job, state=State.WAITING, owner=None)
    end = replace(then, state=State.SUCCEEDED)
    tried = Attempt(1, NOW, later(1), "taken", tuple(calls[:1]))
    looked = Attempt(1, later(2), later(3), "seen", tuple(calls[1:]))
    with db.write() as connection:
        apply(db, connection, [Change(job, then, "taken", "w", tried)], later(1))
        apply(db, connection, [Change(then, end, "seen", "w", looked)], later(3))
        (attempt,) = search.history(connection, job)
    assert (attempt.number, attempt.started_at, attempt.ended_at, attempt.outcome) == (1, NOW, later(3), "seen")
    assert [(each.url, each.ms) for each in attempt.exchanges] == [("/0", 13), ("/1", 13), ("/2", 13)]
    assert [each.headers for each in attempt.exchanges] == carried


def test_long_causes_are_cut(db: Database) -> None:
    """A vendor's page of text does not make a page of the timeline."""
    make(db)
    (job,) = claim(db)
    settle(db, job, verdicts.accepted("x" * 5000, wait=1))
    assert len(moves_of(db, job)[-1].cause) == 1000


def test_notes_only_when_asked(db: Database) -> None:
    """A change within a state leaves a line only if it says so."""
    make(db)
    (job,) = claim(db)
    settle(db, job, verdicts.accepted("taken", wait=1))
    job = read(db, job)
    with db.write() as connection:
        apply(db, connection, [Change(job, job, "silent", "w"), Change(job, job, "told", "w", note=True)][:1], NOW)
        apply(db, connection, [Change(job, job, "told", "w", note=True)], NOW)
    assert [move.cause for move in moves_of(db, job)][2:] == ["taken", "told"]


def test_rows_keep_everything(db: Database) -> None:
    """A job comes out of its row as it went in, whatever is in it."""
    (job,) = make(db, replace(wanted(), tags=("a", "b"), unique_key="k", priority=-3))
    full = replace(
        job,
        state=State.CANCELLED,
        arguments={"name": "Blåbær \U0001f600", "list": [1, 2.5, None]},
        result=[1],
        error=JobError("timeout", "no answer", 504),
        due_at=NOW + timedelta(microseconds=1),
        started_at=NOW,
        claimed_at=NOW,
        finished_at=NOW,
        erp_id="op",
        progress={"doubt": True, "failed_at": [NOW.timestamp()]},
    )
    with db.write() as connection:
        apply(db, connection, [Change(job, full, "", "")], NOW)
    assert read(db, job) == full


def test_notified_is_not_a_workers(db: Database) -> None:
    """Only the receiver writes `notified_at`: a worker's older copy never sets it back."""
    make(db)
    (job,) = claim(db)
    with db.write() as connection:
        connection.execute(update(jobs).values(notified_at=later(5)))
    settle(db, job, verdicts.done("seen"))
    assert read(db, job).notified_at == later(5)
    assert job.lane == LANE
