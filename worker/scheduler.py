"""Sweep, every second: ring for lanes with due work, free the jobs of the dead, end batches, drop what is over.

Any number of these may run.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import structlog
from sqlalchemy import exists, select

from worker.errors import LedgerUnavailable
from worker.jobs import arrivals, batches, fleet
from worker.jobs.model import Lane
from worker.jobs.states import BatchState, State
from worker.jobs.tables import batches as batch_rows
from worker.jobs.tables import in_state, jobs
from worker.settings import ERPS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime
    from threading import Event

    from sqlalchemy import ColumnElement, Connection

    from worker.jobs.bell import Bell
    from worker.jobs.engine import Database
    from worker.settings import Settings

EVERY: Final = 1.0
HOUSEKEEPING: Final = 60.0
_log = structlog.get_logger("scheduler")


class Scheduler:
    """One sweeper. `run` until `stop`; a ledger that is away is waited for."""

    def __init__(self, settings: Settings, db: Database, bell: Bell, clock: Callable[[], datetime]) -> None:
        self._db = db
        self._bell = bell
        self._clock = clock
        self._dead_after = settings.timing.dead_after
        self._lanes = tuple(Lane(tenant.name, erp) for tenant in settings.tenants.values() for erp in tenant.erps())
        self._kept_house = float("-inf")

    def run(self, stop: Event) -> None:
        """Sweep until told to stop."""
        while not stop.is_set():
            started = time.monotonic()
            try:
                self.sweep()
            except LedgerUnavailable as error:
                _log.warning("the ledger is away", error=str(error))
            stop.wait(max(0.05, EVERY - (time.monotonic() - started)))

    def sweep(self) -> None:
        """One round."""
        now = self._clock()
        with self._db.write() as connection:
            freed = fleet.reap(self._db, connection, now, self._dead_after)
            batches.close_finished(connection, now)
            batches.end_abandoned(connection, now)
        for job in freed:
            _log.warning("a worker stopped in the middle of a job", job=job.id, state=job.state.value)
        self._sweep_cancelled(now)
        with self._db.read() as connection:
            due = list(lanes_with_work(connection, self._lanes, now))
        for lane in due:
            self._bell.ring(lane)
        self._keep_house(now)

    def _sweep_cancelled(self, now: datetime) -> None:
        """In chunks, so that no other writer waits long."""
        while True:
            with self._db.write() as connection:
                if not batches.sweep_cancelled(connection, now):
                    return

    def _keep_house(self, now: datetime) -> None:
        if time.monotonic() - self._kept_house < HOUSEKEEPING:
            return
        self._kept_house = time.monotonic()
        with self._db.write() as connection:
            arrivals.forget_keys(connection, now)


def lanes_with_work(connection: Connection, lanes: Iterable[Lane], now: datetime) -> Iterable[Lane]:
    """The lanes where something may start or be looked at now. Jobs of paused batches do not count."""
    for lane in lanes:
        if connection.execute(select(_has_work(lane, now))).scalar():
            yield lane


def _has_work(lane: Lane, now: datetime) -> ColumnElement[bool]:
    here = (jobs.c.tenant == lane.tenant, jobs.c.erp == lane.erp)
    running = select(batch_rows.c.id).where(
        batch_rows.c.tenant == lane.tenant, batch_rows.c.erp.in_(ERPS), batch_rows.c.state == BatchState.RUNNING
    )
    single = exists().where(*here, in_state(State.QUEUED), jobs.c.batch.is_(None), jobs.c.due_at <= now)
    batched = exists().where(*here, in_state(State.QUEUED), jobs.c.batch.in_(running), jobs.c.due_at <= now)
    retrying = exists().where(*here, in_state(State.RETRYING), jobs.c.due_at <= now)
    waiting = exists().where(*here, in_state(State.WAITING), jobs.c.due_at <= now)
    planning = exists().where(
        batch_rows.c.tenant == lane.tenant,
        batch_rows.c.erp == lane.erp,
        batch_rows.c.state == BatchState.PLANNING,
        batch_rows.c.select.is_not(None),
    )
    return single | batched | retrying | waiting | planning
