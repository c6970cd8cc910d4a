"""How many jobs have come to their end: counted as they do, since nobody can count a million rows for each scrape.

Each move to or from an end adds a row, which waits for nobody; now and then they are summed into one row for each count.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, func, insert, select

from worker.jobs.states import FINAL
from worker.jobs.tables import endings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Connection

    from worker.jobs.model import Job

Place = tuple[str, str, str, str]
"""Tenant, ERP, kind and state."""


def moved(pairs: Iterable[tuple[Job, Job]]) -> Counter[Place]:
    """What moves change of the counts: each job before and after."""
    found: Counter[Place] = Counter()
    for before, after in pairs:
        if before.state in FINAL:
            found[before.tenant, before.erp, before.kind, before.state.value] -= 1
        if after.state in FINAL:
            found[after.tenant, after.erp, after.kind, after.state.value] += 1
    return found


def add(connection: Connection, changes: Mapping[Place, int]) -> None:
    """Write down what changed, in the transaction that changes it."""
    rows = [dict(zip(_NAMES, place, strict=True), jobs=count) for place, count in changes.items() if count]
    if rows:
        connection.execute(_INSERT, rows)


def counts(connection: Connection) -> dict[Place, int]:
    """All counts above zero."""
    total = func.sum(endings.c.jobs)
    grouped = select(*endings.c[_NAMES], total.label("n")).group_by(*endings.c[_NAMES])
    return {(row.tenant, row.erp, row.kind, row.state): int(row.n) for row in connection.execute(grouped.having(total > 0))}


def fold(connection: Connection) -> None:
    """Make one row of all that there are for a count. Two that do it at once take different rows."""
    taken: Counter[Place] = Counter()
    for row in connection.execute(delete(endings).returning(*endings.c[_NAMES], endings.c.jobs)):
        taken[row.tenant, row.erp, row.kind, row.state] += row.jobs
    add(connection, taken)


_NAMES: Final = ("tenant", "erp", "kind", "state")
_INSERT: Final = insert(endings)
