"""What batches cost in calls, as rows; that it is what the ERP saw is shown against the sandbox."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from tests.worker.jobs.acting import NOW, batch_now, claim, make_batch, settle, turned, wanted
from worker.jobs import batches, pruning, spent, verdicts
from worker.jobs.batches import NewBatch
from worker.jobs.making import job_from
from worker.jobs.model import JobError
from worker.jobs.progress import progress_of
from worker.jobs.tables import spent as rows

if TYPE_CHECKING:
    from worker.jobs.engine import Database


def add(db: Database, **calls: int) -> None:
    """Calls by batch."""
    with db.write() as connection:
        spent.add(connection, calls)


def calls_of(db: Database, batch: str) -> int:
    """What the batch took."""
    with db.read() as connection:
        return spent.calls_of(connection, batch)


def left(db: Database) -> int:
    """Rows in the table."""
    with db.read() as connection:
        return connection.execute(select(func.count()).select_from(rows)).scalar_one()


@given(st.lists(st.sampled_from(["a", "b", None]), max_size=9), st.integers(0, 30))
def test_shared_calls_count_once(named: list[str | None], calls: int) -> None:
    """Calls for many jobs are as many in all as were made, and only batches that were served have some."""
    jobs = [job_from(wanted(number, batch=batch), "ops", NOW) for number, batch in enumerate(named)]

    found = spent.shared(jobs, calls)

    assert set(found) <= set(filter(None, named))
    assert found.total() <= calls
    assert found.total() == calls or None in named or not named


def test_each_batch_has_its_part() -> None:
    """Over many calls each batch has about the part that its jobs are of all."""
    jobs = [job_from(wanted(number, batch="large" if number else "small"), "ops", NOW) for number in range(4)]

    found = spent.shared(jobs, 8_000)

    assert found.total() == 8_000
    assert 0.2 < found["small"] / 8_000 < 0.3


def test_calls_add_up(db: Database) -> None:
    """The sum is what counts, folded or not."""
    add(db, a=3, b=1, c=0)
    add(db, a=4)
    assert left(db) == 3
    with db.write() as connection:
        spent.fold(connection)
    assert (left(db), calls_of(db, "a"), calls_of(db, "b"), calls_of(db, "c")) == (2, 7, 1, 0)


def test_calls_by_document(db: Database) -> None:
    """A batch tells its calls, and how many for each job that succeeded or failed; before the first there is no such number."""
    batch = make_batch(db, *(wanted(n) for n in range(5)))
    add(db, **{batch.id: 1})
    with db.read() as connection:
        begun = progress_of(connection, batch, NOW)
    one, two, three = claim(db, 3)
    settle(db, one, verdicts.done("seen"))
    settle(db, two, verdicts.done("seen"))
    settle(db, three, verdicts.failed(JobError("validation", "no")))
    turned(db, batch, "cancel")
    add(db, **{batch.id: 4})
    with db.write() as connection:
        batches.sweep_cancelled(connection, NOW)
        ended = progress_of(connection, batch_now(db, batch), NOW)

    assert (begun.calls, begun.calls_per_document) == (1, None)
    assert (ended.calls, ended.calls_per_document) == (5, 1.67)


def test_calls_go_with_their_batch(db: Database) -> None:
    """They are pruned when their batch is, and go with a batch that came to nothing."""
    batch = make_batch(db)
    with db.write() as connection:
        empty = batches.open_batch(connection, NewBatch("acme", "visma", "sync_kit_lines", "all", {"all": True}), "ops", NOW)
        spent.add(connection, Counter({batch.id: 2, empty.id: 1}))
        batches.start(connection, empty.id, NOW)
        batches.drop_empty(connection, empty.id)
    assert (calls_of(db, batch.id), calls_of(db, empty.id)) == (2, 0)

    day = timedelta(days=1)
    pruning.prune(db, pruning.Keep(day, day, day), NOW + 3 * day, lambda: True)

    assert left(db) == 0
