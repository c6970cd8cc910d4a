"""How fast a tenant's jobs of one kind really went: measured in its last batches, where work was always there to be done.

Counts by the clock do not tell a slow ERP from a quiet hour. Within a batch they do: jobs stand in line from its beginning to its end. Of
what ended in it first the middle half is taken: before that it gets under way, and after it the last ones are waited for. Where several
batches ran at once, each had a part only; so the fastest of them is believed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from worker.jobs.states import State
from worker.jobs.tables import batches, jobs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

LOOKED_BACK: Final = timedelta(days=3)
"""So old a batch may be: what was done on Friday night tells of Monday's."""

LEAST: Final = 50
"""So many must have succeeded: fewer are told of in a few lumps."""

LEAST_SPAN: Final = 5.0
"""Seconds that the middle half must have taken, likewise."""

MOST: Final = 2_000
"""Of a batch so many are looked at that ended first."""

MOST_BATCHES: Final = 3
_NEWEST: Final = 200
"""So many batches of the tenant, of any kind, are looked through."""

_QUARTER: Final = 4


@dataclass(frozen=True, slots=True)
class End:
    """A job that succeeded: when it was first started, where that is known, and when it ended."""

    started_at: datetime | None
    finished_at: datetime


@dataclass(frozen=True, slots=True)
class Speed:
    """Jobs in a second while there is work, and how many seconds one takes, from its start to its end."""

    per_second: float
    each: float

    def seconds(self, count: int) -> float:
        """How long so many take that may start now: the last has its turn when the others are through, and takes its own time."""
        return (count - 1) / self.per_second + self.each if count > 0 else 0.0


def speed_of(connection: Connection, tenant: str, kind: str, now: datetime) -> Speed | None:
    """The best of the last batches that tell enough; None where none does."""
    found = [measured(_first_ends(connection, batch)) for batch in _last_batches(connection, tenant, kind, now)]
    return max((each for each in found if each is not None), key=lambda each: each.per_second, default=None)


def measured(ends: Sequence[End]) -> Speed | None:
    """The speed in the middle half of these, which ended in this order; None where they are too few, or came too close."""
    first, last = len(ends) // _QUARTER, len(ends) - 1 - len(ends) // _QUARTER
    if len(ends) < LEAST:
        return None
    span = (ends[last].finished_at - ends[first].finished_at).total_seconds()
    if span < LEAST_SPAN:
        return None
    took = [(each.finished_at - each.started_at).total_seconds() for each in ends if each.started_at is not None]
    return Speed((last - first) / span, max(0.0, median(took)) if took else 0.0)


def _last_batches(connection: Connection, tenant: str, kind: str, now: datetime) -> list[str]:
    newest = (
        select(batches.c.id, batches.c.kind, batches.c.total, batches.c.created_at)
        .where(batches.c.tenant == tenant)
        .order_by(batches.c.id.desc())
        .limit(_NEWEST)
        .subquery()
    )
    wanted = (newest.c.kind == kind, newest.c.total >= LEAST, newest.c.created_at >= now - LOOKED_BACK)
    return list(connection.execute(select(newest.c.id).where(*wanted).order_by(newest.c.id.desc()).limit(MOST_BATCHES)).scalars())


def _first_ends(connection: Connection, batch: str) -> list[End]:
    """The jobs of the batch that succeeded, among those that ended first."""
    ended = (
        select(jobs.c.state, jobs.c.started_at, jobs.c.finished_at)
        .where(jobs.c.batch == batch, jobs.c.finished_at.is_not(None))
        .order_by(jobs.c.finished_at)
        .limit(MOST)
    )
    return [End(row.started_at, row.finished_at) for row in connection.execute(ended) if row.state == State.SUCCEEDED.value]
