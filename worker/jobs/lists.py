"""Lists of jobs, newest first, at little cost however many jobs there are.

Of what leads to the jobs that a filter names, the shortest is followed: its ids, newest first, in portions, and of these the jobs that
the whole filter names. Where every lead is long, what is wanted is frequent, and all jobs are walked from the newest on until there are
enough.

Databases choose such plans by guessing how often things occur together, and guess wrong; so it is decided here, by counting to a limit.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select

from worker.jobs.filters import JobFilter, conditions, looked_up
from worker.jobs.leads import borders, leads
from worker.jobs.tables import batches, jobs
from worker.jobs.terms import asked

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from worker.jobs.leads import Lead, Range

LONG: Final = 120_000
"""A lead with more ids than this is not followed."""

_ENDLESS: Final = 1 << 60
_PORTION: Final = 200
_GROWTH: Final = 10
_MOST: Final = 5_000


def newest(connection: Connection, wanted: JobFilter, limit: int, after: str | None = None) -> list[Row[Any]]:
    """Up to `limit` rows of `jobs`, newest first, older than the job `after`."""
    wanted = looked_up(connection, wanted)
    if wanted.within == () or (wanted.q is not None and not asked(wanted.q)):
        return []
    if wanted.batch is not None and not _is_seen(connection, wanted):
        return []
    made = borders(connection, jobs, jobs.c.created_at, wanted.since, wanted.until)
    if made is None:
        return []
    within = made.below(after)
    lead = shortest(connection, wanted, within, LONG)
    if lead is None:
        return _walked(connection, wanted, within, limit)
    return _followed(connection, lead, wanted, within, limit)


def shortest(connection: Connection, wanted: JobFilter, within: Range, most: int | None) -> Lead | None:
    """The shortest of the filter's leads; None if all have more ids than `most`, or there is none, as when all of tenants is asked for."""
    if wanted == JobFilter(wanted.tenants, wanted.tenant):
        return None
    best, least = None, (_ENDLESS if most is None else most) + 1
    for lead in leads(connection, wanted):
        length = lead.length(connection, within, least)
        if length < least:
            best, least = lead, length
        if least <= _PORTION:
            break
    return best


def _followed(connection: Connection, lead: Lead, wanted: JobFilter, within: Range, limit: int) -> list[Row[Any]]:
    exact = conditions(wanted)
    found: list[Row[Any]] = []
    for turn in count():
        portion = min(max(limit, _PORTION) * _GROWTH**turn, _MOST)
        ids = lead.newest(within, portion).subquery()
        each = select(ids.c.id).distinct().subquery()
        rows = select(jobs).join(each, jobs.c.id == each.c.id).where(*exact).order_by(jobs.c.id.desc()).limit(limit - len(found))
        found += connection.execute(rows)
        if len(found) >= limit:
            break
        looked_at, last = connection.execute(select(func.count(), func.min(ids.c.id)).select_from(ids)).one()
        if looked_at < portion:
            break
        within = within.below(last)
    return found


def _is_seen(connection: Connection, wanted: JobFilter) -> bool:
    """Whether the batch is of a tenant that may be looked at."""
    home = connection.execute(select(batches.c.tenant).where(batches.c.id == wanted.batch)).scalar()
    return home is not None and (wanted.within is None or home in wanted.within)


def _walked(connection: Connection, wanted: JobFilter, within: Range, limit: int) -> list[Row[Any]]:
    statement = select(jobs).where(*conditions(wanted), *within.of(jobs.c.id)).order_by(jobs.c.id.desc()).limit(limit)
    homes = wanted.within
    if homes is not None and len(homes) == 1:
        statement = statement.where(jobs.c.tenant == homes[0])
    return list(connection.execute(statement))
