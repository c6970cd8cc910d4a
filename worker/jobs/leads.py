"""What leads to the jobs that a filter names: for each of its parts an index, and the ids that stand in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, literal, select, union_all

from worker.jobs.filters import begins, closing, erp_ids, unled
from worker.jobs.states import FINAL, OPEN, State
from worker.jobs.tables import job_tags, job_terms, jobs
from worker.jobs.terms import asked

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, Select, Table

    from worker.jobs.filters import JobFilter

SKEW: Final = timedelta(minutes=10)
"""How far apart the clocks may be of two machines that make jobs."""


@dataclass(frozen=True, slots=True)
class Range:
    """Ids from `low` on and before `high`; None: no border."""

    low: str | None = None
    high: str | None = None

    def below(self, job_id: str | None) -> Range:
        """The part of it before a job."""
        return Range(self.low, min((each for each in (job_id, self.high) if each is not None), default=None))

    def of(self, column: ColumnElement[str]) -> list[ColumnElement[bool]]:
        """The condition on a column of ids."""
        return [*([] if self.low is None else [column >= self.low]), *([] if self.high is None else [column < self.high])]


@dataclass(frozen=True, slots=True)
class Lead:
    """Ids of jobs, each the column of an index: among them are all that are wanted. An id may stand in it twice.

    `sorted`: each part comes out of its index in the order of ids, so that the highest are had without reading the rest.
    """

    parts: tuple[tuple[ColumnElement[str], tuple[ColumnElement[bool], ...]], ...]
    sorted: bool = False

    def length(self, connection: Connection, within: Range, most: int) -> int:
        """How many ids there are at most, counted up to a limit: so that never more is read than that."""
        ids = self.ids(within if self.sorted else Range())
        counted = select(literal(1)).select_from(ids.subquery()).limit(most).subquery()
        return connection.execute(select(func.count()).select_from(counted)).scalar_one()

    def newest(self, within: Range, most: int) -> Select[Any]:
        """The highest ids, highest first."""
        if self.sorted:
            highest = (part.order_by(part.selected_columns.id.desc()).limit(most).subquery() for part in self._parts(within))
            ids = _union([select(each.c.id) for each in highest]).subquery()
            return select(ids.c.id).order_by(ids.c.id.desc()).limit(most)
        ids = self.ids(within).subquery()
        return select(ids.c.id).order_by(ids.c.id.concat("").desc()).limit(most)

    def ids(self, within: Range) -> Any:  # noqa: ANN401 - a Select, or a union of some
        """The ids, in no order."""
        return _union(self._parts(within))

    def _parts(self, within: Range) -> list[Select[Any]]:
        """The index that leads is to be read, not one that has the ids in order: so the borders of what is not sorted are hidden."""
        return [
            select(column.label("id")).where(*where, *within.of(column if self.sorted else column.concat("")))
            for column, where in self.parts
        ]


def leads(connection: Connection, wanted: JobFilter) -> Iterator[Lead]:
    """What may lead to the jobs, what is mostly short first."""
    homes = wanted.within if wanted.within is not None else tenants(connection)
    ours = jobs.c.tenant.in_(homes)
    yield from _by_name(wanted, ours)
    if wanted.since is not None or wanted.until is not None:
        yield Lead(((jobs.c.id, ()),), sorted=True)
    for word, written in asked(wanted.q or "").items():
        yield _word(connection, homes, word, written)
    if wanted.error_class is not None:
        told = (jobs.c.error_class.is_not(None), jobs.c.error_class == wanted.error_class, *unled(wanted))
        yield Lead(((jobs.c.id, told),), sorted=True)
    if wanted.tag is not None:
        yield _tagged(wanted)
    if wanted.batch is not None:
        states = sorted(wanted.state if wanted.state is not None else State)
        yield Lead(tuple((jobs.c.id, (jobs.c.batch == wanted.batch, jobs.c.state == state)) for state in states), sorted=True)
    if wanted.kind is not None or wanted.state is not None:
        named = (wanted.kind,) if wanted.kind is not None else kinds(connection, homes)
        yield _lead(ours, jobs.c.kind.in_(named), *([] if wanted.state is None else [jobs.c.state.in_(wanted.state)]))
    if wanted.within is not None:
        yield Lead(tuple((jobs.c.id, (jobs.c.tenant == home,)) for home in homes), sorted=True)


def borders(
    connection: Connection, table: Table, at: ColumnElement[datetime], since: datetime | None, until: datetime | None
) -> Range | None:
    """Between which ids the rows stand that were made in this time; None where there are none. Ids sort by time, nearly."""
    low = high = None
    if since is not None:
        low = connection.execute(select(table.c.id).where(at >= since).order_by(at, table.c.id).limit(1)).scalar()
    if until is not None:
        high = connection.execute(select(table.c.id).where(at < until).order_by(at.desc(), table.c.id.desc()).limit(1)).scalar()
    if (since is not None and low is None) or (until is not None and high is None):
        return None
    return Range(None if low is None else _shifted(low, -SKEW), None if high is None else _shifted(high, SKEW))


def tenants(connection: Connection) -> tuple[str, ...]:
    """All tenants that have jobs. From one to the next in the index: there are few of them."""
    return _steps(connection, jobs.c.tenant)


def kinds(connection: Connection, homes: Sequence[str]) -> tuple[str, ...]:
    """All kinds of which these tenants have jobs."""
    return tuple(sorted({kind for home in homes for kind in _steps(connection, jobs.c.kind, jobs.c.tenant == home)}))


def _steps(connection: Connection, column: ColumnElement[str], *where: ColumnElement[bool]) -> tuple[str, ...]:
    step = select(func.min(column).label("name")).where(*where).cte("step", recursive=True)
    further = select(func.min(column)).where(*where, column > step.c.name).scalar_subquery()
    step = step.union_all(select(further).where(step.c.name.is_not(None)))
    return tuple(connection.execute(select(step.c.name).where(step.c.name.is_not(None))).scalars())


def _word(connection: Connection, homes: Sequence[str], word: str, written: str) -> Lead:
    terms = (job_terms.c.job, (job_terms.c.tenant.in_(homes), begins(word)))
    named = (jobs.c.id == word,)
    known = (jobs.c.tenant.in_(homes), jobs.c.erp_id.is_not(None), jobs.c.erp_id.in_(erp_ids(word, written)))
    others = ((jobs.c.id, where) for where in (named, known) if connection.execute(select(jobs.c.id).where(*where).limit(1)).first())
    return Lead((terms, *others))


def _by_name(wanted: JobFilter, ours: ColumnElement[bool]) -> Iterator[Lead]:
    """What names few."""
    if wanted.ids is not None:
        yield _lead(jobs.c.id.in_(wanted.ids))
    if wanted.group is not None:
        yield _lead(*wanted.group.conditions(), *closing(wanted))
    if wanted.erp_id is not None:
        yield _lead(ours, jobs.c.erp_id.is_not(None), jobs.c.erp_id == wanted.erp_id)
    if wanted.reference is not None:
        yield _lead(ours, jobs.c.reference == wanted.reference)


def tagged(wanted: JobFilter) -> list[ColumnElement[bool]]:
    """What of the filter the index of tags knows, but for the state."""
    plain = {"tag": wanted.tag, "kind": wanted.kind, "batch": wanted.batch}
    found: list[ColumnElement[bool]] = [job_tags.c[name] == value for name, value in plain.items() if value is not None]
    return found if wanted.within is None else [*found, job_tags.c.tenant.in_(wanted.within)]


def _tagged(wanted: JobFilter) -> Lead:
    """A part for each final state that is wanted, and one for all open ones."""
    states = set(wanted.state if wanted.state is not None else State)
    ends = [job_tags.c.ended == state for state in sorted(states & FINAL)]
    parts = [*ends, job_tags.c.ended.is_(None)] if states & OPEN or not ends else ends
    return Lead(tuple((job_tags.c.job, (*tagged(wanted), part)) for part in parts), sorted=True)


def _lead(*where: ColumnElement[bool]) -> Lead:
    return Lead(((jobs.c.id, where),))


def _union(parts: Sequence[Select[Any]]) -> Any:  # noqa: ANN401 - a Select, or a union of some
    return parts[0] if len(parts) == 1 else union_all(*parts)


def _shifted(job_id: str, by: timedelta) -> str:
    """The first id of a moment that is so far from when a job was made."""
    moment = max(0, int(job_id.replace("-", "")[:12], 16) + by // timedelta(milliseconds=1))
    digits = f"{moment:012x}"
    return f"{digits[:8]}-{digits[8:]}-0000-0000-000000000000"
