"""Fill a batch that was opened: its jobs in chunks, then its start; or its end, if they can't all be stored.

For API and command line alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.errors import KitrelayError, LedgerUnavailable
from worker.jobs import batches, search
from worker.jobs.ledger import ticks, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sqlalchemy import Connection

    from worker.jobs.engine import Database
    from worker.jobs.model import Batch
    from worker.jobs.verdicts import NewJob

UNFILLED: Final = "its jobs could not all be stored; none was started"


def filled(database: Database, batch: Batch, news: Iterable[NewJob], undo: Callable[[Connection], None] = lambda _: None) -> Batch:
    """The batch, running. If that fails it ends with the reason, `undo` is called in the same transaction, and the error goes on.

    Where even the end can't be written, the scheduler ends it later: a batch that was not started starts nothing.
    """
    try:
        batches.fill(database, batch, news, ticks())
        with database.write() as connection:
            batches.start(connection, batch.id, utc_now())
            return search.find_batch(connection, batch.id)
    except (KitrelayError, KeyboardInterrupt):
        _end(database, batch, undo)
        raise


def _end(database: Database, batch: Batch, undo: Callable[[Connection], None]) -> None:
    try:
        with database.write() as connection:
            batches.fail_planning(connection, batch.id, UNFILLED, utc_now())
            undo(connection)
    except LedgerUnavailable:
        return
