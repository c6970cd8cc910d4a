"""Why a job's life took as long as it did, as its page tells it."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from hypothesis import given
from hypothesis import strategies as st

from tests.worker.jobs.acting import LANE, NOW, RULES, claim, later, make, make_batch, read, settle, turned, wanted
from worker.connections import Limits, Report
from worker.jobs import arrivals, batches, claims, gaps, limits, queue, search, verdicts
from worker.jobs.arrivals import Arrival, News
from worker.jobs.changes import Change, apply
from worker.jobs.model import Attempt, Exchange, JobError, Move
from worker.jobs.spells import lasting
from worker.jobs.states import State
from worker.jobs.verdicts import after

if TYPE_CHECKING:
    from datetime import datetime

    from worker.jobs.engine import Database
    from worker.jobs.gaps import Gap
    from worker.jobs.model import Job

FAILED: Final = verdicts.failed(JobError("validation", "line 7 is wrong"))


def told(db: Database, job: Job, seconds: float | None = None) -> list[Gap]:
    """The job's gaps, seen so many seconds after `NOW`."""
    with db.read() as connection:
        found = queue.find(connection, job.id)
        return gaps.explained(connection, found, search.timeline(connection, found), None if seconds is None else later(seconds))


def sentences(db: Database, job: Job, seconds: float | None = None) -> list[str]:
    """What they say."""
    return [gap.sentence for gap in told(db, job, seconds)]


def refresh(db: Database, seconds: float, report: Report | None = None, hourly: int | None = None) -> None:
    """A worker's refresh."""
    now = later(seconds)
    with db.write() as connection:
        limits.refresh(db, connection, LANE, "w", Limits(4, hourly), report or Report(), now, now + timedelta(seconds=12), 0.5)


def pause(db: Database, by: str | None, seconds: float) -> None:
    """Pause or resume the connection, as a worker finds it at once."""
    with db.write() as connection:
        limits.set_paused(db, connection, LANE, by, later(seconds))
    refresh(db, seconds)


def start(db: Database, seconds: float) -> Job:
    """The next due job starts."""
    (job,) = claim(db, now=later(seconds))
    return job


def requeue(db: Database, seconds: float) -> None:
    """Jobs whose backoff is over become queued."""
    with db.write() as connection:
        claims.requeue_due(connection, LANE, later(seconds))


def test_nothing_known(db: Database) -> None:
    """A wait of which nothing is written is a wait for its turn; two seconds are no wait."""
    one, two = make(db, wanted(1), wanted(2))
    start(db, 2)
    start(db, 7)
    assert sentences(db, one) == []
    assert [(gap.cause, gap.seconds, gap.sentence) for gap in told(db, two)] == [
        ("turn", 7.0, "waited 7 s for its turn: a free slot and a worker")
    ]


def test_call_of_the_hour(db: Database) -> None:
    """With the calls of the hour used up it waited for one of them, and then for its turn."""
    (job,) = make(db)
    refresh(db, 0, Report(calls=100), hourly=100)
    refresh(db, 42, hourly=200)
    start(db, 45)
    assert sentences(db, job) == ["waited 42 s for a call of the hour", "waited 3 s for its turn: a free slot and a worker"]


def test_standstills(db: Database) -> None:
    """A paused connection, an ordered wait and a broken ERP have each their share, in order."""
    (job,) = make(db)
    pause(db, "ops", 0)
    pause(db, None, 190)
    refresh(db, 190, Report(calls=1, blocked_until=later(200)))
    refresh(db, 200)
    refresh(db, 200, Report(calls=5, failures=5, why="answers 503"))
    refresh(db, 230, Report(calls=1, oks=1))
    start(db, 230)
    assert sentences(db, job) == [
        "waited 3 min 10 s: paused by ops",
        "waited 10 s: the ERP ordered a wait",
        "waited 30 s: the connection was broken (answers 503)",
    ]


def test_batch_paused(db: Database) -> None:
    """The pauses of its batch, with who paused it; a pause that lasts, too. Its connection's pause adds nothing meanwhile."""
    batch = make_batch(db, wanted())
    (job,) = claims_of(db, batch.id)
    with db.write() as connection:
        batches.turn(db, connection, batch.id, "pause", later(10), "ana")
    pause(db, "ops", 12)
    turned(db, batch, "resume", later(30))
    pause(db, None, 40)
    with db.write() as connection:
        batches.turn(db, connection, batch.id, "pause", later(40), "bo")
    assert sentences(db, job, 100) == [
        "waited 10 s for its turn: a free slot and a worker",
        "waited 20 s: its batch was paused by ana",
        "waited 10 s: paused by ops",
        "waited 1 min: its batch was paused by bo",
    ]


def claims_of(db: Database, batch: str) -> list[Job]:
    """The batch's jobs."""
    with db.read() as connection:
        return search.find_jobs(connection, search.JobFilter(batch=batch), 9)


def test_its_time(db: Database) -> None:
    """A job that is to start later waited for its time, whether it still does, is running or is over."""
    (job,) = make(db, wanted(run_at=later(3_600)))
    assert sentences(db, job, 60) == ["waited 1 min until its time"]
    running = start(db, 3_605)
    whole = ["waited 1 h until its time", "waited 5 s for its turn: a free slot and a worker"]
    assert sentences(db, job) == whole
    settle(db, running, verdicts.done("seen"), later(3_606))
    assert sentences(db, job) == whole


