"""Batches that run again: in bounded transactions, however much of a cancelled one is still to be swept."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING, Final

import pytest
from sqlalchemy import event

from tests.worker.jobs.acting import NOW, batch_now, claim, ids, later, make_batch, moves_of, read, settle, turned, wanted, whole
from worker.jobs import actions, batches, queue, reopening, search, verdicts
from worker.jobs.filters import JobFilter
from worker.jobs.model import JobError
from worker.jobs.reopening import TRIES, Unswept
from worker.jobs.states import ActionState, BatchState, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from worker.jobs.engine import Database
    from worker.jobs.model import Batch, Job

FEW: Final = 3
FAILED: Final = verdicts.failed(JobError("validation", "no"))


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reopening, "CHUNK", FEW)


def cancelled(db: Database, start: int = 0, jobs: int = 8) -> tuple[Batch, Job]:
    """A cancelled batch of which nothing was swept, and its one job that had failed before."""
    batch = make_batch(db, *(wanted(start + n) for n in range(jobs)))
    (job,) = claim(db)
    settle(db, job, FAILED)
    turned(db, batch, "cancel")
    return batch, read(db, job)


def replayed(db: Database, job: Job) -> Callable[[Connection], Job]:
    """A replay of the job, as in a transaction."""
    return lambda connection: queue.replay(db, connection, queue.find(connection, job.id), "ops", later(9))


def states(db: Database, batch: Batch) -> list[State]:
    """The states of its jobs, the oldest first."""
    with db.read() as connection:
        return [job.state for job in reversed(search.find_jobs(connection, JobFilter(batch=batch.id), 99))]


def sizes(db: Database, act: Callable[[], object]) -> list[int]:
    """How many timeline lines each transaction wrote."""
    written = [0]

    def begins(_connection: object) -> None:
        written.append(0)

    def writes(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        if statement.startswith("INSERT INTO moves"):
            written[-1] += len(parameters) if isinstance(parameters, list) else 1

    event.listen(db.engine, "begin", begins)
    event.listen(db.engine, "before_cursor_execute", writes)
    try:
        act()
    finally:
        event.remove(db.engine, "begin", begins)
        event.remove(db.engine, "before_cursor_execute", writes)
    return written


def test_sweeps_in_chunks(db: Database) -> None:
    """A replay in a cancelled batch sweeps what is left in small transactions, then opens it: nothing else comes back."""
    batch, job = cancelled(db)
    written = sizes(db, lambda: reopening.reopening(db, replayed(db, job), later(9)))
    assert max(written) <= FEW
    assert batch_now(db, batch).state is BatchState.RUNNING
    assert states(db, batch) == [State.QUEUED] + [State.CANCELLED] * 7
    assert ids(claim(db, 9, now=later(10))) == [job.id]
    with db.read() as connection:
        assert all(whole(moves_of(db, each), each.state) for each in search.find_jobs(connection, JobFilter(batch=batch.id), 99))


def test_one_transaction_refuses(db: Database) -> None:
    """Where more is to be swept than a transaction may, nothing is done, and what raises says which batches."""
    batch, job = cancelled(db)
    with pytest.raises(Unswept, match="try again") as found, db.write() as connection:
        replayed(db, job)(connection)
    assert found.value.batches == (batch.id,)
    assert batch_now(db, batch).state is BatchState.CANCELLED
    assert states(db, batch) == [State.FAILED] + [State.QUEUED] * 7


def test_ends_at_last(db: Database) -> None:
    """A batch that is cancelled anew each time does not keep a replay for ever."""
    tried: list[int] = []

    def act(_connection: Connection) -> None:
        tried.append(1)
        raise Unswept(["some"])

    with pytest.raises(Unswept):
        reopening.reopening(db, act, NOW)
    assert len(tried) == TRIES


def test_patience_ends(db: Database) -> None:
    """Who can't wait is told to try again, and nothing is replayed; what was swept is so, and the next one has less to wait for."""
    batch, job = cancelled(db)
    answers = iter([True, False])
    with pytest.raises(Unswept, match="try again"):
        reopening.reopening(db, replayed(db, job), later(9), lambda: next(answers))
    assert batch_now(db, batch).state is BatchState.CANCELLED
    assert states(db, batch)[0] is State.FAILED
    assert sorted(states(db, batch)[1:]) == [State.CANCELLED] * 6 + [State.QUEUED]

    assert reopening.reopening(db, replayed(db, job), later(9), lambda: False).state is State.QUEUED

    assert batch_now(db, batch).state is BatchState.RUNNING
    assert states(db, batch)[1:] == [State.CANCELLED] * 7


def test_running_batches_are_not_swept(db: Database) -> None:
    """A batch that somebody else opened in the meantime loses no job."""
    batch = make_batch(db, *(wanted(n) for n in range(5)))
    tried: list[int] = []

    def act(_connection: Connection) -> str:
        tried.append(1)
        if len(tried) == 1:
            raise Unswept([batch.id])
        return "done"

    assert reopening.reopening(db, act, NOW) == "done"
    assert states(db, batch) == [State.QUEUED] * 5


@pytest.mark.parametrize("held", ["to turn it", "to replay a job of it"])
def test_jobs_wait_for_no_batch(postgres_db: Database, held: str) -> None:
    """Who has a batch may come to wait for its jobs: so who has one of these, and writes it, does not wait for the batch."""
    batch = make_batch(postgres_db, wanted())
    (job,) = claim(postgres_db)
    settle(postgres_db, job, FAILED)

    def discard() -> None:
        with postgres_db.write() as connection:
            queue.discard(postgres_db, connection, queue.find(connection, job.id), "ops", NOW)

    other = Thread(target=discard)
    with postgres_db.write() as connection:
        if held == "to turn it":
            batches.find(postgres_db, connection, batch.id)
        else:
            reopening.reopen(connection, [batch.id], NOW)
        other.start()
        other.join(10)
        waited = other.is_alive()
    other.join(10)

    assert not waited
    assert read(postgres_db, job).state is State.CANCELLED


def test_actions_sweep_in_chunks(db: Database) -> None:
    """An action that replays jobs of several cancelled batches keeps its transactions small, and opens them all."""
    first, one = cancelled(db)
    second, other = cancelled(db, start=50)
    begun = actions.begin(db, "replay", JobFilter(state=("failed",)), "ops", later(5))
    written = sizes(db, lambda: actions.carry_on(db, begun.id, later(9)))
    with db.read() as connection:
        done = actions.find(connection, begun.id)
    assert max(written) <= FEW
    assert (done.state, done.done, done.skipped) == (ActionState.FINISHED, 2, {})
    assert [batch_now(db, batch).state for batch in (first, second)] == [BatchState.RUNNING] * 2
    assert [read(db, job).state for job in (one, other)] == [State.QUEUED] * 2
    assert states(db, first).count(State.CANCELLED) == states(db, second).count(State.CANCELLED) == 7
