"""Jobs that do the same are made once while they wait."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event

from tests.worker.jobs.acting import NOW, claim, later, make, make_batch, read
from worker.jobs import queue, search
from worker.jobs.merging import merge_jobs
from worker.jobs.model import Lane
from worker.jobs.verdicts import NewJob

if TYPE_CHECKING:
    from worker.jobs.engine import Database

INTACCT = Lane("acme", "intacct")


def sync(kit: str = "K1", **changes: Any) -> NewJob:
    """A sync of a kit, due in a second."""
    new = NewJob("acme", "intacct", "sync_kit_lines", {"kit": kit}, kit, f"kit/{kit}", 3, run_at=later(1))
    return replace(new, **changes)


def merge(db: Database, *news: NewJob, seconds: float = 0) -> list[str]:
    """Make or join."""
    with db.write() as connection:
        return [made.job for made in merge_jobs(db, connection, news, "a test", later(seconds))]


def count(db: Database) -> int:
    """How many jobs there are."""
    with db.read() as connection:
        return len(search.find_jobs(connection, search.JobFilter(), 1000))


def test_waiting_job_is_joined(db: Database) -> None:
    """What is asked for again while it waits to be started is the job there is; it stays as it was."""
    (first,) = merge(db, sync())
    (again,) = merge(db, sync(run_at=later(1.8)), seconds=0.8)

    assert (again, count(db)) == (first, 1)
    job = read(db, first)
    assert (job.due_at, job.made_by, job.arguments, job.lane) == (later(1), "a test", {"kit": "K1"}, INTACCT)


@pytest.mark.parametrize(
    "other",
    [
        sync("K2"),
        sync(arguments={"kit": "K1", "force": True}),
        sync(tenant="globex"),
        sync(kind="delete_kit_line"),
        sync(subject=None),
        sync(unique_key="k"),
        sync(priority=5),
    ],
)
def test_other_wish_is_made(db: Database, other: NewJob) -> None:
    """Another kit, tenant, kind, argument or urgency is another job."""
    (first,) = merge(db, sync())

    assert merge(db, other) != [first]
    assert count(db) == 2


def test_started_job_is_not_joined(db: Database) -> None:
    """A job that was ever started may have read before the change: it is not joined, not even when it is in the queue again."""
    (first,) = merge(db, sync())
    claim(db, now=later(2), lane=INTACCT)
    (second,) = merge(db, sync(run_at=later(3)), seconds=2)
    assert second != first

    with db.write() as connection:
        connection.exec_driver_sql("UPDATE jobs SET state = 'queued' WHERE starts = 1")
    assert merge(db, sync(run_at=later(4)), seconds=3) == [second]


def test_ended_job_is_not_joined(db: Database) -> None:
    """Nor is one that was cancelled."""
    (first,) = merge(db, sync())
    with db.write() as connection:
        queue.cancel(db, connection, queue.find(connection, first), "ops", NOW)

    assert merge(db, sync()) != [first]


def test_planned_job_is_not_joined(db: Database) -> None:
    """A job planned for tomorrow does not put off what is wanted now, nor is it done today; it is joined when its time is near."""
    (planned,) = make(db, sync(run_at=later(86_400)))
    (at_once,) = merge(db, sync())

    assert at_once != planned.id
    assert merge(db, sync(run_at=later(86_399))) == [planned.id]
    assert merge(db, sync(run_at=later(43_200))) not in ([planned.id], [at_once])


def test_job_in_long_line_is_joined(db: Database) -> None:
    """A job that has been due for long, since its lane is busy or down, is joined all the same."""
    (first,) = merge(db, sync())

    assert merge(db, sync(run_at=later(3601)), seconds=3600) == [first]


def test_batch_keeps_its_jobs(db: Database) -> None:
    """A job of a batch may be paused or cancelled with it: it is not joined; and a batch's own job is made."""
    batch = make_batch(db, sync(run_at=None))
    (single,) = merge(db, sync())
    (more,) = merge(db, sync(batch=batch.id))

    assert len({single, more}) == 2
    assert count(db) == 3


def test_many_at_once(db: Database) -> None:
    """Of many that are asked for together, equal ones are one job; the ids come in the order asked."""
    (known,) = merge(db, sync("K9"))
    found = merge(db, sync("K1"), sync("K2"), sync("K9"), sync("K1", run_at=later(2)), sync("K2"))

    assert found == [found[0], found[1], known, found[0], found[1]]
    assert [read(db, job).reference for job in found] == ["K1", "K2", "K9", "K1", "K2"]
    assert merge(db) == []


def test_two_processes_at_once(db: Database) -> None:
    """However many look at one moment, one makes the job and the others join it, whatever the order in which they name kits."""
    rounds, threads = 6, 8
    start = Barrier(threads)
    found: list[set[str]] = [set() for _ in range(threads)]

    def ask(number: int) -> None:
        for turn in range(rounds):
            kits = [sync(f"A{turn}"), sync(f"B{turn}")]
            start.wait(60)
            found[number].update(merge(db, *(kits if number % 2 else reversed(kits))))

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(ask, range(threads)))

    assert {len(each) for each in found} == {2 * rounds}
    assert len(set().union(*found)) == count(db) == 2 * rounds


def test_index_is_used(sqlite_db: Database) -> None:
    """What waits is found by its subject, not by going through all jobs."""
    seen: list[tuple[str, Any]] = []
    make(sqlite_db, *(sync(f"K{n}") for n in range(50)))
    with sqlite_db.write() as connection:
        event.listen(connection, "before_cursor_execute", lambda *given: seen.append((given[2], given[3])))
        merge_jobs(sqlite_db, connection, [sync("K3")], "a test", NOW)
        statement, parameters = next(each for each in seen if each[0].startswith("SELECT"))
        plan = [row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]

    assert any("ix_jobs_subject (tenant=? AND subject=?)" in line for line in plan), plan
