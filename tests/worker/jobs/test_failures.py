"""Failed jobs by reason: what is one group, in which order, for whom."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from tests.worker.jobs.acting import NOW, claim, later, make, make_batch, read, settle, wanted
from worker.jobs import fleet, queue, verdicts
from worker.jobs.failures import FailureFilter, failure_groups
from worker.jobs.messages import LONGEST, normalised
from worker.jobs.model import JobError, Lane
from worker.jobs.tables import jobs

if TYPE_CHECKING:
    from worker.jobs.engine import Database
    from worker.jobs.failures import FailureGroup, Position
    from worker.jobs.model import Job
    from worker.jobs.verdicts import NewJob


def fail(db: Database, new: NewJob, message: str, seconds: float, error_class: str = "validation") -> Job:
    """Make a job and let it fail so many seconds after `NOW`."""
    make(db, new)
    (job,) = claim(db, lane=Lane(new.tenant, new.erp))
    settle(db, job, verdicts.failed(JobError(error_class, message, 400)), later(seconds))
    return read(db, job)


def groups(
    db: Database, tenants: tuple[str, ...] | None = None, limit: int = 50, after: Position | None = None, **asked: Any
) -> list[FailureGroup]:
    """Ask for groups."""
    with db.read() as connection:
        return failure_groups(connection, tenants, FailureFilter(**asked), limit=limit, after=after)


def group_of(db: Database, job: Job) -> str | None:
    """What the row says of the job's reason."""
    with db.read() as connection:
        found: str | None = connection.execute(select(jobs.c.error_group).where(jobs.c.id == job.id)).scalar_one()
        return found


def test_same_reason_is_one_group(db: Database) -> None:
    """Jobs that failed alike are one group, with their number, when the first and the last failed, and the newest as example."""
    fail(db, wanted(1), "P/000001 has 3 open lines", 30)
    newest = fail(db, wanted(2), "P/000002 has 41 open lines", 10)
    fail(db, wanted(3), "no access", 5, "auth")
    first, second = groups(db)
    assert (first.tenant, first.kind, first.error_class, first.message) == (
        "acme",
        "release_kit_assembly",
        "validation",
        "<document> has <n> open lines",
    )
    assert (first.count, first.first_at, first.last_at, first.example) == (2, later(10), later(30), newest.id)
    assert (second.error_class, second.count) == ("auth", 1)


def test_each_part_divides(db: Database) -> None:
    """Another tenant, kind, class or message is another group."""
    fail(db, wanted(1), "closed", 1)
    fail(db, wanted(2, tenant="other"), "closed", 2)
    fail(db, wanted(3, kind="delete_kit_assembly"), "closed", 3)
    fail(db, wanted(4), "closed", 4, "conflict")
    fail(db, wanted(5), "shut", 5)
    assert [group.count for group in groups(db)] == [1] * 5


def test_newest_failure_comes_first(db: Database) -> None:
    """Pages go from what failed last to what failed first, each group once, also where two failed at one moment."""
    for number, seconds in enumerate((5, 9, 9, 1)):
        fail(db, wanted(number), f"reason {'abcd'[number]}", seconds)
    seen: list[FailureGroup] = []
    page = groups(db, limit=1)
    while page:
        seen += page
        page = groups(db, limit=1, after=page[-1].position)
    assert [group.message[-1] for group in seen] == ["c", "b", "a", "d"]


def test_filters_of_failures(db: Database) -> None:
    """Groups of some tenants, of a kind, a class, a batch, and of what failed in a time."""
    batch = make_batch(db, wanted(1))
    (job,) = claim(db)
    settle(db, job, verdicts.failed(JobError("auth", "in a batch")), later(5))
    fail(db, wanted(2, tenant="other"), "elsewhere", 10)
    fail(db, wanted(3, kind="delete_kit_assembly"), "deleting", 20, "conflict")
    asked: list[tuple[dict[str, Any], list[str]]] = [
        ({}, ["deleting", "elsewhere", "in a batch"]),
        ({"tenants": ("acme",)}, ["deleting", "in a batch"]),
        ({"tenants": ()}, []),
        ({"tenants": ("acme",), "tenant": "other"}, []),
        ({"tenant": "other"}, ["elsewhere"]),
        ({"kind": "delete_kit_assembly"}, ["deleting"]),
        ({"error_class": "auth"}, ["in a batch"]),
        ({"batch": batch.id}, ["in a batch"]),
        ({"since": later(10)}, ["deleting", "elsewhere"]),
        ({"until": later(10)}, ["in a batch"]),
    ]
    assert [[group.message for group in groups(db, **each)] for each, _ in asked] == [found for _, found in asked]


def test_replayed_job_is_in_no_group(db: Database) -> None:
    """A job that leaves `failed` leaves its group at once: replayed or discarded."""
    again, given_up = fail(db, wanted(1), "closed", 1), fail(db, wanted(2), "closed", 2)
    assert groups(db)[0].count == 2
    with db.write() as connection:
        queue.replay(db, connection, again, "ops", later(3))
    assert groups(db)[0].count == 1
    with db.write() as connection:
        queue.discard(db, connection, given_up, "ops", later(4))
    assert groups(db) == []
    assert [group_of(db, job) for job in (again, given_up)] == [None, None]


def test_retrying_job_is_in_no_group(db: Database) -> None:
    """An error that another attempt may cure is no failure yet."""
    make(db)
    (job,) = claim(db)
    settle(db, job, verdicts.retry(JobError("timeout", "no answer")))
    assert group_of(db, job) is None
    assert groups(db) == []


def test_set_aside_jobs_are_grouped(db: Database) -> None:
    """Jobs that fail by killing their worker are grouped too."""
    make(db)
    for round_ in range(3):
        (job,) = claim(db, now=later(100 * round_))
        with db.write() as connection:
            (freed,) = fleet.reap(db, connection, later(100 * round_ + 91), 12)
        if round_ < 2:
            settle(db, freed, verdicts.again("not there"), later(100 * round_ + 92))
    assert [(group.error_class, group.message) for group in groups(db)] == [("poison", "it ended its worker <n> times")]
    assert job.created_at == NOW


def test_long_messages_are_cut(db: Database) -> None:
    """The beginning of a long message names its group; the job keeps the message whole."""
    message = "word " * 400
    job = fail(db, replace(wanted(1)), message, 1)
    assert group_of(db, job) == normalised(message)[:LONGEST]
    assert job.error is not None
    assert job.error.message == message
