"""New jobs as rows: many at a time, in one statement."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from sqlalchemy import insert, update

from worker.jobs.indexing import index
from worker.jobs.model import Job, new_id
from worker.jobs.rows import values_of
from worker.jobs.tables import batches, jobs
from worker.jobs.tagging import tag

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import Connection

    from worker.jobs.verdicts import NewJob


def job_from(new: NewJob, made_by: str, now: datetime) -> Job:
    """The job that a request makes, queued and due at its `run_at` or now."""
    return Job(
        id=new_id(),
        tenant=new.tenant,
        erp=new.erp,
        kind=new.kind,
        arguments=new.arguments,
        reference=new.reference,
        created_at=now,
        due_at=new.run_at or now,
        made_by=made_by,
        max_attempts=new.max_attempts,
        subject=new.subject,
        batch=new.batch,
        unique_key=new.unique_key,
        priority=new.priority,
        tags=new.tags,
    )


def insert_jobs(connection: Connection, news: Iterable[NewJob], made_by: str, now: datetime) -> list[Job]:
    """Make the jobs and their tags; give them back in the order asked."""
    made = [job_from(new, made_by, now) for new in news]
    if not made:
        return []
    connection.execute(insert(jobs), [values_of(job) for job in made])
    tag(connection, made)
    index(connection, made)
    return made


def add_to_totals(connection: Connection, news: Iterable[NewJob]) -> None:
    """Count jobs that joined their batch after it was made."""
    for batch, count in Counter(new.batch for new in news if new.batch is not None).items():
        connection.execute(update(batches).where(batches.c.id == batch).values(total=batches.c.total + count))