def test_backoff(db: Database) -> None:
    """After a failed start it waited before the next, and when that was due for its turn."""
    (job,) = make(db)
    verdict = verdicts.retry(JobError("unavailable", "answers 503"), ordered=30)
    running = start(db, 1)
    settle(db, running, verdict, later(2))
    due = (read(db, job).due_at - NOW).total_seconds()
    assert [gap.cause for gap in told(db, job, due + 9)] == ["backoff", "turn"]
    requeue(db, due + 10)
    start(db, due + 15)

    found = told(db, job)

    assert [(gap.cause, gap.until) for gap in found] == [("backoff", later(due)), ("turn", later(due + 10)), ("turn", later(due + 15))]
    assert found[0].sentence.endswith(" before the next attempt (backoff)")


def test_erp_works(db: Database) -> None:
    """While the ERP has it, it waited for the ERP; from the notification on for somebody to read what came of it."""
    (job,) = make(db)
    running = start(db, 0)
    settle(db, running, verdicts.accepted("taken", wait=60, erp_id="op"), later(1))
    assert sentences(db, job, 13) == ["waited 12 s for the ERP to finish the operation"]
    news = Arrival("acme", "visma", "operation", {}, "", None, "visma", (News(job.id),))
    with db.write() as connection:
        arrivals.store(db, connection, [news], later(20))
    settle(db, read(db, job), verdicts.done("seen"), later(26))
    assert [(gap.cause, gap.seconds) for gap in told(db, job)] == [("erp", 19), ("outcome", 6)]


def test_unclear_end(db: Database) -> None:
    """After an unclear end it waited before it looked again; a pause meanwhile kept it from looking."""
    (job,) = make(db)
    settle(db, start(db, 0), verdicts.doubt(JobError("timeout", "no answer"), wait=120), later(1))
    pause(db, "ops", 61)
    pause(db, None, 121)
    settle(db, read(db, job), verdicts.done("seen"), later(121))
    assert sentences(db, job) == [
        "waited 1 min before a second look: nobody knew whether the ERP had taken it",
        "waited 1 min: paused by ops",
    ]


def test_document_held(db: Database) -> None:
    """While another job ran or waited on the document, it waited for that; not while that one lay failed."""
    first, second = make(db, wanted(1), wanted(1, kind="update_kit_assembly"))
    running = start(db, 1)
    settle(db, running, verdicts.accepted("taken", wait=60), later(2))
    settle(db, read(db, first), FAILED, later(9))
    start(db, 20)
    assert sentences(db, second) == [
        "waited 1 s for its turn: a free slot and a worker",
        "waited 8 s: another job held the document",
        "waited 11 s for its turn: a free slot and a worker",
    ]


def test_failed_until_replayed(db: Database) -> None:
    """Failed is no wait for anything but a person; and what is over is told no more."""
    (job,) = make(db)
    settle(db, start(db, 0), FAILED, later(1))
    assert told(db, job, 7_201) == []
    with db.write() as connection:
        queue.replay(db, connection, queue.find(connection, job.id), "ops", later(7_201))
    assert sentences(db, job) == ["stood as failed for 2 h until ops replayed it"]


def test_long_run(db: Database) -> None:
    """A long start is told with what its calls took of it."""
    make(db)
    job = start(db, 0)
    calls = tuple(Exchange(later(at), "POST", "/x", 200, ms, None, None) for at, ms in ((1, 2_000), (4, 9_000)))
    then = after(job, verdicts.done("seen"), later(14), RULES, 0.5)
    with db.write() as connection:
        apply(db, connection, [Change(job, then, "seen", "w", Attempt(1, NOW, later(14), "seen", calls))], later(14))
    assert sentences(db, job) == ["ran for 14 s: 2 calls took 11 s of it"]


def test_goes_from_erp_to_erp(db: Database) -> None:
    """Work on several ERPs: what stopped the one it came to last says nothing of the time before it came."""
    (job,) = make(db, wanted(kind="sync_kit_lines", subject="kit/K"))
    pause(db, "ops", 1)
    pause(db, None, 11)
    running = start(db, 20)
    settle(db, running, verdicts.again("its next step is in visma", erp="visma"), later(21))
    pause(db, "ops", 21)
    pause(db, None, 31)
    start(db, 31)
    assert sentences(db, job) == ["waited 20 s for its turn: a free slot and a worker", "waited 10 s: paused by ops"]


def test_gaps_fit_the_timeline(sqlite_db: Database) -> None:
    """Whatever happened, gaps are in order and each lies within one stretch of the timeline."""
    (job,) = make(sqlite_db)
    pause(sqlite_db, "ops", 20)
    pause(sqlite_db, None, 60)
    step = st.tuples(st.integers(0, 50), st.sampled_from(list(State)), st.none() | st.integers(0, 300).map(later))

    @given(st.lists(step, max_size=8), st.none() | st.integers(0, 100))
    def check(steps: list[tuple[int, State, datetime | None]], rest: int | None) -> None:
        moves = [Move(job.id, NOW, None, State.QUEUED, "made", "ops")]
        for seconds, state, due_at in steps:
            moves.append(Move(job.id, moves[-1].at + timedelta(seconds=seconds), moves[-1].target, state, "why", "w", due_at))
        now = None if rest is None else moves[-1].at + timedelta(seconds=rest)

        with sqlite_db.read() as connection:
            found = gaps.explained(connection, job, moves, now)

        borders = [*(move.at for move in moves), now or moves[-1].at]
        assert all(one.until <= two.since for one, two in pairwise(found))
        assert all(any(begin <= gap.since and gap.until <= end for begin, end in pairwise(borders)) for gap in found)
        assert all(f" {lasting(gap.seconds)}" in gap.sentence for gap in found)
        assert {gap.cause for gap in found} <= set(gaps.CAUSES)

    check()
