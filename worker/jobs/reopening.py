"""A batch that is over runs again when a job of it is replayed; what was cancelled with it stays so, swept already or not.

What a cancelled batch had not started may be a hundred thousand jobs, which are swept bit by bit. Those that are left must be before the
batch runs again, and no transaction is to hold the ledger for so many: `reopen` sweeps few, and where there are more it raises `Unswept`,
upon which `reopening` sweeps them in transactions of their own and begins anew. Whoever can't wait that long says so: what was swept by
then stays so, the scheduler sweeps the rest, and a moment later there is less to wait for, or nothing.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Final, TypeVar

from sqlalchemy import select, update

from worker.errors import Conflict
from worker.jobs.batches import CHUNK, sweep
from worker.jobs.states import BatchState
from worker.jobs.tables import batches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from sqlalchemy import Connection

    from worker.jobs.engine import Database

T = TypeVar("T")
TRIES: Final = 3
"""So often what was to be done is begun: somebody would have to cancel the batch each time for it to be too few."""

_OVER: Final = (BatchState.SUCCEEDED.value, BatchState.FINISHED.value, BatchState.CANCELLED.value)


class Unswept(Conflict):
    """The batches were cancelled and have more jobs that did not start than one transaction may sweep."""

    def __init__(self, batch_ids: Iterable[str]) -> None:
        self.batches = tuple(batch_ids)
        super().__init__("its batch was cancelled a moment ago: try again")


def reopen(connection: Connection, batch_ids: Iterable[str], now: datetime) -> None:
    """Jobs of these batches are to be replayed: those that are over run again. Raises `Unswept`."""
    named = sorted(set(batch_ids))  # in one order: no deadlocks
    left = CHUNK
    for batch_id in named:
        left -= _swept(connection, batch_id, now, left)
        if left <= 0:
            raise Unswept(named)
        running = {"state": BatchState.RUNNING.value, "finished_at": None, "touched_at": now}
        connection.execute(update(batches).where(batches.c.id == batch_id, batches.c.state.in_(_OVER)).values(running))


def reopening(db: Database, act: Callable[[Connection], T], now: datetime, goes_on: Callable[[], bool] = lambda: True) -> T:
    """Do what may reopen batches, in a write transaction. It is begun anew, with nothing done, where much is to be swept before.

    Raises `Unswept`, with nothing done, where `goes_on` says no before all is swept.
    """
    for turn in count(1):
        try:
            with db.write() as connection:
                return act(connection)
        except Unswept as found:
            if turn == TRIES or not _sweep_whole(db, found.batches, now, goes_on):
                raise
    raise AssertionError  # count() does not end


def _sweep_whole(db: Database, batch_ids: Iterable[str], now: datetime, goes_on: Callable[[], bool]) -> bool:
    """Whether all is swept."""
    for batch_id in batch_ids:
        while True:
            with db.write() as connection:
                if _swept(connection, batch_id, now, CHUNK) < CHUNK:
                    break
            if not goes_on():
                return False
    return True


def _swept(connection: Connection, batch_id: str, now: datetime, most: int) -> int:
    """How many jobs of the batch were cancelled, if it is: it stays what it is until the transaction ends."""
    locked = select(batches.c.state).where(batches.c.id == batch_id).with_for_update(key_share=True)
    state = connection.execute(locked).scalar()
    return sweep(connection, batch_id, now, most) if state == BatchState.CANCELLED else 0
