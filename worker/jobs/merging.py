"""Make jobs, or give those that wait for the same already: what is announced several times at one moment is done once."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from zlib import crc32

import orjson
from sqlalchemy import bindparam, select

from worker.jobs.making import insert_jobs
from worker.jobs.outcomes import Made
from worker.jobs.states import State
from worker.jobs.tables import jobs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection

    from worker.jobs.engine import Database
    from worker.jobs.verdicts import NewJob

LOCKS: Final = 32
SAME_MOMENT: Final = timedelta(seconds=5)
"""What starts further apart than this is another wish: somebody planned it for then."""

_Same = tuple[str, str, str | None, bytes]
"""What jobs that do the same have in common."""


@dataclass(frozen=True, slots=True)
class _Serving:
    """A job that others may join: its id, or where it stands among those to be made."""

    job: str | int
    due_at: datetime
    priority: int


def merge_jobs(db: Database, connection: Connection, news: Sequence[NewJob], made_by: str, now: datetime) -> list[Made]:
    """The jobs that do what is asked for, in the same order: made now, or there before. Call it in a write transaction.

    A job serves if it has the same tenant, kind and subject and equal arguments, is queued, was never started, is part of no batch, may
    start at the same moment and comes no later in turn. It has not looked at anything yet, so it will see what has just changed. What
    has no subject, or a unique key or a batch of its own, is always made.
    """
    able = [new for new in news if _may_join(new)]
    for name in sorted({_lock(new) for new in able}):  # in one order: no deadlocks
        db.serialise(connection, name)
    serving = _present(connection, able)
    fresh: list[NewJob] = []
    chosen: list[tuple[str | int, bool]] = []
    for new in news:
        found = _joined(serving.get(_same(new), ()), new, now) if _may_join(new) else None
        chosen.append((len(fresh), False) if found is None else (found, True))
        if found is None:
            serving[_same(new)].append(_Serving(len(fresh), new.run_at or now, new.priority))
            fresh.append(new)
    made = insert_jobs(connection, fresh, made_by, now)
    return [Made(made[job].id if isinstance(job, int) else job, joined) for job, joined in chosen]


def _may_join(new: NewJob) -> bool:
    return new.subject is not None and new.unique_key is None and new.batch is None


def _lock(new: NewJob) -> str:
    """Subjects share a few locks: a transaction with thousands of them must not need thousands of locks."""
    return f"merge/{new.tenant}/{crc32((new.subject or '').encode()) % LOCKS}"


def _present(connection: Connection, able: Sequence[NewJob]) -> defaultdict[_Same, list[_Serving]]:
    """The jobs in the queue that those asked for may join."""
    found: defaultdict[_Same, list[_Serving]] = defaultdict(list)
    if not able:
        return found
    given = {"tenants": sorted({new.tenant for new in able}), "subjects": sorted({new.subject or "" for new in able})}
    for row in sorted(connection.execute(_PRESENT, given), key=lambda row: str(row.id)):
        found[row.tenant, row.kind, row.subject, _digest(row.arguments)].append(_Serving(row.id, row.due_at, row.priority))
    return found


def _joined(present: Iterable[_Serving], new: NewJob, now: datetime) -> str | int | None:
    start = max(new.run_at or now, now)
    near = (each for each in present if abs(max(each.due_at, now) - start) <= SAME_MOMENT)
    return next((each.job for each in near if each.priority >= new.priority), None)


def _same(new: NewJob) -> _Same:
    return new.tenant, new.kind, new.subject, _digest(new.arguments)


def _digest(arguments: Mapping[str, object]) -> bytes:
    return orjson.dumps(arguments, option=orjson.OPT_SORT_KEYS)


_PRESENT: Final = select(jobs.c.id, jobs.c.tenant, jobs.c.kind, jobs.c.subject, jobs.c.arguments, jobs.c.due_at, jobs.c.priority).where(
    jobs.c.tenant.in_(bindparam("tenants", expanding=True)),
    jobs.c.subject.is_not(None),
    jobs.c.subject.in_(bindparam("subjects", expanding=True)),
    jobs.c.state == State.QUEUED.value,  # no literal, and in no order: the index of subjects is the one to use
    jobs.c.starts == 0,
    jobs.c.batch.is_(None),
    jobs.c.unique_key.is_(None),
)
