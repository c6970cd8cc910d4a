"""How many jobs a filter names, by state and kind; from the index alone where one knows all that the filter asks for."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields
from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, func, select

from worker.jobs.filters import conditions, unled
from worker.jobs.leads import Range, borders, kinds, tenants
from worker.jobs.lists import shortest
from worker.jobs.states import State
from worker.jobs.tables import batches, jobs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import ColumnElement, Connection

    from worker.jobs.filters import JobFilter

Tally = dict[tuple[State, str], int]
_KNOWN: Final = frozenset({"tenants", "tenant", "kind", "state"})


def tally(connection: Connection, wanted: JobFilter) -> Tally:
    """How many there are of each state and kind of which there are any."""
    if wanted.within == ():
        return {}
    within = borders(connection, jobs, jobs.c.created_at, wanted.since, wanted.until)
    if within is None:
        return {}
    asked = {field.name for field in fields(wanted) if getattr(wanted, field.name) is not None}
    if asked <= _KNOWN:
        return _by_lane(connection, wanted)
    if asked <= _KNOWN | {"batch"}:
        return _of_batch(connection, wanted)
    if "error_class" in asked and asked <= _KNOWN | {"error_class", "batch"}:
        return _counted(connection, jobs.c.error_class.is_not(None), jobs.c.error_class == wanted.error_class, *unled(wanted))
    return _counted(connection, *_from_rows(connection, wanted, within))


def _counted(connection: Connection, *where: ColumnElement[bool]) -> Tally:
    grouped = select(jobs.c.state, jobs.c.kind, func.count().label("n")).where(*where).group_by(jobs.c.state, jobs.c.kind)
    return {(State(row.state), row.kind): row.n for row in connection.execute(grouped)}


def _by_lane(connection: Connection, wanted: JobFilter) -> Tally:
    """A run through the index for each tenant and kind: in its order, nothing is sorted."""
    found: Counter[tuple[State, str]] = Counter()
    for home in wanted.within if wanted.within is not None else tenants(connection):
        for kind in (wanted.kind,) if wanted.kind is not None else kinds(connection, [home]):
            for state, count in _of_kind(connection, home, kind, wanted.state):
                found[state, kind] += count
    return dict(found)


def _of_kind(connection: Connection, home: str, kind: str, states: tuple[str, ...] | None) -> Iterator[tuple[State, int]]:
    given = {"tenant": home, "kind": kind}
    if states is None:
        yield from ((State(row.state), row.n) for row in connection.execute(_OF_KIND, given))
        return
    for state in states:
        if count := connection.execute(_OF_STATE, {**given, "state": state}).scalar_one():
            yield State(state), count


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


_N: Final = func.count().label("n")
_OF_KIND: Final = (
    select(jobs.c.state, _N).where(jobs.c.tenant == bindparam("tenant"), jobs.c.kind == bindparam("kind")).group_by(jobs.c.state)
)
_OF_STATE: Final = select(_N).where(
    jobs.c.tenant == bindparam("tenant"), jobs.c.kind == bindparam("kind"), jobs.c.state == bindparam("state")
)
_OF_BATCH: Final = select(jobs.c.state, _N).where(jobs.c.batch == bindparam("batch")).group_by(jobs.c.state)
