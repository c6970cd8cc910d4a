"""The tags of jobs as rows: written with the job, and told when it comes to its end or leaves it."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, insert, update

from worker.jobs.states import FINAL
from worker.jobs.tables import job_tags

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

    from worker.jobs.model import Job
    from worker.jobs.states import State


def tag(connection: Connection, made: Iterable[Job]) -> None:
    """Write the tags of new jobs."""
    rows = [{"tag": each, "job": job.id, **{name: getattr(job, name) for name in _OF_JOB}} for job in made for each in job.tags]
    if rows:
        connection.execute(_INSERT, rows)


def retag(connection: Connection, pairs: Iterable[tuple[Job, Job]]) -> None:
    """Write what moves change: each job before and after. Those without tags, and moves between open states, cost nothing."""
    ended: defaultdict[str | None, list[str]] = defaultdict(list)
    for before, after in pairs:
        if after.tags and _ended(before.state) != _ended(after.state):
            ended[_ended(after.state)].append(after.id)
    for came_to, job_ids in ended.items():
        connection.execute(_ENDED, {"of": job_ids, "came_to": came_to})


def retag_all(connection: Connection, job_ids: Sequence[str], state: State) -> None:
    """The same for jobs that all came to one final state."""
    connection.execute(_ENDED, {"of": list(job_ids), "came_to": _ended(state)})


def _ended(state: State) -> str | None:
    return state.value if state in FINAL else None


_OF_JOB: Final = ("tenant", "kind", "batch")
_INSERT: Final = insert(job_tags)
_ENDED: Final = update(job_tags).where(job_tags.c.job.in_(bindparam("of", expanding=True))).values(ended=bindparam("came_to"))
