"""How many jobs a filter names, by state and kind; from the index alone where one knows all that the filter asks for."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Final

from sqlalchemy import and_, exists, func, select

from worker.jobs.filters import conditions, unled
from worker.jobs.leads import Range, borders, kinds, tenants
from worker.jobs.lists import shortest
from worker.jobs.states import State
from worker.jobs.tables import batches, jobs

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

    from worker.jobs.filters import JobFilter

_KNOWN: Final = frozenset({"tenants", "tenant", "kind", "state"})


def tally(connection: Connection, wanted: JobFilter) -> dict[tuple[State, str], int]:
    """How many there are of each state and kind of which there are any."""
    if wanted.within == ():
        return {}
    within = borders(connection, wanted)
    if within is None:
        return {}
    grouped = select(jobs.c.state, jobs.c.kind, func.count().label("n")).group_by(jobs.c.state, jobs.c.kind)
    rows = connection.execute(grouped.where(*_from_index(connection, wanted) or _from_rows(connection, wanted, within)))
    return {(State(row.state), row.kind): row.n for row in rows}


def _from_index(connection: Connection, wanted: JobFilter) -> list[ColumnElement[bool]]:
    """The conditions, if one index has all the columns; else none."""
    asked = {field.name for field in fields(wanted) if getattr(wanted, field.name) is not None}
    states = [] if wanted.state is None else [jobs.c.state.in_(wanted.state)]
    if asked <= _KNOWN:
        homes = wanted.within if wanted.within is not None else tenants(connection)
        named = (wanted.kind,) if wanted.kind is not None else kinds(connection, homes)
        return [jobs.c.tenant.in_(homes), jobs.c.kind.in_(named), *states]
    if "error_class" in asked and asked <= _KNOWN | {"error_class", "batch"}:
        return [jobs.c.error_class.is_not(None), jobs.c.error_class == wanted.error_class, *unled(wanted)]
    if "batch" in asked and asked <= _KNOWN | {"batch"}:
        its = and_(batches.c.id == wanted.batch, *([] if wanted.within is None else [batches.c.tenant.in_(wanted.within)]))
        kind = [] if wanted.kind is None else [jobs.c.kind == wanted.kind]
        return [exists().where(its), jobs.c.batch == wanted.batch, *kind, *states]
    return []


def _from_rows(connection: Connection, wanted: JobFilter, within: Range) -> list[ColumnElement[bool]]:
    """Every row that the shortest lead names is looked at."""
    lead = shortest(connection, wanted, within, most=None)
    found = conditions(wanted)
    return found if lead is None else [jobs.c.id.in_(lead.ids(within)), *found]
