"""What batches cost: the calls to ERPs that served them, each counted once, as it was made.

A call for one job counts for that job's batch, and the page of a selection for the batch that it plans. A call that looked at many jobs at
once counts for one of them, drawn by lot: over many calls each batch has its part, and the sum is never more than what was called. Calls
for jobs without a batch, tokens, and the harmless reads of a breaker count for none. Calls of a worker that died before it could write
what came of them are missing.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, delete, func, insert, select

from worker.jobs.tables import spent as rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection

    from worker.jobs.model import Job

FOLDED: Final = 500
"""So many batches' rows are summed in one go."""


def shared(jobs: Sequence[Job], calls: int) -> Counter[str]:
    """The calls by batch, where these jobs were what they were made for."""
    if not jobs or not calls:
        return Counter()
    drawn = [jobs[0].batch] * calls if len(jobs) == 1 else [random.choice(jobs).batch for _ in range(calls)]  # noqa: S311 - a fair lot
    return Counter(batch for batch in drawn if batch is not None)


def add(connection: Connection, calls: Mapping[str, int]) -> None:
    """Write down calls by batch, in the transaction that writes what came of them."""
    found = [{"batch": batch, "calls": count} for batch, count in calls.items() if count]
    if found:
        connection.execute(_INSERT, found)


def calls_of(connection: Connection, batch_id: str) -> int:
    """ERP calls that the batch took so far."""
    return int(connection.execute(_SUM, {"batch": batch_id}).scalar_one())


def calls_of_each(connection: Connection, batch_ids: Iterable[str]) -> dict[str, int]:
    """The same of several; one that took none is not there."""
    summed = select(rows.c.batch, func.sum(rows.c.calls).label("n")).where(rows.c.batch.in_(list(batch_ids))).group_by(rows.c.batch)
    return {row.batch: int(row.n) for row in connection.execute(summed)}


def forget(connection: Connection, batch_ids: Iterable[str]) -> None:
    """The batches are gone."""
    connection.execute(delete(rows).where(rows.c.batch.in_(list(batch_ids))))


def fold(connection: Connection) -> None:
    """Make one row of each batch's. Two that do it at once take different rows."""
    several = select(rows.c.batch).group_by(rows.c.batch).having(func.count() > 1).limit(FOLDED)
    wanted = list(connection.execute(several).scalars())
    taken: Counter[str] = Counter()
    if wanted:
        for row in connection.execute(delete(rows).where(rows.c.batch.in_(wanted)).returning(rows.c.batch, rows.c.calls)):
            taken[row.batch] += row.calls
    add(connection, taken)


_INSERT: Final = insert(rows)
_SUM: Final = select(func.coalesce(func.sum(rows.c.calls), 0)).where(rows.c.batch == bindparam("batch"))
