"""Sweep, every second: ring for lanes with due work, free the jobs of the dead, end batches, drop what is over, begin comparisons of kits.

What people do to many jobs at once is carried out here. Any number of these may run.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import structlog
from sqlalchemy import exists, select

from worker.errors import LedgerUnavailable
from worker.jobs import actions, arrivals, batches, fleet, pruning
from worker.jobs.batches import NewBatch
from worker.jobs.model import Lane
from worker.jobs.states import ActionState, BatchState, State
from worker.jobs.tables import batches as batch_rows
from worker.jobs.tables import in_state, jobs
from worker.kit_ledger.rounds import begin_round, end_round, is_round_due, open_rounds, prune, set_batch
from worker.settings import ERPS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime
    from threading import Event

    from sqlalchemy import ColumnElement, Connection

    from worker.jobs.bell import Ringing
    from worker.jobs.engine import Database
    from worker.settings import Settings, Tenant

COMPARISON: Final = "sync_kit_lines"
EVERY: Final = 1.0
ACTING: Final = 0.5
"""Of a round, so many seconds go to actions on many jobs: what is rung for does not wait for a million of them."""

HOUSEKEEPING: Final = 60.0
PRUNING: Final = 0.5
"""Seconds of a round that pruning may take."""

_log = structlog.get_logger("scheduler")


class Scheduler:
    """One sweeper. `run` until `stop`; a ledger that is away is waited for."""

    def __init__(
        self,
        settings: Settings,
        db: Database,
        bell: Ringing,
        clock: Callable[[], datetime],
        each_round: Callable[[datetime], object] = lambda _now: None,
    ) -> None:
        """`each_round` is done before the lanes are rung for."""
        self._db = db
        self._bell = bell
        self._clock = clock
        self._each_round = each_round
        self._dead_after = settings.timing.dead_after
        self._lanes = tuple(Lane(tenant.name, erp) for tenant in settings.tenants.values() for erp in tenant.lanes())
        self._compared = [
            tenant for tenant in settings.tenants.values() if tenant.sync.source and tenant.sync.targets and tenant.sync.compare_every
        ]
        self._keep = pruning.Keep.of(settings)
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
        self._act()
        self._each_round(now)
        with self._db.read() as connection:
            due = list(lanes_with_work(connection, self._lanes, now))
        for lane in due:
            self._bell.ring(lane)
        self._compare(now)
        self._keep_house(now)

    def _compare(self, now: datetime) -> None:
        """Begin the comparisons of kits that are due, and end those whose batch has all its jobs."""
        with self._db.read() as connection:
            due = [tenant for tenant in self._compared if is_round_due(connection, tenant.name, tenant.sync.compare_every or 0.0, now)]
            over = [each for each in open_rounds(connection) if each.batch is None or not _planning(connection, each.batch)]
        for tenant in due:
            with self._db.write() as connection:
                lane = begin_comparison(self._db, connection, tenant, now)
            if lane is not None:
                self._bell.ring(lane)
        for round_ in over:
            with self._db.write() as connection:
                found, message = _outcome(connection, round_.batch)
                end_round(connection, round_.tenant, round_.started_at, now, found=found, message=message)

    def _sweep_cancelled(self, now: datetime) -> None:
        """In chunks, so that no other writer waits long."""
        while True:
            with self._db.write() as connection:
                if not batches.sweep_cancelled(connection, now):
                    return

    def _act(self) -> None:
        """Carry on what is to be done to many jobs, in turn, for a part of the round."""
        until = time.monotonic() + ACTING
        with self._db.read() as connection:
            going = actions.running(connection)
        while going and time.monotonic() < until:
            going = [each for each in going if actions.carry_on(self._db, each, self._clock()).state is ActionState.RUNNING]

    def _keep_house(self, now: datetime) -> None:
        if time.monotonic() - self._kept_house < HOUSEKEEPING:
            return
        self._kept_house = time.monotonic()
        with self._db.write() as connection:
            arrivals.forget_keys(connection, now)
            prune(self._db, connection, now)
        until = time.monotonic() + PRUNING
        if not pruning.prune(self._db, self._keep, now, lambda: time.monotonic() < until):
            self._kept_house = float("-inf")  # goes on in the next round: other work comes between


def begin_comparison(db: Database, connection: Connection, tenant: Tenant, now: datetime) -> Lane | None:
    """Compare all kits of the tenant's source with its targets, as a batch that finds its jobs itself; None where another was first."""
    source, every = tenant.sync.source, tenant.sync.compare_every
    if source is None or every is None or not begin_round(db, connection, tenant.name, every, now):
        return None
    new = NewBatch(tenant.name, source, COMPARISON, "scheduled comparison of all kits", select={"all": True, "scheduled": True})
    batch = batches.open_batch(connection, new, "the schedule", now)
    set_batch(connection, tenant.name, now, batch.id)
    return Lane(tenant.name, source)


def _planning(connection: Connection, batch: str) -> bool:
    statement = select(batch_rows.c.id).where(batch_rows.c.id == batch, batch_rows.c.state == BatchState.PLANNING)
    return connection.execute(statement).first() is not None


def _outcome(connection: Connection, batch: str | None) -> tuple[int | None, str | None]:
    """How many kits differed, and what went wrong. A comparison that found nothing has left no batch."""
    row = connection.execute(select(batch_rows.c.total, batch_rows.c.message).where(batch_rows.c.id == batch)).one_or_none()
    return (0, None) if row is None else (row.total, row.message)


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
