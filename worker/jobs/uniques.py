"""Jobs that are made once: those with a unique key, and those that do what a waiting one will do. Many at a time, in one transaction."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final
from zlib import crc32

from sqlalchemy import bindparam, or_, select

from worker.jobs.making import insert_jobs
from worker.jobs.merging import merge_jobs
from worker.jobs.outcomes import Made
from worker.jobs.states import OPEN
from worker.jobs.tables import Moment, jobs
from worker.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from worker.jobs.engine import Database
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
    found.update(zip(rest, _unique(db, connection, [news[place] for place in rest], made_by, now), strict=True))
    return [found[place] for place in range(len(news))]


def lock_for(new: NewJob) -> str:
    """The name of the lock that guards a job's unique key."""
    return f"job/{new.tenant}/{new.kind}/{crc32((new.unique_key or '').encode()) % LOCKS}"


def _may_join(new: NewJob) -> bool:
    kind = KINDS.get(new.kind)
    return kind is not None and kind.operation != "create"


def _unique(db: Database, connection: Connection, news: Sequence[NewJob], made_by: str, now: datetime) -> list[Made]:
    """Each with its key made once, the others always."""
    keyed = [new for new in news if new.unique_key is not None]
    for name in sorted({lock_for(new) for new in keyed}):  # in one order: no deadlocks
        db.serialise(connection, name)
    present: dict[_Key, str | int] = dict(_present(connection, keyed, now))
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


def _present(connection: Connection, keyed: Sequence[NewJob], now: datetime) -> dict[_Key, str]:
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


_LIVING: Final = select(jobs.c.id, jobs.c.tenant, jobs.c.kind, jobs.c.unique_key).where(
    jobs.c.tenant.in_(bindparam("tenants", expanding=True)),
    jobs.c.kind.in_(bindparam("kinds", expanding=True)),
    jobs.c.unique_key.is_not(None),
    jobs.c.unique_key.in_(bindparam("keys", expanding=True)),
    or_(jobs.c.state.in_([state.value for state in sorted(OPEN)]), jobs.c.created_at >= bindparam("since", type_=Moment())),
)
