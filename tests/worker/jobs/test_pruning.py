"""Forgetting what is over: what goes when, what stays, and in which portions."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest
from sqlalchemy import func, insert, select

from tests.worker.jobs.acting import NOW, batch_now, claim, later, make, make_batch, read, settle, turned, wanted
from worker.connections import Exchange
from worker.errors import NotFound
from worker.jobs import arrivals, batches, ended_sessions, pruning, queue, verdicts
from worker.jobs.arrivals import Arrival, News
from worker.jobs.changes import Change, apply
from worker.jobs.model import Attempt, JobError
from worker.jobs.pruning import Keep, prune
from worker.jobs.states import BatchState
from worker.jobs.tables import (
    actions,
    attempts,
    deliveries,
    delivery_jobs,
    exchanges,
    idempotency_keys,
    job_tags,
    job_terms,
    jobs,
    moves,
)
from worker.jobs.tables import batches as batch_rows
from worker.jobs.verdicts import after
from worker.settings import Retries, Settings

if TYPE_CHECKING:
    from datetime import datetime

    from worker.jobs.engine import Database
    from worker.jobs.model import Batch, Job
    from worker.jobs.verdicts import Verdict

DAY: Final = timedelta(days=1)
KEEP: Final = Keep(90 * DAY, 14 * DAY, 30 * DAY)
OF_JOBS: Final = (jobs, moves, attempts, exchanges, job_tags, job_terms, delivery_jobs)


def pruned(db: Database, now: datetime) -> None:
    """Prune all that is too old then."""
    assert prune(db, KEEP, now, lambda: True)


def counted(db: Database, *tables: Any) -> list[int]:
    """How many rows there are."""
    with db.read() as connection:
        return [connection.execute(select(func.count()).select_from(table)).scalar_one() for table in tables]


def worked(db: Database, job: Job, verdict: Verdict, now: datetime) -> None:
    """Hand in a verdict with the call that led to it."""
    attempt = Attempt(1, now, now, "sent", (Exchange(now, "PUT", "/x", 200, 1.0, "{}", "{}"),))
    with db.write() as connection:
        apply(db, connection, [Change(job, after(job, verdict, now, Retries(), 0.5), verdict.cause, "w", attempt)], now)


def told(db: Database, job: Job, now: datetime) -> None:
    """A notification about the job."""
    with db.write() as connection:
        arrivals.store(db, connection, [Arrival("acme", "visma", "operation", {}, "{}", None, "visma", (News(job.id),))], now)


def ended(db: Database, *verdicts_of: Verdict) -> list[Job]:
    """Jobs with everything that a job may have, that ended a minute after `NOW`."""
    made = make(db, *(wanted(n, tags=("t",)) for n in range(len(verdicts_of))))
    for job, verdict in zip(claim(db, len(made)), verdicts_of, strict=True):
        told(db, job, NOW)
        worked(db, job, verdict, later(60))
    return made


FAILED: Final = verdicts.failed(JobError("validation", "no"))


def test_old_jobs_go_whole(db: Database) -> None:
    """A job goes once its time is over, succeeded or failed, with all that belongs to it; not before."""
    ended(db, verdicts.done("seen"), FAILED)
    pruned(db, later(60) + 90 * DAY)
    assert counted(db, jobs, moves, job_tags) == [2, 4, 2]
    pruned(db, later(61) + 90 * DAY)
    assert counted(db, *OF_JOBS) == [0] * len(OF_JOBS)


def test_open_jobs_stay(db: Database) -> None:
    """However old, what is open stays: queued, taken by a worker, waiting, about to be tried again."""
    made = make(db, *(wanted(n) for n in range(4)))
    _, waits, again = claim(db, 3)
    settle(db, waits, verdicts.accepted("taken", wait=5))
    settle(db, again, verdicts.retry(JobError("timeout", "no answer")))
    pruned(db, NOW + 900 * DAY)
    assert counted(db, jobs) == [len(made)]


def test_late_end_counts(db: Database) -> None:
    """A job's time begins with its end, not with its making; younger jobs behind an open one are found."""
    make(db, wanted(1))
    ended(db, verdicts.done("seen"))
    (slow,) = make(db, wanted(8))
    (taken,) = [job for job in claim(db, 9) if job.id == slow.id]
    settle(db, taken, verdicts.done("seen"), NOW + 50 * DAY)
    pruned(db, NOW + 91 * DAY)
    assert read(db, slow) == read(db, taken)
    assert counted(db, jobs) == [2]
    pruned(db, NOW + 141 * DAY)
    assert counted(db, jobs) == [1]


