"""Batches: made in chunks, turned by one row, closed when their jobs are over."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from datetime import timedelta
from itertools import repeat
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from tests.worker.jobs.acting import (
    LANE,
    NOW,
    batch_now,
    claim,
    ids,
    later,
    make,
    make_batch,
    moves_of,
    read,
    settle,
    turned,
    wanted,
    whole,
)
from worker.errors import Conflict, NotFound
from worker.jobs import batches, queue, search, verdicts
from worker.jobs.batches import ABANDONED, CHUNK, NewBatch
from worker.jobs.model import JobError, Lane
from worker.jobs.states import BatchState, State
from worker.jobs.tables import jobs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.jobs.engine import Database
    from worker.jobs.model import Batch, Job
    from worker.jobs.verdicts import NewJob

FAULT = JobError("validation", "no")


def planned(db: Database, select: dict[str, str] | None = None, now_at: float = 0) -> Batch:
    """A batch in planning."""
    new = NewBatch("acme", "visma", "release_kit_assembly", "many", select, 3, ("t",))
    with db.write() as connection:
        return batches.open_batch(connection, new, "ops", later(now_at))


def close(db: Database, seconds: float = 0, lane: Lane | None = None) -> list[str]:
    """Look for batches that are done."""
    with db.write() as connection:
        return batches.close_finished(connection, later(seconds), lane)


def sweep(db: Database, most: int = CHUNK) -> int:
    """Cancel a chunk of what cancelled batches left."""
    with db.write() as connection:
        return batches.sweep_cancelled(connection, NOW, most)


def jobs_of(db: Database, batch: Batch) -> list[Job]:
    """The batch's jobs, oldest first."""
    with db.read() as connection:
        return search.find_jobs(connection, search.JobFilter(batch=batch.id), 100_000)[::-1]


def test_open_batch_plans(db: Database) -> None:
    """A batch begins in planning and is stored as it was given back."""
    batch = planned(db, {"status": "B"})
    assert (batch.state, batch.total, batch.select, batch.priority, batch.tags) == (BatchState.PLANNING, 0, {"status": "B"}, 3, ("t",))
    assert batch_now(db, batch) == batch
    with db.read() as connection:
        assert batches.planning(connection) == [batch]


def test_fill_in_chunks(db: Database) -> None:
    """The jobs of a batch are all stored, in order, and counted."""
    batch = planned(db)
    count = CHUNK + 5
    assert batches.fill(db, batch, (replace(wanted(n), batch=batch.id) for n in range(count)), repeat(NOW)) == count
    found = jobs_of(db, batch)
    assert [job.reference for job in found] == [f"P/{n:06}" for n in range(count)]
    assert {job.made_by for job in found} == {"ops"}
    assert batch_now(db, batch).total == count


def test_fill_is_flat(sqlite_db: Database) -> None:
    """Memory holds a chunk of jobs at a time: ten of them take no more than one."""
    batch = planned(sqlite_db)
    peaks = []

    def news() -> Iterator[NewJob]:
        for number in range(10 * CHUNK):
            if number in {CHUNK, 9 * CHUNK}:
                peaks.append(tracemalloc.get_traced_memory()[1])
                tracemalloc.reset_peak()
            yield replace(wanted(number), batch=batch.id)

    tracemalloc.start()
    batches.fill(sqlite_db, batch, news(), repeat(NOW))
    tracemalloc.stop()
    first, rest = peaks
    assert rest < 3 * first
    assert batch_now(sqlite_db, batch).total == 10 * CHUNK


def test_start_lets_go(db: Database) -> None:
    """Nothing starts before `start`, everything after it."""
    batch = planned(db)
    batches.fill(db, batch, [replace(wanted(1), batch=batch.id)], repeat(NOW))
    assert claim(db) == []
    with db.write() as connection:
        batches.start(connection, batch.id, NOW)
    assert batch_now(db, batch).state is BatchState.RUNNING
    assert len(claim(db)) == 1


def test_empty_batch_is_done(db: Database) -> None:
    """A batch of nothing has succeeded, and knows when."""
    batch = make_batch(db)
    assert (batch.state, batch.finished_at) == (BatchState.SUCCEEDED, NOW)


def test_start_once(db: Database) -> None:
    """A batch that was cancelled while its jobs were made does not start."""
    batch = planned(db)
    turned(db, batch, "cancel")
    with db.write() as connection:
        batches.start(connection, batch.id, NOW)
    assert batch_now(db, batch).state is BatchState.CANCELLED


def test_fill_stops_when_cancelled(db: Database) -> None:
    """Jobs that still come for a cancelled batch are refused."""
    batch = planned(db)
    turned(db, batch, "cancel")
    with pytest.raises(Conflict, match="cancelled while"):
        batches.fill(db, batch, [replace(wanted(1), batch=batch.id)], repeat(NOW))
    assert jobs_of(db, batch) == []


