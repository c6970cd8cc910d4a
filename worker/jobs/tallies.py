"""How many jobs a filter names, by state and kind; from the index alone where one knows all that the filter asks for."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields
from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, func, select

from worker.jobs import endings
from worker.jobs.filters import closing, conditions, looked_up, plain, unled
from worker.jobs.leads import Range, borders, kinds, tagged, tenants
from worker.jobs.lists import shortest
from worker.jobs.states import FINAL, OPEN, State
from worker.jobs.tables import batches, job_tags, jobs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from collections.abc import Set as AbstractSet

    from sqlalchemy import ColumnElement, Connection

    from worker.jobs.filters import JobFilter

Tally = dict[tuple[State, str], int]


def tally(connection: Connection, wanted: JobFilter) -> Tally:
    """How many there are of each state and kind of which there are any."""
    wanted = looked_up(connection, wanted)
    if wanted.within == ():
        return {}
    within = borders(connection, jobs, jobs.c.created_at, wanted.since, wanted.until)
    if within is None:
        return {}
    asked = {field.name for field in fields(wanted) if getattr(wanted, field.name) is not None}
    for known, count in _QUICK:
        if asked <= known:
            return count(connection, wanted)
    return _counted(connection, *_from_rows(connection, wanted, within))


def _counted(connection: Connection, *where: ColumnElement[bool]) -> Tally:
    grouped = select(jobs.c.state, jobs.c.kind, func.count().label("n")).where(*where).group_by(jobs.c.state, jobs.c.kind)
    return {(State(row.state), row.kind): row.n for row in connection.execute(grouped)}


def _of_lanes(connection: Connection, wanted: JobFilter) -> Tally:
    """What came to its end was counted as it did; what is open is counted in the index."""
    homes = wanted.within if wanted.within is not None else tenants(connection)
    named = (wanted.kind,) if wanted.kind is not None else kinds(connection, homes)
    states = _states(wanted)
    found: Counter[tuple[State, str]] = Counter()
    for (tenant, _, kind, state), count in endings.counts(connection).items() if states & FINAL else ():
        if tenant in homes and kind in named and state in states:
            found[State(state), kind] += count
    found.update(_of_state(connection, homes, named, states & OPEN))
    return dict(found)


def _of_state(connection: Connection, homes: Sequence[str], named: Sequence[str], states: AbstractSet[State]) -> Tally:
    return _counted(connection, jobs.c.tenant.in_(homes), jobs.c.kind.in_(named), jobs.c.state.in_(sorted(states))) if states else {}


def _of_tag(connection: Connection, wanted: JobFilter) -> Tally:
    """What came to its end is counted in the index of tags; what is open is looked at."""
    states = _states(wanted)
    found: Tally = {}
    if ends := sorted(states & FINAL):
        grouped = select(job_tags.c.ended, job_tags.c.kind, _N).where(*tagged(wanted), job_tags.c.ended.in_(ends))
        rows = connection.execute(grouped.group_by(job_tags.c.ended, job_tags.c.kind))
        found = {(State(row.ended), row.kind): row.n for row in rows}
    if going := sorted(states & OPEN):
        open_jobs = select(job_tags.c.job).where(*tagged(wanted), job_tags.c.ended.is_(None))
        found |= _counted(connection, jobs.c.id.in_(open_jobs), plain("state").in_(going))
    return found


def _states(wanted: JobFilter) -> frozenset[State]:
    return frozenset(State) if wanted.state is None else frozenset(map(State, wanted.state))


def _of_batch(connection: Connection, wanted: JobFilter) -> Tally:
    """All are of the batch's kind but for few."""
    batch = connection.execute(select(batches.c.tenant, batches.c.kind).where(batches.c.id == wanted.batch)).one_or_none()
    if batch is None or (wanted.within is not None and batch.tenant not in wanted.within):
        return {}
    found = Counter(_counted(connection, jobs.c.batch == wanted.batch, jobs.c.kind != batch.kind))
    for row in connection.execute(_OF_BATCH, {"batch": wanted.batch}):
        others = sum(count for (state, _), count in found.items() if state == row.state)
        found[State(row.state), batch.kind] += row.n - others
    return {
        (state, kind): count
        for (state, kind), count in found.items()
        if count and (wanted.state is None or state in wanted.state) and wanted.kind in {None, kind}
    }


def _from_rows(connection: Connection, wanted: JobFilter, within: Range) -> list[ColumnElement[bool]]:
    """Every row that the shortest lead names is looked at."""
    lead = shortest(connection, wanted, within, most=None)
    found = conditions(wanted)
    return found if lead is None else [jobs.c.id.in_(lead.ids(within)), *found]


def _of_error(connection: Connection, wanted: JobFilter) -> Tally:
    return _counted(connection, jobs.c.error_class.is_not(None), jobs.c.error_class == wanted.error_class, *unled(wanted))


def _of_group(connection: Connection, wanted: JobFilter) -> Tally:
    """All that is asked for stands in the index of failed jobs."""
    assert wanted.group is not None  # noqa: S101 - for the type checker; the table says so
    where = (*wanted.group.conditions(), *closing(wanted))
    count = connection.execute(select(func.count()).select_from(jobs).where(*where)).scalar_one()
    return {(State.FAILED, wanted.group.kind): count} if count else {}


_N: Final = func.count().label("n")
_LANES: Final = frozenset({"tenants", "tenant", "kind", "state"})
_QUICK: Final[Sequence[tuple[frozenset[str], Callable[[Connection, JobFilter], Tally]]]] = (
    (_LANES, _of_lanes),
    (_LANES | {"batch"}, _of_batch),
    (_LANES | {"batch", "tag"}, _of_tag),
    (_LANES | {"batch", "error_class"}, _of_error),
    (frozenset({"tenants", "group", "closed"}), _of_group),
)
"""What is known of all jobs that a filter with no more than these names, and who counts them: the first that can."""

_OF_BATCH: Final = select(jobs.c.state, _N).where(jobs.c.batch == bindparam("batch")).group_by(jobs.c.state)
