"""Who is told of what happens: what they are told becomes jobs, in the transaction of the very move that it tells of.

The ledger knows nobody to tell and has no words for it. Who opens a `Database` may give it an `Announcer`, made from the settings; every
write transaction carries it along. So no move needs to know of it, none can be forgotten by a caller, and what is rolled back was never
announced. Without one nothing is looked at and no statement is added.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from sqlalchemy import bindparam, select

from worker.jobs.engine import ANNOUNCER
from worker.jobs.making import insert_jobs
from worker.jobs.rows import batch_of
from worker.jobs.states import BatchState
from worker.jobs.tables import batches

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from worker.connections import Breaker
    from worker.jobs.model import Batch, Job, Lane
    from worker.jobs.verdicts import NewJob

OVER: Final = (BatchState.SUCCEEDED, BatchState.FINISHED, BatchState.CANCELLED)


class Announcer(Protocol):
    """Says which jobs tell of what happened. Reads the ledger at most, and only where somebody wants to be told."""

    def job(self, job: Job, now: datetime) -> tuple[NewJob, ...]:
        """Tell that a job succeeded or failed."""

    def batch(self, connection: Connection, batch: Batch, now: datetime) -> tuple[NewJob, ...]:
        """Tell that a batch is over."""

    def connection(self, lane: Lane, breaker: Breaker, now: datetime) -> tuple[NewJob, ...]:
        """Tell that a connection's breaker opened or closed."""


def announcer_of(connection: Connection) -> Announcer | None:
    """Whom the transaction tells."""
    found: Announcer | None = connection.get_execution_options().get(ANNOUNCER)
    return found


def tell_of_batches(connection: Connection, ids: Sequence[str], now: datetime) -> None:
    """Tell of those of the batches that are over. Call it once for each end, in its transaction."""
    announcer = announcer_of(connection)
    if announcer is None or not ids:
        return
    over = [batch_of(row) for row in connection.execute(_OVER, {"ids": list(ids)})]
    _make(connection, [new for batch in over for new in announcer.batch(connection, batch, now)], "a batch's end", now)


def tell_of_breaker(connection: Connection, lane: Lane, before: Breaker, after: Breaker, now: datetime) -> None:
    """Tell of a breaker that opened or closed; one that stays as it was, or only opens longer, is no news."""
    announcer = None if before.closed == after.closed else announcer_of(connection)
    if announcer is not None:
        _make(connection, announcer.connection(lane, after, now), "a connection's change", now)


def _make(connection: Connection, news: Sequence[NewJob], made_by: str, now: datetime) -> None:
    if news:
        insert_jobs(connection, news, made_by, now)


_OVER: Final = (
    select(batches)
    .where(batches.c.id.in_(bindparam("ids", expanding=True)), batches.c.state.in_([state.value for state in OVER]))
    .order_by(batches.c.id)
)