def test_calls_go_earlier(db: Database) -> None:
    """Exchanges go before the rest of the job; its timeline and attempts stay."""
    ended(db, FAILED)
    pruned(db, later(60) + 14 * DAY)
    assert counted(db, exchanges) == [1]
    pruned(db, later(61) + 14 * DAY)
    assert counted(db, exchanges, attempts, moves) == [0, 1, 2]


def test_deliveries_go_by_age(db: Database) -> None:
    """Deliveries go by the time they came, also while their job is there."""
    ended(db, FAILED)
    pruned(db, NOW + 30 * DAY)
    assert counted(db, deliveries, delivery_jobs) == [1, 1]
    pruned(db, later(1) + 30 * DAY)
    assert counted(db, deliveries, delivery_jobs, jobs) == [0, 0, 1]


def test_keys_and_actions_go(db: Database) -> None:
    """Idempotency keys go when their day is over, actions when they ended as long ago as jobs are kept."""
    whole = {"made_by": "ops", "action": "replay", "filter": {}, "total": 1, "done": 1, "skipped": {}, "created_at": NOW, "touched_at": NOW}
    with db.write() as connection:
        queue.keep(connection, "ops", "k", "d", "j", NOW)
        connection.execute(insert(actions).values(id="over", state="finished", finished_at=NOW, **whole))
        connection.execute(insert(actions).values(id="open", state="running", **whole))
    pruned(db, NOW + DAY)
    assert counted(db, idempotency_keys, actions) == [1, 2]
    pruned(db, later(1) + 90 * DAY)
    assert counted(db, idempotency_keys, actions) == [0, 1]


def test_ended_sessions_go(db: Database) -> None:
    """A session that was ended stays ended for as long as its cookie may be taken, and no longer."""
    for nonce, hours in (("short", 1), ("long", 13), ("long", 13)):
        with db.write() as connection:
            ended_sessions.end(db, connection, nonce, NOW + timedelta(hours=hours))
    pruned(db, NOW + timedelta(hours=2))
    with db.read() as connection:
        assert [ended_sessions.has_ended(connection, nonce) for nonce in ("short", "long", "other")] == [False, True, False]


def done_batch(db: Database, size: int) -> Batch:
    """A batch of which one job failed and the rest succeeded, closed."""
    batch = make_batch(db, *(wanted(n) for n in range(size)))
    for number, job in enumerate(claim(db, size)):
        settle(db, job, verdicts.done("seen") if number else FAILED, later(60))
    with db.write() as connection:
        batches.close_finished(connection, later(61))
    return batch_now(db, batch)


