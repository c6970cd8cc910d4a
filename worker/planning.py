"""Page after page, the jobs of a batch that was asked for as a selection: which batch is next, and what a page comes to in the ledger.

A page that could not be read puts its own batch off, in the ledger: lanes come and go within seconds, and every worker has its own. The
lane's other selections go on meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeAlias

import structlog

from worker.errors import BadAnswer, CallError, Conflict, LedgerUnavailable
from worker.jobs import batches
from worker.jobs.announcing import tell_of_batches
from worker.jobs.model import Lane

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from worker.handling import Handler, Page
    from worker.jobs.engine import Database
    from worker.jobs.model import Batch

AGAIN: Final = 5.0
"""Seconds until a page that could not be read is asked for again."""

FEW: Final = 5
"""So often a page is asked for that can't be understood, or whose jobs can't be written."""

_UNREAD: Final = "unread"
_OFF_UNTIL: Final = "off_until"
_OURS: Final = frozenset({_UNREAD, _OFF_UNTIL})
"""What we remember beside what its pages left: how often one could not be taken, and until when the next is put off (epoch seconds)."""

_PASSING: Final = frozenset({"rate_limited", "unavailable", "timeout"})
_log = structlog.get_logger("planning")
Write: TypeAlias = Callable[["Connection"], "Lane | None"]
"""Writes what a page came to; gives the lane that has something to do now, if it is another one or has new jobs."""


class Planner:
    """One lane's selections, a page at a time. `read` is called in a thread, all else and what `read` gives by the lane's loop."""

    def __init__(self, db: Database, lane: Lane, handler: Handler, clock: Callable[[], datetime]) -> None:
        self._db = db
        self._lane = lane
        self._handler = handler
        self._clock = clock
        self._reading = False
        self._batch: Batch | None = None

    def next(self, connection: Connection) -> Batch | None:
        """The batch whose page is to be read now, if any."""
        if self._reading:
            return None
        now = self._clock().timestamp()
        here = (batch for batch in batches.planning(connection) if Lane(batch.tenant, batch.erp) == self._lane)
        return next((batch for batch in here if not _is_put_off(batch, now)), None)

    def begin(self, batch: Batch) -> None:
        """Its page is being read from here on: no other, until what `read` gave is written, or `drop`."""
        self._reading, self._batch = True, batch

    def drop(self, why: Exception) -> None:
        """What was read could not be written, and may never be: its page is asked for a few times more. Raises `LedgerUnavailable`."""
        self._reading = False
        if self._batch is None:
            return
        with self._db.write() as connection:
            self._unread(connection, self._batch, f"a page could not be written: {type(why).__name__}")

    def read(self, batch: Batch) -> Write:
        """Read the batch's next page; gives what to write."""
        try:
            page = self._handler.plan(_as_its_pages_left_it(batch))
        except BadAnswer as error:
            message = error.message
            return lambda connection: self._unread(connection, batch, message)
        except CallError as error:
            message, waits = error.message, error.error_class in _PASSING
            return lambda connection: self._failed(connection, batch, message, waits=waits)
        except LedgerUnavailable:  # what a page showed is kept there
            return lambda connection: self._failed(connection, batch, "the ledger was away", waits=True)
        except Exception as error:  # noqa: BLE001 - the batch says what became of it
            _log.exception("a plan failed", lane=str(self._lane), batch=batch.id)
            message = f"a fault of kitrelay: {type(error).__name__}: {error}"
            return lambda connection: self._failed(connection, batch, message, waits=False)
        return lambda connection: self._planned(connection, batch, page)

    def _planned(self, connection: Connection, batch: Batch, page: Page) -> Lane | None:
        self._reading = False
        now = self._clock()
        try:
            batches.add_planned(self._db, connection, batch, page.news, page.planned, now, page.erp)
        except Conflict:
            return None  # it was cancelled meanwhile
        if not page.last:
            return Lane(batch.tenant, page.erp) if page.erp not in {None, batch.erp} else None
        batches.start(connection, batch.id, now)
        if page.fleeting:
            batches.drop_empty(connection, batch.id)
        if not batch.total and not page.news:
            tell_of_batches(connection, [batch.id], now)  # one that found nothing is over already
        return Lane(batch.tenant, page.news[0].erp) if page.news else self._lane

    def _unread(self, connection: Connection, batch: Batch, message: str) -> None:
        """A page that can't be understood is asked for a few times more: what is in it may be so for good."""
        tries = int(batch.planned.get(_UNREAD, 0)) + 1
        self._failed(connection, replace(batch, planned={**batch.planned, _UNREAD: tries}), message, waits=tries < FEW)

    def _failed(self, connection: Connection, batch: Batch, message: str, *, waits: bool) -> None:
        self._reading = False
        now = self._clock()
        if not waits:
            batches.fail_planning(connection, batch.id, message, now)
            return
        planned = {**batch.planned, _OFF_UNTIL: now.timestamp() + AGAIN}
        with suppress(Conflict):  # it was cancelled meanwhile
            batches.add_planned(self._db, connection, batch, [], planned, now)


def _is_put_off(batch: Batch, now: float) -> bool:
    """Never for longer than it was put off, whatever a clock did meanwhile."""
    return 0.0 < float(batch.planned.get(_OFF_UNTIL, 0.0)) - now <= AGAIN


def _as_its_pages_left_it(batch: Batch) -> Batch:
    return replace(batch, planned={name: value for name, value in batch.planned.items() if name not in _OURS})