def test_planned_pages_overlap(db: Database) -> None:
    """A document that is on two pages of a selection, or twice on one, gets one job."""
    batch = planned(db, {"status": "B"})
    pages = [[1, 2, 2], [2, 3]]
    counts = []
    for number, page in enumerate(pages):
        news = [replace(wanted(n), batch=batch.id) for n in page]
        with db.write() as connection:
            counts.append(batches.add_planned(db, connection, batch, news, {"page": number}, NOW))
    assert counts == [2, 1]
    found = batch_now(db, batch)
    assert (found.total, found.planned) == (3, {"page": 1})
    assert [job.reference for job in jobs_of(db, batch)] == ["P/000001", "P/000002", "P/000003"]


def test_planning_may_fail(db: Database) -> None:
    """A selection that can't be read ends the batch, with the reason."""
    batch = planned(db, {"status": "B"})
    with db.write() as connection:
        batches.fail_planning(connection, batch.id, "Visma refuses the filter", NOW)
        assert batches.planning(connection) == []
    found = batch_now(db, batch)
    assert (found.state, found.message, found.finished_at) == (BatchState.CANCELLED, "Visma refuses the filter", NOW)


def test_pause_acts_at_once(db: Database) -> None:
    """A pause is one row: the next claim gets nothing, and what runs goes on."""
    batch = make_batch(db, *(wanted(n) for n in range(5)))
    (job,) = claim(db)
    assert turned(db, batch, "pause").state is BatchState.PAUSED
    assert claim(db, 5) == []
    assert settle(db, job, verdicts.done("seen"))
    assert turned(db, batch, "resume").state is BatchState.RUNNING
    assert len(claim(db, 5)) == 4


def test_cancel_acts_at_once(db: Database) -> None:
    """After a cancel nothing starts, though its jobs are swept later; what the ERP has is followed."""
    batch = make_batch(db, *(wanted(n) for n in range(6)))
    waits, fails, _ = claim(db, 3)
    settle(db, waits, verdicts.accepted("taken", wait=30))
    settle(db, fails, verdicts.retry(JobError("unavailable", "down"), ordered=60))
    assert turned(db, batch, "cancel", later(1)).finished_at == later(1)
    assert claim(db, 5) == []
    assert [sweep(db, 3), sweep(db, 3), sweep(db, 3)] == [3, 1, 0]
    states = [job.state for job in jobs_of(db, batch)]
    assert states == [State.WAITING, State.CANCELLED, State.RUNNING, *[State.CANCELLED] * 3]
    assert all(whole(moves_of(db, job), job.state) for job in jobs_of(db, batch))
    assert read(db, fails).finished_at == NOW
    assert settle(db, read(db, waits), verdicts.done("seen"))


def test_sweep_leaves_others(db: Database) -> None:
    """Jobs of other batches, and single ones, are not swept."""
    make_batch(db, wanted(1))
    make(db, wanted(2))
    turned(db, make_batch(db, wanted(3)), "cancel")
    assert sweep(db) == 1
    assert len(claim(db, 5)) == 2


@pytest.mark.parametrize(
    ("actions", "refused"),
    [(["pause"], "pause"), ([], "resume"), (["cancel"], "pause"), (["cancel"], "resume"), (["cancel"], "cancel")],
)
def test_turns_are_refused(actions: list[str], refused: str, sqlite_db: Database) -> None:
    """What makes no sense is refused and changes nothing."""
    batch = make_batch(sqlite_db, wanted(1))
    for action in actions:
        batch = turned(sqlite_db, batch, action)
    with pytest.raises(Conflict, match=f"a {batch.state} batch can't be"):
        turned(sqlite_db, batch, refused)
    assert batch_now(sqlite_db, batch) == batch


def test_unknown_batch(db: Database) -> None:
    """What is not there is not found."""
    with db.write() as connection, pytest.raises(NotFound):
        batches.turn(db, connection, "none", "pause", NOW)
    with db.read() as connection, pytest.raises(NotFound):
        search.find_batch(connection, "none")


def test_all_succeeded(db: Database) -> None:
    """A batch has succeeded when every job did, at the time of the last."""
    batch = make_batch(db, wanted(1), wanted(2))
    for seconds, job in enumerate(claim(db, 2), start=5):
        assert close(db) == []
        settle(db, job, verdicts.done("seen"), later(seconds))
    assert close(db, 60) == [batch.id]
    assert close(db, 61) == []
    found = batch_now(db, batch)
    assert (found.state, found.finished_at) == (BatchState.SUCCEEDED, later(6))


def test_some_failed(db: Database) -> None:
    """A batch in which one failed is finished, no more; paused or not."""
    batch = make_batch(db, wanted(1), wanted(2))
    one, two = claim(db, 2)
    settle(db, one, verdicts.done("seen"))
    settle(db, two, verdicts.failed(FAULT))
    turned(db, batch, "pause")
    assert close(db, 1, Lane("other", "visma")) == []
    assert close(db, 1, LANE) == [batch.id]
    assert batch_now(db, batch).state is BatchState.FINISHED


