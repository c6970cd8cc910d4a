"""Counts of what came to its end, and a ledger that is brought up with jobs in it."""

from __future__ import annotations

from importlib.resources import files

from alembic import command
from alembic.config import Config
from sqlalchemy import column, func, insert, select, table

from tests.worker.jobs.acting import NOW, claim, later, make, make_batch, read, settle, turned, wanted
from worker.jobs import batches, endings, overview, queue, search, verdicts
from worker.jobs.engine import Database
from worker.jobs.failures import failure_groups
from worker.jobs.filters import JobFilter
from worker.jobs.ledger import migrate
from worker.jobs.model import JobError
from worker.jobs.overview import Count
from worker.jobs.tables import endings as rows

FAILED = verdicts.failed(JobError("validation", "line 7 is wrong"))


def final(db: Database) -> dict[str, int]:
    """How many jobs stand in each final state."""
    with db.read() as connection:
        return {count.state: count.jobs for count in overview.final_counts(connection)}


def test_ends_are_counted(db: Database) -> None:
    """Each end counts, and a job that leaves it by a replay counts no more."""
    make(db, *(wanted(n) for n in range(4)))
    one, two, three, _ = claim(db, 4)
    settle(db, one, verdicts.done("seen"))
    settle(db, two, FAILED)
    settle(db, three, FAILED)
    assert final(db) == {"succeeded": 1, "failed": 2}
    with db.write() as connection:
        queue.replay(db, connection, read(db, two), "ops", later(1))
        queue.discard(db, connection, read(db, three), "ops", later(1))
    assert final(db) == {"succeeded": 1, "cancelled": 1}


def test_cancelled_batches_are_counted(db: Database) -> None:
    """Jobs that end with their batch count as well."""
    batch = make_batch(db, *(wanted(n) for n in range(5)))
    turned(db, batch, "cancel")
    with db.write() as connection:
        assert batches.sweep_cancelled(connection, NOW, 3) == 3
        assert batches.sweep_cancelled(connection, NOW, 3) == 2
    assert final(db) == {"cancelled": 5}


def test_counts_are_folded(db: Database) -> None:
    """Folding leaves one row for each count that is not nought, and changes none."""
    make(db, *(wanted(n) for n in range(3)))
    for job in claim(db, 3):
        settle(db, job, FAILED)
        with db.write() as connection:
            queue.replay(db, connection, read(db, job), "ops", later(1))
    for job in claim(db, 2, now=later(2)):
        settle(db, job, verdicts.done("seen"))
    before = final(db)
    with db.write() as connection:
        endings.fold(connection)
        assert connection.execute(select(func.count()).select_from(rows)).scalar_one() == 1
    assert final(db) == before == {"succeeded": 2}


def test_older_jobs_are_found(database_url: str) -> None:
    """What was in a ledger before it knew words, reasons and counts is found, grouped and counted after it is brought up."""
    config = Config()
    config.set_main_option("script_location", str(files("worker.jobs") / "migrations"))
    db = Database(database_url)
    whole = {
        "tenant": "acme",
        "erp": "visma",
        "kind": "release_kit_assembly",
        "arguments": '{"ref_no": "000123"}',
        "reference": "P/000123",
        "tags": '["rush"]',
        "made_by": "ops",
        "progress": "{}",
        **dict.fromkeys(("priority", "attempt", "max_attempts", "deaths", "starts", "fence", "created_at", "due_at"), 1),
    }
    failed = {"id": "1", "state": "failed", "finished_at": 5, "error_class": "auth", "error_message": "line 7 is wrong"}
    queued = {"id": "2", "state": "queued", "finished_at": None, "error_class": None, "error_message": None}
    older = table("jobs", *map(column, {**whole, **failed}))
    with db.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        connection.execute(insert(older), [{**whole, **failed}, {**whole, **queued}])
    migrate(database_url)
    with db.read() as connection:
        assert [job.id for job in search.find_jobs(connection, JobFilter(q="rush 0001"), 9)] == ["2", "1"]
        assert [job.id for job in search.find_jobs(connection, JobFilter(q="wrong"), 9)] == ["1"]
        assert [(group.message, group.count) for group in failure_groups(connection, None, limit=9)] == [("line <n> is wrong", 1)]
        assert overview.final_counts(connection) == [Count("acme", "visma", "failed", 1)]
    db.close()
