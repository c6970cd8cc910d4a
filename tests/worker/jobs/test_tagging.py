"""The tags of jobs as rows: what they say of their jobs, as these come to their end and leave it, and in a ledger that had tags before."""

from __future__ import annotations

from collections import Counter
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from alembic import command
from alembic.config import Config
from sqlalchemy import column, event, insert, select, table

from tests.worker.jobs.acting import NOW, claim, later, make, make_batch, read, settle, turned, wanted
from worker.jobs import batches, overview, queue, search, verdicts
from worker.jobs.engine import Database
from worker.jobs.filters import JobFilter
from worker.jobs.ledger import migrate
from worker.jobs.model import JobError
from worker.jobs.overview import Count
from worker.jobs.states import State
from worker.jobs.tables import job_tags
from worker.jobs.tallies import tally

if TYPE_CHECKING:
    from worker.jobs.model import Job

FAILED: Final = verdicts.failed(JobError("validation", "line 7 is wrong"))
KIND: Final = "release_kit_assembly"


def ends(db: Database, tag: str = "red") -> dict[str, str | None]:
    """The end of each job with the tag, by its id."""
    with db.read() as connection:
        rows = connection.execute(select(job_tags.c.job, job_tags.c.ended).where(job_tags.c.tag == tag))
        return {row.job: row.ended for row in rows}


def statements(db: Database, job: Job, verdict: verdicts.Verdict) -> list[str]:
    """What is written to the tags by a verdict."""
    seen: list[str] = []

    def keep(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "job_tags" in statement:
            seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", keep)
    try:
        assert settle(db, job, verdict)
    finally:
        event.remove(db.engine, "before_cursor_execute", keep)
    return seen


def test_tags_know_their_job(db: Database) -> None:
    """A row for each tag, with what never changes of the job; open at first."""
    batch = make_batch(db, wanted(1, tags=("red", "blue")), wanted(2))
    (job,) = (job for job in (read(db, each) for each in ends(db)) if job.tags)
    with db.read() as connection:
        rows = [tuple(row) for row in connection.execute(select(job_tags).order_by(job_tags.c.tag))]
    assert rows == [(tag, job.id, "acme", KIND, None, batch.id) for tag in ("blue", "red")]


def test_ends_are_told(db: Database) -> None:
    """A tag says how its job ended, and that it is open again after a replay."""
    one, two, three = make(db, *(wanted(n, tags=("red",)) for n in range(3)))
    first, second, _ = claim(db, 3)
    settle(db, first, verdicts.done("seen"))
    settle(db, second, FAILED)
    assert ends(db) == {one.id: "succeeded", two.id: "failed", three.id: None}
    with db.write() as connection:
        queue.replay(db, connection, read(db, two), "ops", later(1))
    assert ends(db) == {one.id: "succeeded", two.id: None, three.id: None}


def test_swept_batches_are_told(db: Database) -> None:
    """Jobs that end with their batch end for their tags as well."""
    batch = make_batch(db, *(wanted(n, tags=("red",)) for n in range(4)))
    turned(db, batch, "cancel")
    with db.write() as connection:
        batches.sweep_cancelled(connection, NOW, 3)
    assert Counter(ends(db).values()) == {"cancelled": 3, None: 1}


def test_untagged_jobs_cost_nothing(db: Database) -> None:
    """No statement is for the tags of jobs that have none, nor for a move between open states."""
    make(db, wanted(1), wanted(2, tags=("red",)), wanted(3, tags=("red",)))
    bare, going, ending = claim(db, 3)
    assert statements(db, bare, verdicts.done("seen")) == []
    assert statements(db, going, verdicts.accepted("taken", wait=60, erp_id="op")) == []
    assert len(statements(db, ending, verdicts.done("seen"))) == 1


def test_older_tags_are_counted(database_url: str) -> None:
    """Tags and ends of a ledger that knew less of them are right after it is brought up, and go on being so."""
    config = Config()
    config.set_main_option("script_location", str(files("worker.jobs") / "migrations"))
    db = Database(database_url)
    with db.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
        connection.execute(insert(table("batches", *map(column, OLD_BATCH))), [OLD_BATCH])
        connection.execute(insert(table("jobs", *map(column, old_job("0", "queued")))), OLD_JOBS)
        rows = [{"tag": tag, "job": job["id"]} for job in OLD_JOBS for tag in ("red", "blue")]
        connection.execute(insert(table("job_tags", column("tag"), column("job"))), rows)
        old_ends = [{"tenant": "acme", "erp": "visma", "state": state, "jobs": 1} for state in ("failed", "succeeded", "failed")]
        connection.execute(insert(table("endings", *map(column, old_ends[0]))), old_ends)
    migrate(database_url)
    with db.read() as connection:
        kept = sorted(tuple(row) for row in connection.execute(select(job_tags).where(job_tags.c.tag == "red")))
        assert tally(connection, JobFilter(tag="blue")) == tally(connection, JobFilter()) == BEFORE
        assert overview.final_counts(connection) == [Count("acme", "visma", "failed", 2), Count("acme", "visma", "succeeded", 1)]
    assert [row[1:] for row in kept] == [
        ("1", "acme", KIND, "failed", None),
        ("2", "acme", KIND, "failed", "many"),
        ("3", "acme", KIND, "succeeded", None),
        ("4", "acme", KIND, None, None),
    ]
    with db.write() as connection:
        queue.discard(db, connection, queue.find(connection, "1"), "ops", later(1))
    with db.read() as connection:
        assert [job.id for job in search.find_jobs(connection, JobFilter(tag="red", state=("cancelled",)), 9)] == ["1"]
        assert tally(connection, JobFilter(tag="red")) == tally(connection, JobFilter()) == {**BEFORE, **AFTER}
    db.close()


def old_job(name: str, state: str, batch: str | None = None) -> dict[str, Any]:
    """A row of `jobs` as it was then."""
    return {
        "id": name,
        "state": state,
        "finished_at": None if state == "queued" else 5,
        "error_class": "auth" if state == "failed" else None,
        "batch": batch,
        "tenant": "acme",
        "erp": "visma",
        "kind": KIND,
        "arguments": "{}",
        "reference": f"P/{name}",
        "tags": '["red", "blue"]',
        "made_by": "ops",
        "progress": "{}",
        **dict.fromkeys(("priority", "attempt", "max_attempts", "deaths", "starts", "fence", "created_at", "due_at"), 1),
    }


OLD_BATCH: Final = {
    "id": "many",
    "tenant": "acme",
    "erp": "visma",
    "kind": KIND,
    "name": "many",
    "state": "finished",
    "made_by": "ops",
    "planned": "{}",
    "tags": "[]",
    **dict.fromkeys(("created_at", "total", "touched_at", "priority"), 1),
}
OLD_JOBS: Final = [old_job("1", "failed"), old_job("2", "failed", "many"), old_job("3", "succeeded"), old_job("4", "queued")]
BEFORE: Final = {(State.FAILED, KIND): 2, (State.SUCCEEDED, KIND): 1, (State.QUEUED, KIND): 1}
AFTER: Final = {(State.FAILED, KIND): 1, (State.CANCELLED, KIND): 1}
