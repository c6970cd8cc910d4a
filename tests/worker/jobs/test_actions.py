"""Actions on many jobs: each job once, chunk by chunk, however often it is interrupted and whoever else is at it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.worker.jobs.acting import NOW, claim, later, make, make_batch, read, settle, wanted
from worker.errors import Conflict, NotFound
from worker.jobs import actions, queue, search, verdicts
from worker.jobs.actions import DONE_SINCE, MOVED_ON, Action, begin, carry_on, forecast, stop
from worker.jobs.batches import close_finished
from worker.jobs.ledger import utc_now
from worker.jobs.model import JobError
from worker.jobs.search import JobFilter, find_batch, timeline
from worker.jobs.states import ActionState, BatchState, State

if TYPE_CHECKING:
    from worker.jobs.engine import Database
    from worker.jobs.model import Job
    from worker.jobs.verdicts import NewJob

FAILED = JobFilter(state=("failed",))


def failed(db: Database, *news: NewJob) -> list[Job]:
    """Jobs that failed, at noon."""
    made = make(db, *news)
    for job in claim(db, len(made)):
        settle(db, job, verdicts.failed(JobError("validation", "no stock", 400)))
    return [read(db, job.id) for job in made]


def ask(db: Database, action: str, chosen: JobFilter = FAILED, seconds: float = 60) -> Action:
    """Write an action down, a minute past noon."""
    return begin(db, action, chosen, "ops", later(seconds))


def to_end(db: Database, action: Action) -> Action:
    """Carry it out, whole."""
    while action.state is ActionState.RUNNING:
        action = carry_on(db, action.id, later(120))
    return action


def story(db: Database, job: Job) -> list[tuple[str, str, str]]:
    """Where a job went, why, and by whom."""
    with db.read() as connection:
        return [(move.target.value, move.cause, move.by) for move in timeline(connection, job)]


def test_replay_by_filter(db: Database) -> None:
    """All that failed are queued again; each timeline says who did it, by which action."""
    first, second = failed(db, wanted(1), wanted(2))
    (other,) = make(db, wanted(3))

    action = to_end(db, ask(db, "replay"))

    assert (action.state, action.total, action.done, action.skipped) == (ActionState.FINISHED, 2, 2, {})
    assert [read(db, job.id).state for job in (first, second, other)] == [State.QUEUED] * 3
    assert story(db, first)[-1] == ("queued", f"replayed, by action {action.id}", "ops")
    assert story(db, other) == [("queued", "made", "ops")]


def test_resumes_after_a_kill(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chunk is a transaction: what a killed one did is undone, what is done is not done again."""
    monkeypatch.setattr(actions, "CHUNK", 2)
    made = failed(db, *(wanted(n) for n in range(5)))
    action = ask(db, "replay")
    carry_on(db, action.id, later(70))

    def dies(*_args: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(actions, "_keep", dies)
        with pytest.raises(KeyboardInterrupt):
            carry_on(db, action.id, later(80))
    halfway = [read(db, job.id).state for job in made]
    action = to_end(db, action)

    assert halfway.count(State.QUEUED) == 2
    assert (action.done, action.skipped) == (5, {})
    assert [len(story(db, job)) for job in made] == [4] * 5


def test_what_fails_again_is_not_caught(db: Database) -> None:
    """The set is that of the moment when it was asked for: what fails or is made later stays as it is, and what was in it is told of."""
    early, late = failed(db, wanted(1), wanted(2))
    action = ask(db, "replay", seconds=1)
    with db.write() as connection:
        queue.replay(db, connection, late, "somebody", later(2))
    for job in claim(db, 1, now=later(3)):
        settle(db, job, verdicts.failed(JobError("validation", "again", 400)), later(4))
    make(db, wanted(9), now=later(5))

    action = to_end(db, action)

    assert (action.total, action.done, action.skipped) == (2, 1, {MOVED_ON: 1})
    assert (read(db, early.id).state, read(db, late.id).state) == (State.QUEUED, State.FAILED)


def test_two_at_once(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """One replays the failed jobs row by row, one by filter, in the same moment: each job is queued once, and runs once."""
    monkeypatch.setattr(actions, "CHUNK", 3)
    made = failed(db, *(wanted(n) for n in range(30)))
    action = ask(db, "replay")

    def by_row() -> int:
        done = 0
        for job in made:
            try:
                with db.write() as connection:
                    queue.replay(db, connection, queue.find(connection, job.id), "one by one", later(61))
                done += 1
            except Conflict:
                continue
        return done

    with ThreadPoolExecutor(3) as pool:
        rows = pool.submit(by_row)
        both = [pool.submit(to_end, db, action) for _ in range(2)]
        one_by_one = rows.result()
        ended = both[0].result(), both[1].result()

    with db.read() as connection:
        done = actions.find(connection, action.id)
    assert {each.state for each in ended} == {ActionState.FINISHED}
    assert one_by_one + done.done == 30
    causes = [[cause for target, cause, _ in story(db, job) if cause.startswith("replayed")] for job in made]
    assert [len(each) for each in causes] == [1] * 30
    assert sorted(job.id for job in claim(db, 100, now=later(200))) == sorted(job.id for job in made)
    assert claim(db, 100, now=later(201)) == []


def test_moved_on_meanwhile(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """What somebody moves between the look and the lock is left as it is, and counted."""
    (job,) = failed(db, wanted(1))
    action = ask(db, "discard")
    find_jobs = search.find_jobs

    def slow(*args: Any) -> list[Job]:
        found = find_jobs(*args)
        return [replace(each, fence=each.fence - 1) for each in found]

    monkeypatch.setattr(search, "find_jobs", slow)
    action = to_end(db, action)
    assert (action.done, action.skipped) == (0, {MOVED_ON: 1})
    assert read(db, job.id).state is State.FAILED


def test_cancel_and_discard(db: Database) -> None:
    """Cancel ends what is open and no worker has; discard ends what failed; the rest is counted with its reason."""
    bad, *_ = failed(db, wanted(1))
    running = make(db, wanted(2))[0]
    claim(db, 1)
    queued = make(db, wanted(3))[0]

    cancelled = to_end(db, ask(db, "cancel", JobFilter(kind="release_kit_assembly")))
    discarded = to_end(db, ask(db, "discard", JobFilter(kind="release_kit_assembly")))

    assert [read(db, job.id).state for job in (bad, running, queued)] == [State.CANCELLED, State.RUNNING, State.CANCELLED]
    assert (cancelled.total, cancelled.done) == (discarded.total, discarded.done) == (1, 1)
    assert cancelled.skipped == {"a failed job can't be cancelled": 1, "a running job can't be cancelled": 1}
    assert story(db, queued)[-1] == ("cancelled", f"cancelled, by action {cancelled.id}", "ops")


def test_cancel_spares_what_is_replayed(db: Database) -> None:
    """What had failed when a cancel was asked for, and is replayed before the cancel comes to it, runs: somebody wanted that later."""
    early, late = failed(db, wanted(1), wanted(2))
    with db.write() as connection:
        queue.replay(db, connection, early, "ann", later(30))
    action = ask(db, "cancel", JobFilter(tenant="acme"))
    with db.write() as connection:
        queue.replay(db, connection, late, "ann", later(90))

    action = to_end(db, action)

    assert [read(db, job.id).state for job in (early, late)] == [State.CANCELLED, State.QUEUED]
    assert (action.total, action.done, action.skipped[MOVED_ON]) == (1, 1, 1)


def test_cancelled_must_be_named(db: Database) -> None:
    """What was given up is replayed only by who says so."""
    failed(db, wanted(1), wanted(2))
    to_end(db, ask(db, "discard"))

    with db.read() as connection:
        silent = forecast(connection, "replay", JobFilter(tenant="acme"))
        named = forecast(connection, "replay", JobFilter(tenant="acme", state=("cancelled",)))
    silently = to_end(db, ask(db, "replay", JobFilter(tenant="acme"), seconds=300))
    by_name = to_end(db, ask(db, "replay", JobFilter(tenant="acme", state=("cancelled", "failed")), seconds=300))

    assert (silent.changes, sum(silent.skips.values()), silent.calls) == (0, 2, 0)
    assert (named.changes, named.skips, named.calls) == (2, {}, 3)
    assert (silently.done, by_name.done) == (0, 2)


def test_tenants_stay_apart(db: Database) -> None:
    """An action touches only what its asker may see."""
    ours, theirs = failed(db, wanted(1))[0], make(db, wanted(1, tenant="globex"))[0]

    cancelled = to_end(db, ask(db, "cancel", JobFilter(tenants=("globex",), kind="release_kit_assembly")))
    nothing = ask(db, "replay", JobFilter(tenants=("globex",), tenant="acme"))

    assert (cancelled.done, cancelled.tenants, cancelled.skipped) == (1, ("globex",), {})
    assert (to_end(db, nothing).done, nothing.total) == (0, 0)
    assert (read(db, ours.id).state, read(db, theirs.id).state) == (State.FAILED, State.CANCELLED)


def test_stops(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stopped action changes no more, keeps what it did, and can't be stopped again."""
    monkeypatch.setattr(actions, "CHUNK", 2)
    made = failed(db, *(wanted(n) for n in range(4)))
    action = ask(db, "replay")
    carry_on(db, action.id, later(70))

    with db.write() as connection:
        stopped = stop(db, connection, action.id, "ops", later(80))
    after = carry_on(db, action.id, later(90))

    assert (stopped.state, after, stopped.done) == (ActionState.STOPPED, stopped, 2)
    assert sum(read(db, job.id).state is State.FAILED for job in made) == 2
    with db.write() as connection, pytest.raises(Conflict):
        stop(db, connection, action.id, "ops", later(80))
    with db.read() as connection, pytest.raises(NotFound):
        actions.find(connection, "nothing")


def test_batch_runs_again(db: Database) -> None:
    """Replayed jobs open their batch again, as a single replay does."""
    batch = make_batch(db, wanted(1), wanted(2))
    for job in claim(db, 2):
        settle(db, job, verdicts.failed(JobError("validation", "no", 400)))
    with db.write() as connection:
        close_finished(connection, NOW)

    to_end(db, ask(db, "replay", JobFilter(batch=batch.id, state=("failed",))))

    with db.read() as connection:
        assert find_batch(connection, batch.id).state is BatchState.RUNNING
    assert len(claim(db, 2, now=later(200))) == 2


def test_filter_is_kept_whole(db: Database) -> None:
    """What was asked for is known after a restart, times and all."""
    many = ("a", "b")
    chosen = JobFilter(
        ("acme", "globex"),
        "acme",
        "release_kit_assembly",
        ("failed",),
        None,
        "tag",
        "erp",
        "P/1",
        "bug",
        "words here",
        NOW,
        utc_now(),
        many,
    )
    action = ask(db, "replay", chosen)
    with db.read() as connection:
        again = actions.find(connection, action.id)
        assert actions.running(connection) == [action.id]
    assert again.filter == replace(chosen, tenants=("acme",))


def test_ticked_jobs(db: Database) -> None:
    """Jobs that are named by their ids, those that were cancelled too; the others stay as they are."""
    first, second, third = failed(db, wanted(1), wanted(2), wanted(3))
    with db.write() as connection:
        queue.discard(db, connection, second, "ops", later(1))
    chosen = JobFilter(ids=(first.id, second.id))
    with db.read() as connection:
        assert forecast(connection, "replay", chosen).changes == 2

    action = to_end(db, ask(db, "replay", chosen))

    assert (action.total, action.done, action.skipped) == (2, 2, {})
    assert [read(db, job.id).state for job in (first, second, third)] == [State.QUEUED, State.QUEUED, State.FAILED]


def test_one_of_a_key(db: Database) -> None:
    """Of failed jobs with one unique key one is replayed, the last; a job whose key another has done since is not."""
    first, second = failed(db, wanted(1, unique_key="order-1"), wanted(2, unique_key="order-1"))

    action = to_end(db, ask(db, "replay"))

    assert (action.total, action.done, action.skipped) == (2, 1, {DONE_SINCE: 1})
    assert [read(db, job.id).state for job in (first, second)] == [State.FAILED, State.QUEUED]


def test_listing_is_bounded(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of other tenants' actions only so many are walked through in search of one's own."""
    monkeypatch.setattr(actions, "_PORTION", 2)
    monkeypatch.setattr(actions, "MOST_LOOKED_AT", 6)
    old, new = (ask(db, "replay", JobFilter(tenants=("acme",)), seconds=second) for second in (1, 2))
    for second in range(5):
        ask(db, "replay", JobFilter(tenants=("globex",)), seconds=3 + second)

    with db.read() as connection:
        own = actions.find_actions(connection, ("acme",), 10)
        older = actions.find_actions(connection, ("acme",), 10, new.id)
        last = actions.find_actions(connection, None, 1)

    assert [action.id for action in own] == [new.id]
    assert [action.id for action in older] == [old.id]
    assert len(last) == 1
