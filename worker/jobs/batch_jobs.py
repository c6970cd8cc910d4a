"""A batch's jobs in the orders that its page asks for: what moved last, and all of them from the first to the last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import Integer, bindparam, select, union_all

from worker.jobs.rows import job_of
from worker.jobs.states import State
from worker.jobs.tables import jobs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from worker.jobs.engine import Database
    from worker.jobs.model import Job

PORTION: Final = 1_000
_MOST_AWAY: Final = 5


def latest(connection: Connection, batch_id: str, limit: int) -> list[Job]:
    """A few that run now or wait for the ERP, then those that came to their end last; where neither is enough, those that are next."""
    found: dict[str, Job] = {}
    for statement, most in ((_RUNNING, _MOST_AWAY), (_WAITING, _MOST_AWAY), (_ENDED, limit), (_NEXT, limit)):
        left = min(most, limit) - len(found)
        if left <= 0:
            continue
        rows = connection.execute(statement, {"batch": batch_id, "most": left})
        found |= {job.id: job for job in map(job_of, rows)}
    return list(found.values())


def portions(db: Database, batch_id: str, size: int = PORTION) -> Iterator[list[Job]]:
    """All of the batch's jobs, in the order made, a transaction for each portion: memory holds one at a time."""
    after = ""
    while True:
        with db.read() as connection:
            found = portion(connection, batch_id, after, size)
        if found:
            yield found
        if len(found) < size:
            return
        after = found[-1].id


def portion(connection: Connection, batch_id: str, after: str, size: int) -> list[Job]:
    """The batch's next jobs after an id, in the order made."""
    return [job_of(row) for row in connection.execute(_PORTION, {"batch": batch_id, "after": after, "most": size})]


_HERE: Final = jobs.c.batch == bindparam("batch")
_MOST: Final = bindparam("most", type_=Integer())
_RUNNING: Final = select(jobs).where(_HERE, jobs.c.state == State.RUNNING.value).order_by(jobs.c.id).limit(_MOST)
_WAITING: Final = select(jobs).where(_HERE, jobs.c.state == State.WAITING.value).order_by(jobs.c.id).limit(_MOST)
_ENDED: Final = select(jobs).where(_HERE, jobs.c.finished_at.is_not(None)).order_by(jobs.c.finished_at.desc()).limit(_MOST)
_NEXT: Final = select(jobs).where(_HERE, jobs.c.state == State.QUEUED.value).order_by(jobs.c.id).limit(_MOST)
_PARTS: Final = [
    select(jobs.c.id).where(_HERE, jobs.c.state == state.value, jobs.c.id > bindparam("after")).order_by(jobs.c.id).limit(_MOST).subquery()
    for state in State
]
_IDS: Final = union_all(*(select(part.c.id) for part in _PARTS)).subquery()
_FIRST: Final = select(_IDS.c.id).order_by(_IDS.c.id).limit(_MOST).subquery()
_PORTION: Final = select(jobs).join(_FIRST, jobs.c.id == _FIRST.c.id).order_by(jobs.c.id)
"""In the index of a batch's jobs the ids stand in order for each state: so no portion reads more than it gives, for each of them."""