def test_batch_keeps_its_counts(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch whose jobs were pruned, all or some, shows the counts that it had; later it goes itself."""
    monkeypatch.setattr(pruning, "CHUNK", 2)
    batch = done_batch(db, 5)
    with db.read() as connection:
        before = batches.counts(connection, batch.id)
    assert not prune(db, KEEP, later(61) + 90 * DAY, lambda: counted(db, jobs) == [5])
    assert 0 < counted(db, jobs)[0] < 5
    with db.read() as connection:
        assert batches.counts(connection, batch.id) == before
    pruned(db, later(61) + 90 * DAY)
    with db.read() as connection:
        assert batches.counts(connection, batch.id) == before == {**dict.fromkeys(before, 0), "succeeded": 4, "failed": 1}
    assert counted(db, jobs, batch_rows) == [0, 1]
    pruned(db, later(62) + 180 * DAY)
    assert counted(db, batch_rows) == [0]


def test_open_batch_keeps_its_jobs(db: Database) -> None:
    """No job of a batch goes while the batch is open."""
    batch = make_batch(db, wanted(1), wanted(2))
    (job,) = claim(db)
    settle(db, job, verdicts.done("seen"))
    turned(db, batch, "pause")
    pruned(db, NOW + 400 * DAY)
    assert counted(db, jobs, batch_rows) == [2, 1]


def test_reopened_batch_knows_what_was_pruned(db: Database) -> None:
    """A batch that ends again after a replay ends as `finished` if a job of it failed, pruned or not."""
    batch = make_batch(db, wanted(1), wanted(2))
    first, second = claim(db, 2)
    settle(db, first, FAILED, later(60))
    settle(db, second, FAILED, NOW + 50 * DAY)
    with db.write() as connection:
        batches.close_finished(connection, NOW + 50 * DAY)
    pruned(db, NOW + 100 * DAY)
    with db.write() as connection:
        queue.replay(db, connection, queue.find(connection, second.id), "ops", NOW + 100 * DAY)
    (again,) = claim(db, now=NOW + 100 * DAY)
    settle(db, again, verdicts.done("seen"), NOW + 100 * DAY)
    with db.write() as connection:
        batches.close_finished(connection, NOW + 101 * DAY)
        assert batches.counts(connection, batch.id)["failed"] == 1
    assert batch_now(db, batch).state is BatchState.FINISHED
    with db.read() as connection, pytest.raises(NotFound):
        queue.find(connection, first.id)


def test_empty_batches_go(db: Database) -> None:
    """A batch that found nothing goes as soon as a job would."""
    make_batch(db)
    pruned(db, NOW + 90 * DAY)
    assert counted(db, batch_rows) == [1]
    pruned(db, later(1) + 90 * DAY)
    assert counted(db, batch_rows) == [0]


def test_pruning_goes_on(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was begun and broken off is gone on with the next time; every transaction is small."""
    monkeypatch.setattr(pruning, "CHUNK", 1)
    monkeypatch.setattr(pruning, "LINES", 3)
    ended(db, *[FAILED] * 10)
    left = [sum(counted(db, *OF_JOBS, deliveries))]
    while True:
        turns = iter((True,) * 14)
        over = prune(db, KEEP, NOW + 99 * DAY, lambda turns=turns: next(turns, False))  # type: ignore[misc]
        left.append(sum(counted(db, *OF_JOBS, deliveries)))
        if over or len(left) > 99:
            break
    assert left[-1] == 0
    assert left == sorted(left, reverse=True)
    assert len(left) > 3


def test_bodies_bound_a_transaction(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Large deliveries go in small portions, each by itself if it must be; small ones go together."""
    monkeypatch.setattr(pruning, "BYTES", 1_000)
    sizes = (400, 400, 400, 5_000, 10, 10, 10)
    for second, size in enumerate(sizes):
        with db.write() as connection:
            arrivals.store(db, connection, [Arrival("acme", "shop", "order", {}, "x" * size, None, "visma")], later(second))
    left: list[int] = []

    def go_on() -> bool:
        left.extend(counted(db, deliveries))
        return True

    assert prune(db, KEEP, NOW + 99 * DAY, go_on)
    assert list(dict.fromkeys(left)) == [7, 5, 4, 3, 0]


def test_times_come_from_the_settings() -> None:
    """The settings say how long."""
    kept = Keep.of(replace(Settings(), keep_jobs=1.0, keep_exchanges=2.0, keep_deliveries=3.0))
    assert kept == Keep(timedelta(seconds=1), timedelta(seconds=2), timedelta(seconds=3))