def test_follower_keeps_it_open(db: Database) -> None:
    """A batch whose last job made another is not done."""
    batch = make_batch(db, wanted(1))
    (job,) = claim(db)
    settle(db, job, verdicts.done("made", follow=(replace(wanted(2), batch=batch.id),)))
    assert close(db) == []


def test_replay_reopens(db: Database) -> None:
    """A replayed job makes its batch run again, and the batch ends again with it."""
    batch = make_batch(db, wanted(1))
    (job,) = claim(db)
    settle(db, job, verdicts.failed(FAULT))
    close(db)
    with db.write() as connection:
        queue.replay(db, connection, read(db, job), "ops", later(9))
    found = batch_now(db, batch)
    assert (found.state, found.finished_at) == (BatchState.RUNNING, None)
    (job,) = claim(db, now=later(10))
    settle(db, job, verdicts.done("seen"), later(11))
    close(db, 12)
    assert batch_now(db, batch).state is BatchState.SUCCEEDED


def test_replay_wakes_no_cancelled(db: Database) -> None:
    """One job of a cancelled batch that is replayed does not bring the others back, though they are not swept yet."""
    batch = make_batch(db, *(wanted(n) for n in range(4)))
    (job,) = claim(db)
    settle(db, job, verdicts.failed(FAULT))
    turned(db, batch, "cancel")
    with db.write() as connection:
        queue.replay(db, connection, read(db, job), "ops", NOW)
    assert ids(claim(db, 5)) == [job.id]
    assert [each.state for each in jobs_of(db, batch)][1:] == [State.CANCELLED] * 3
    assert all(whole(moves_of(db, each), each.state) for each in jobs_of(db, batch))


def test_abandoned_are_ended(db: Database) -> None:
    """A batch whose request died while it was filled never starts; one that is looked for in the ERP may take its time."""
    left, looked_for = planned(db), planned(db, {"status": "B"})
    batches.fill(db, left, [replace(wanted(1), batch=left.id)], repeat(NOW))
    with db.write() as connection:
        assert batches.end_abandoned(connection, NOW + ABANDONED) == 0
        assert batches.end_abandoned(connection, NOW + ABANDONED + timedelta(seconds=1)) == 1
    assert batch_now(db, left).state is BatchState.CANCELLED
    assert batch_now(db, looked_for).state is BatchState.PLANNING
    assert sweep(db) == 1


def test_counts_name_every_state(db: Database) -> None:
    """Counts hold every state, and their sum is the batch's total."""
    batch = make_batch(db, *(wanted(n) for n in range(3)))
    claim(db)
    with db.read() as connection:
        found = batches.counts(connection, batch.id)
        stored = connection.execute(select(func.count()).select_from(jobs)).scalar()
    assert found == {state.value: 0 for state in State} | {"queued": 2, "running": 1}
    assert sum(found.values()) == batch.total == stored


def test_who_cancelled(db: Database) -> None:
    """The timeline of a job whose batch somebody cancelled says who did it."""
    batch = make_batch(db, wanted(1))
    with db.write() as connection:
        batches.turn(db, connection, batch.id, "cancel", NOW, "ann")
    with db.write() as connection:
        batches.sweep_cancelled(connection, NOW)
        (job,) = search.find_jobs(connection, search.JobFilter(batch=batch.id), 10)
        last = search.timeline(connection, job)[-1]

    assert (last.target, last.by) == (State.CANCELLED, "ann")


def test_held_waits(db: Database) -> None:
    """A held batch is whole, and starts nothing until somebody resumes it; then it is one like any other."""
    batch = held(db)
    batches.fill(db, batch, [replace(wanted(n), batch=batch.id) for n in range(2)], repeat(NOW))
    with db.write() as connection:
        batches.start(connection, batch.id, NOW)
    found = batch_now(db, batch)
    assert (found.state, found.held, found.total) == (BatchState.PAUSED, True, 2)
    assert claim(db, 5) == []

    assert turned(db, batch, "resume").state is BatchState.RUNNING
    assert batch_now(db, batch).held is False
    assert len(claim(db, 5)) == 2


def test_held_is_dropped(db: Database) -> None:
    """A held batch that is cancelled never started a job."""
    batch = held(db)
    batches.fill(db, batch, [replace(wanted(1), batch=batch.id)], repeat(NOW))
    with db.write() as connection:
        batches.start(connection, batch.id, NOW)
    assert turned(db, batch, "cancel").held is True
    assert sweep(db) == 1
    assert [job.started_at for job in jobs_of(db, batch)] == [None]


def test_held_of_nothing(db: Database) -> None:
    """A held batch that found nothing has nothing to wait for."""
    batch = held(db)
    with db.write() as connection:
        batches.start(connection, batch.id, NOW)
    assert batch_now(db, batch).state is BatchState.SUCCEEDED


def held(db: Database) -> Batch:
    """A batch in planning that is to wait."""
    with db.write() as connection:
        return batches.open_batch(connection, NewBatch("acme", "visma", "release_kit_assembly", "many", held=True), "ops", NOW)
