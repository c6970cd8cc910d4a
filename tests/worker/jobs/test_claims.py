"""Which jobs may start: leases and fences, one document one job, fairness, priority, and no job for two."""

from __future__ import annotations

import random
import threading
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import update

from tests.worker.jobs.acting import (
    LANE,
    LEASE,
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
from worker.jobs import batches, claims, queue, verdicts
from worker.jobs.batches import NewBatch
from worker.jobs.making import insert_jobs
from worker.jobs.model import JobError, Lane
from worker.jobs.states import State
from worker.jobs.tables import batches as batch_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.jobs.engine import Database

DOWN = JobError("unavailable", "down", 503)


def test_claim_takes_lease(db: Database) -> None:
    """A claimed job is running, leased and fenced, and the ledger has it as the worker got it."""
    (made,) = make(db)
    (job,) = claim(db, now=later(5))
    assert (job.state, job.owner, job.lease_until, job.fence, job.starts) == (State.RUNNING, "worker-a", later(5) + LEASE, 1, 1)
    assert (job.started_at, job.claimed_at, job.attempt) == (later(5), later(5), 0)
    assert read(db, made) == job
    assert whole(moves_of(db, made), State.RUNNING)
    assert moves_of(db, made)[-1].by == "worker worker-a"


def test_fence_rises(db: Database) -> None:
    """Each claim has a fence of its own; the first start is remembered."""
    make(db)
    for number in (1, 2, 3):
        (job,) = claim(db, now=later(number))
        assert (job.fence, job.starts, job.started_at, job.claimed_at) == (number, number, later(1), later(number))
        assert job == read(db, job)
        settle(db, job, verdicts.again("a stop came"), later(number))


@pytest.mark.parametrize("count", [0, -1])
def test_nothing_wanted(count: int, db: Database) -> None:
    """Who has no room gets nothing."""
    make(db)
    assert claim(db, count) == []


def test_limit_holds(db: Database) -> None:
    """No more jobs are claimed than asked for, the longest due first."""
    made = make(db, *(wanted(n) for n in range(5)))
    assert ids(claim(db, 3)) == ids(made[:3])
    assert ids(claim(db, 3)) == ids(made[3:])
    assert claim(db, 3) == []


def test_other_lanes_stay(db: Database) -> None:
    """A claim sees its own tenant and ERP only."""
    make(db, replace(wanted(1), tenant="other"), replace(wanted(2), erp="intacct"))
    assert claim(db, 5) == []
    assert len(claim(db, 5, lane=Lane("other", "visma"))) == 1


def test_run_at_is_awaited(db: Database) -> None:
    """A job asked for a later time does not start before it."""
    make(db, replace(wanted(), run_at=later(60)))
    assert claim(db, now=later(59)) == []
    assert len(claim(db, now=later(60))) == 1


def test_one_document_one_job(db: Database) -> None:
    """Of two jobs on one document the first made goes first, and the second waits for its end."""
    first, second = make(db, wanted(1), wanted(1))
    (job,) = claim(db, 5)
    assert job.id == first.id
    assert claim(db, 5) == []
    settle(db, job, verdicts.accepted("taken", wait=30))
    assert claim(db, 5) == []  # waiting holds the document too
    settle(db, read(db, job), verdicts.done("seen"))
    assert ids(claim(db, 5)) == [second.id]


def test_other_tenants_document(db: Database) -> None:
    """The same number at two customers is two documents."""
    make(db, wanted(1), wanted(1, tenant="other"))
    assert len(claim(db, 5)) == 1
    assert len(claim(db, 5, lane=Lane("other", "visma"))) == 1


def test_no_document_no_hold(db: Database) -> None:
    """Jobs without a document, creates, don't wait for each other."""
    make(db, *(wanted(n, subject=None) for n in (1, 1, 1)))
    assert len(claim(db, 5)) == 3


def test_order_beats_priority(db: Database) -> None:
    """On one document the order made holds, however urgent the later job is."""
    first, _ = make(db, wanted(1), replace(wanted(1), priority=9))
    assert ids(claim(db, 5)) == [first.id]


def test_not_yet_due_holds_none(db: Database) -> None:
    """A job for tonight does not hold up today's on the same document."""
    _, today = make(db, replace(wanted(1), run_at=later(3600)), wanted(1))
    assert ids(claim(db, 5)) == [today.id]


def test_failed_holds_none(db: Database) -> None:
    """A failed job does not hold up the next one on its document."""
    _, second = make(db, wanted(1), wanted(1))
    (job,) = claim(db)
    settle(db, job, verdicts.failed(DOWN))
    assert ids(claim(db, 5)) == [second.id]


def test_backoff_holds_none(db: Database) -> None:
    """Nor does one whose backoff runs; once it is due again, it goes before."""
    first, second = make(db, wanted(1), wanted(1))
    (job,) = claim(db)
    settle(db, job, verdicts.retry(DOWN, ordered=600))
    with db.write() as connection:
        assert claims.requeue_due(connection, LANE, NOW) == 0
    (taken,) = claim(db, 5)
    assert taken.id == second.id
    settle(db, taken, verdicts.again("a stop came"))
    assert claim(db, 5, now=later(700)) == []  # due, but not in line yet: the second may not overtake it now
    with db.write() as connection:
        assert claims.requeue_due(connection, LANE, later(700)) == 1
    assert ids(claim(db, 5, now=later(700))) == [first.id]


def test_paused_batch_starts_none(db: Database) -> None:
    """A paused batch starts nothing and holds up no one; resumed, it goes on."""
    batch = make_batch(db, wanted(1), wanted(2))
    (single,) = make(db, wanted(1), now=later(1))
    turned(db, batch, "pause")
    assert ids(claim(db, 5, now=later(1))) == [single.id]
    turned(db, batch, "resume")
    assert [job.reference for job in claim(db, 5, now=later(1))] == ["P/000002"]


def test_planning_batch_starts_none(db: Database) -> None:
    """Before all its jobs are made, a batch starts nothing and holds up no one."""
    with db.write() as connection:
        batch = batches.open_batch(connection, NewBatch("acme", "visma", "release_kit_assembly", "many"), "ops", NOW)
    batches.fill(db, batch, [replace(wanted(1), batch=batch.id)], iter([NOW]))
    (single,) = make(db, wanted(1))
    assert ids(claim(db, 5)) == [single.id]


def test_batches_take_turns(db: Database) -> None:
    """Two batches and the single jobs share what may start, however many jobs each has."""
    large = make_batch(db, *(wanted(n) for n in range(100, 140)))
    small = make_batch(db, *(wanted(n) for n in range(200, 210)))
    make(db, *(wanted(n) for n in range(300, 310)))
    shares = Counter(job.batch for job in claim(db, 9))
    assert shares == {large.id: 3, small.id: 3, None: 3}


def test_turns_go_round(db: Database) -> None:
    """With one slot, claimed again and again, nobody waits until the others have ended."""
    large = make_batch(db, *(wanted(n) for n in range(100, 160)))
    small = make_batch(db, *(wanted(n) for n in range(200, 260)))
    make(db, *(wanted(n) for n in range(300, 360)))
    shares: Counter[str | None] = Counter()
    for _ in range(60):
        (job,) = claim(db, 1)
        shares[job.batch] += 1
    assert set(shares) == {large.id, small.id, None}
    assert min(shares.values()) >= 5


def test_idle_batches_take_no_turn(sqlite_db: Database) -> None:
    """However many running batches have nothing that is due, one with due work has its turn."""
    with sqlite_db.write() as connection:
        for number in range(claims.MOST_GROUPS + 5):
            batch = batches.open_batch(connection, NewBatch("acme", "visma", "release_kit_assembly", "one"), "ops", NOW)
            insert_jobs(connection, [replace(wanted(number), batch=batch.id, run_at=later(600))], "ops", NOW)
            connection.execute(update(batch_rows).values(state="running"))
    late = make_batch(sqlite_db, wanted(9999))
    assert [job.batch for job in claim(sqlite_db, 5)] == [late.id]


def test_leftover_room_is_used(db: Database) -> None:
    """Who has less work than its share leaves the rest to the others."""
    large = make_batch(db, *(wanted(n) for n in range(100, 140)))
    make_batch(db, wanted(200))
    shares = Counter(job.batch for job in claim(db, 9))
    assert shares[large.id] == 8


def test_priority_goes_first(db: Database) -> None:
    """A higher priority goes before every batch's turn, a lower one after."""
    low, plain, high = make(db, replace(wanted(1), priority=-1), wanted(2), replace(wanted(3), priority=5))
    batch = make_batch(db, replace(wanted(4), priority=5), wanted(5))
    taken = claim(db, 5)
    assert {job.id for job in taken[:2]} == {high.id, *(job.id for job in taken[:2] if job.batch == batch.id)}
    assert taken[-1].id == low.id
    assert plain.id in ids(taken[2:4])


def test_waiting_due_is_looked_at(db: Database) -> None:
    """Looks come in the order due, and not before."""
    make(db, *(wanted(n) for n in range(3)))
    for job, wait in zip(claim(db, 3), (30, 10, 600), strict=True):
        settle(db, job, verdicts.accepted("taken", wait=wait))
    with db.read() as connection:
        found = claims.waiting(connection, LANE, later(60), 10)
        few = claims.waiting(connection, LANE, later(60), 1)
    assert [job.reference for job in found] == ["P/000001", "P/000000"]
    assert few == found[:1]


def test_requeue_writes_moves(db: Database) -> None:
    """Jobs whose backoff is over are in line again, and their timelines say so."""
    made = make(db, *(wanted(n) for n in range(3)))
    for job in claim(db, 3):
        settle(db, job, verdicts.retry(DOWN, ordered=60))
    with db.write() as connection:
        assert claims.requeue_due(connection, LANE, later(59)) == 0
        assert claims.requeue_due(connection, LANE, later(61)) == 3
    assert all(whole(moves_of(db, job), State.QUEUED) for job in made)


def meanwhile(db: Database, first: Callable[[Any], object], second: Callable[[Any], object]) -> list[object]:
    """Run `second` in a thread while `first` has written but not committed; what `second` gave."""
    found: list[object] = []

    def run() -> None:
        with db.write() as connection:
            found.append(second(connection))

    thread = threading.Thread(target=run)
    with db.write() as connection:
        first(connection)
        thread.start()
        thread.join(0.3)  # time enough to read and to come to the row that is locked
    thread.join(20)
    return found


def test_cancelled_meanwhile_stays(db: Database) -> None:
    """A job that a person cancels at the moment of a claim is not started."""
    (job,) = make(db)
    (taken,) = meanwhile(
        db,
        lambda connection: queue.cancel(db, connection, job, "ops", NOW),
        lambda connection: claims.claim(connection, LANE, "w", NOW, later(90), 5),
    )
    assert taken == []
    assert read(db, job).state is State.CANCELLED
    assert whole(moves_of(db, job), State.CANCELLED)


def test_cancelled_before_requeue(db: Database) -> None:
    """A job that is cancelled at the moment its backoff ends does not come back into line."""
    make(db)
    (job,) = claim(db)
    settle(db, job, verdicts.retry(DOWN))
    retrying = read(db, job)
    meanwhile(
        db,
        lambda connection: queue.cancel(db, connection, retrying, "ops", NOW),
        lambda connection: claims.requeue_due(connection, LANE, later(9999)),
    )
    assert whole(moves_of(db, job), State.CANCELLED)


def test_started_before_sweep(db: Database) -> None:
    """A job that starts at the moment its batch is swept goes on: it is not cancelled under its worker's hands."""
    batch = make_batch(db, wanted(1))

    def cancel_then_sweep(connection: Any) -> int:
        batches.turn(db, connection, batch.id, "cancel", NOW)
        return batches.sweep_cancelled(connection, NOW)

    swept = meanwhile(db, lambda connection: claims.claim(connection, LANE, "w", NOW, later(90), 5), cancel_then_sweep)
    (job,) = _all(db)
    assert swept == [0]
    assert job.state is State.RUNNING
    assert whole(moves_of(db, job), State.RUNNING)
    assert batch_now(db, batch).state == "cancelled"


def test_two_claims_share_nothing(db: Database) -> None:
    """Two transactions that claim at the same moment, with no lock around them, never get the same job."""
    make(db, *(wanted(n) for n in range(4)))
    first: list[Any] = []
    (second,) = meanwhile(
        db,
        lambda connection: first.extend(claims.claim(connection, LANE, "a", NOW, later(90), 3)),
        lambda connection: ids(claims.claim(connection, LANE, "b", NOW, later(90), 3)),
    )
    assert isinstance(second, list)
    assert len(first) == 3
    assert not set(ids(first)) & set(second)


@pytest.mark.timeout(60)
def test_threads_share_nothing(db: Database) -> None:
    """Several workers claim and settle three hundred jobs on sixty documents: no job twice, no document by two at once."""
    make(db, *(wanted(n % 60) for n in range(240)))
    make_batch(db, *(wanted(n) for n in range(60)))
    held: dict[str, str] = {}
    done: list[str] = []
    faults: list[str] = []
    lock = threading.Lock()

    def work(worker: str) -> None:
        luck = random.Random(worker)
        while len(done) < 300 and not faults:
            taken = claim(db, luck.randint(1, 8), worker=worker)
            with lock:
                faults.extend(job.id for job in taken if job.subject in held or job.id in done)
                held.update({str(job.subject): worker for job in taken})
            for job in taken:
                with lock:
                    del held[str(job.subject)]
                    done.append(job.id)
                if not settle(db, job, verdicts.done("seen")):
                    faults.append(f"{job.id} was taken away")

    threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(50)
    assert not faults
    assert len(done) == len(set(done)) == 300
    assert {job.state for job in _all(db)} == {State.SUCCEEDED}


def _all(db: Database) -> list[Any]:
    from worker.jobs.search import JobFilter, find_jobs  # noqa: PLC0415

    with db.read() as connection:
        return find_jobs(connection, JobFilter(), 1000)


def test_two_lanes_one_document(postgres_db: Database) -> None:
    """Two lanes that claim work on one document in the same moment: the first has it, the other gets nothing now, and no error."""
    db = postgres_db
    elsewhere = Lane("acme", "itempath")
    make(db, wanted(1, subject="kit/X", erp="itempath", run_at=later(10)), wanted(2, subject="kit/X"))
    found: list[list[str]] = []
    with db.write() as connection:
        # The first claim is not committed yet, so the second can't see it, and has to wait for it.
        first = claims.claim(connection, LANE, "a", NOW, NOW + LEASE, 1)
        second = threading.Thread(target=lambda: found.append(ids(claim(db, now=later(20), worker="b", lane=elsewhere))))
        second.start()
        second.join(0.5)
        assert second.is_alive() or found == [[]]
    second.join(20.0)

    assert (len(first), found) == (1, [[]])
