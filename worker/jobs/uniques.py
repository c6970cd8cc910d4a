"""Jobs that are made once: those with a unique key, and those that do what a waiting one will do. Many at a time, in one transaction."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from zlib import crc32

from sqlalchemy import bindparam, or_, select

from worker.jobs.making import insert_jobs
from worker.jobs.merging import merge_jobs
from worker.jobs.outcomes import Made
from worker.jobs.states import OPEN, State
from worker.jobs.tables import Moment, jobs
from worker.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from worker.jobs.engine import Database
    from worker.jobs.model import Job
    from worker.jobs.verdicts import NewJob

UNIQUE_LIFE: Final = timedelta(hours=24)
"""How long a unique key holds after its job was made; while the job is open it holds anyway."""

LOCKS: Final = 32
"""Keys share so many locks for each tenant and kind: a transaction that makes thousands of jobs must not need thousands of locks."""

_Key = tuple[str, str, str]


def make_jobs(db: Database, connection: Connection, news: Sequence[NewJob], made_by: str, now: datetime) -> list[Made]:
    """The jobs that do what is asked for, in the same order: made now, or there before. Call it in a write transaction.

    One with a unique key is the job there is with that key, of its tenant and kind, open or made in the last 24 hours. Others may join a
    waiting job that does the same (`merge_jobs`); but what creates something is created as often as it is asked for.
    """
    found: dict[int, Made] = {}
    joinable = [place for place, new in enumerate(news) if new.unique_key is None and _may_join(new)]
    found.update(zip(joinable, merge_jobs(db, connection, [news[place] for place in joinable], made_by, now), strict=True))
    rest = [place for place in range(len(news)) if place not in found]
    found.update(zip(rest, make_unique(db, connection, [news[place] for place in rest], made_by, now), strict=True))
    return [found[place] for place in range(len(news))]


def superseded(db: Database, connection: Connection, found: Sequence[Job]) -> dict[str, str]:
    """Those of the jobs, which are over, whose unique key another job has, and that job: to do them again would do one thing twice.

    The other is open, or was made later and succeeded, or is a later one of these. Call it in a write transaction: until it ends nobody
    takes one of the keys.
    """
    by_key: defaultdict[_Key, list[Job]] = defaultdict(list)
    for job in sorted((job for job in found if job.unique_key is not None), key=lambda job: job.id):
        by_key[job.tenant, job.kind, job.unique_key or ""].append(job)
    if not by_key:
        return {}
    for name in sorted({lock_for(jobs_of_key[0]) for jobs_of_key in by_key.values()}):  # in one order: no deadlocks
        db.serialise(connection, name)
    others = {job.id: same[-1].id for same in by_key.values() for job in same[:-1]}
    given = {name: sorted({key[place] for key in by_key}) for place, name in enumerate(("tenants", "kinds", "keys"))}
    for row in connection.execute(_TAKING, given):
        for job in by_key.get((row.tenant, row.kind, row.unique_key), ()):
            if row.id != job.id and (State(row.state) in OPEN or row.id > job.id):
                others[job.id] = row.id
    return others


def lock_for(new: NewJob | Job) -> str:
    """The name of the lock that guards a job's unique key."""
    return f"job/{new.tenant}/{new.kind}/{crc32((new.unique_key or '').encode()) % LOCKS}"


def _may_join(new: NewJob) -> bool:
    kind = KINDS.get(new.kind)
    return kind is not None and kind.operation != "create"


def make_unique(db: Database, connection: Connection, news: Sequence[NewJob], made_by: str, now: datetime) -> list[Made]:
    """Each with its key made once, the others always. Call it in a write transaction."""
    keyed = [new for new in news if new.unique_key is not None]
    for name in sorted({lock_for(new) for new in keyed}):  # in one order: no deadlocks
        db.serialise(connection, name)
    present: dict[_Key, str | int] = dict(living(connection, keyed, now))
    fresh: list[NewJob] = []
    chosen: list[tuple[str | int, bool]] = []
    for new in news:
        there = present.get(_key(new)) if new.unique_key is not None else None
        chosen.append((len(fresh), False) if there is None else (there, True))
        if there is None:
            if new.unique_key is not None:
                present[_key(new)] = len(fresh)
            fresh.append(new)
    made = insert_jobs(connection, fresh, made_by, now)
    return [Made(made[job].id if isinstance(job, int) else job, duplicate) for job, duplicate in chosen]


def living(connection: Connection, keyed: Sequence[NewJob], now: datetime) -> dict[_Key, str]:
    """The oldest living job of each key that is asked for."""
    if not keyed:
        return {}
    given = {
        "tenants": sorted({new.tenant for new in keyed}),
        "kinds": sorted({new.kind for new in keyed}),
        "keys": sorted({new.unique_key or "" for new in keyed}),
        "since": now - UNIQUE_LIFE,
    }
    rows = sorted(connection.execute(_LIVING, given), key=lambda row: str(row.id), reverse=True)
    return {(row.tenant, row.kind, row.unique_key): row.id for row in rows}


def _key(new: NewJob) -> _Key:
    return new.tenant, new.kind, new.unique_key or ""


_TAKING: Final = select(jobs.c.id, jobs.c.tenant, jobs.c.kind, jobs.c.unique_key, jobs.c.state).where(
    jobs.c.tenant.in_(bindparam("tenants", expanding=True)),
    jobs.c.kind.in_(bindparam("kinds", expanding=True)),
    jobs.c.unique_key.is_not(None),
    jobs.c.unique_key.in_(bindparam("keys", expanding=True)),
    jobs.c.state.in_([state.value for state in sorted({*OPEN, State.SUCCEEDED})]),
)
_LIVING: Final = select(jobs.c.id, jobs.c.tenant, jobs.c.kind, jobs.c.unique_key).where(
    jobs.c.tenant.in_(bindparam("tenants", expanding=True)),
    jobs.c.kind.in_(bindparam("kinds", expanding=True)),
    jobs.c.unique_key.is_not(None),
    jobs.c.unique_key.in_(bindparam("keys", expanding=True)),
    or_(jobs.c.state.in_([state.value for state in sorted(OPEN)]), jobs.c.created_at >= bindparam("since", type_=Moment())),
)
