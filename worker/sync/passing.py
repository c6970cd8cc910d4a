"""Looks at kits that stand still: a connection that takes no call is passed by, so that the other systems' sides are shown all the same.

A paused or broken one is at once, any other after `PATIENCE`: somebody waits. The schedulers do this, once a second.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog
from sqlalchemy import and_, exists, false, or_, select

from worker.connections import budget_left
from worker.jobs import limits
from worker.jobs.changes import Change, apply
from worker.jobs.model import JobError
from worker.jobs.rows import job_of
from worker.jobs.states import BatchState, State
from worker.jobs.tables import batches, connections, jobs
from worker.jobs.verdicts import after, failed
from worker.jobs.views import at
from worker.sync.beside import Beside
from worker.sync.looking import Steps, seen_of
from worker.sync.traits import traits_by_erp
from worker.sync.translation import translation_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection

    from worker.jobs.engine import Database
    from worker.jobs.model import Job
    from worker.jobs.verdicts import Verdict
    from worker.settings import Settings, Tenant

KIND: Final = "read_kit"
PATIENCE: Final = timedelta(seconds=20)
MOST: Final = 100
_BY: Final = "kitrelay"
_STOPPED: Final = exists().where(
    connections.c.tenant == jobs.c.tenant,
    connections.c.erp == jobs.c.erp,
    or_(connections.c.paused_by.is_not(None), connections.c.opened > 0),
)
"""Its connection is paused or broken."""

_log = structlog.get_logger("scheduler")


class Passing:
    """Passes by, for all tenants."""

    def __init__(self, settings: Settings, db: Database) -> None:
        self._tenants = settings.tenants
        self._here = _of_settings(settings.tenants)
        self._db = db

    def sweep(self, now: datetime) -> int:
        """Let every look that stands still go on without the system it stands at; how many. Raises `LedgerUnavailable`."""
        with self._db.read() as connection:  # mostly there is none, and then no writer is held up
            if not self._still(connection, now):
                return 0
        with self._db.write() as connection:
            still = self._still(connection, now)
            begun = apply(self._db, connection, [self._begun(job, why, now) for job, why in still if job.state is State.QUEUED], now)
            reasons = {job.id: why for job, why in still}
            standing = [*(each.after for each in begun), *(job for job, _ in still if job.state is State.WAITING)]
            return len(apply(self._db, connection, [self._passed(job, reasons[job.id], now) for job in standing], now))

    def _still(self, connection: Connection, now: datetime) -> list[tuple[Job, str]]:
        """Of many only some, and only such as are passed by, so that their number falls and none hides behind looks that are well."""
        running = exists().where(batches.c.id == jobs.c.batch, batches.c.state == BatchState.RUNNING.value)
        wanted = select(jobs).where(
            jobs.c.tenant.in_(list(self._tenants)),
            jobs.c.kind == KIND,
            jobs.c.state.in_([State.QUEUED.value, State.WAITING.value]),
            jobs.c.due_at <= now,
            or_(jobs.c.batch.is_(None), running),
            or_(and_(jobs.c.batch.is_(None), jobs.c.due_at <= now - PATIENCE), _STOPPED),
            self._here,
        )
        ordered = wanted.order_by(jobs.c.state, jobs.c.id)  # by id alone, a database may walk through all jobs of a tenant to find none
        found = [job_of(row) for row in connection.execute(ordered.limit(MOST))]
        return [(job, why) for job in found if (why := self._why(connection, job, now)) is not None]

    def _why(self, connection: Connection, job: Job, now: datetime) -> str | None:
        """Why its connection takes no call; None: it may still. Looks of a batch wait for each other: that is no standing still."""
        state = limits.state_of(connection, job.lane)
        if state.paused_by is not None:
            return f"paused by {state.paused_by}"
        if not state.breaker.closed:
            return f"broken: {state.breaker.why or 'its calls fail'}"
        if job.batch is not None or job.due_at > now - PATIENCE:
            return None
        if state.blocked_until is not None and state.blocked_until > now:
            return f"the ERP ordered a wait until {at(state.blocked_until)}"
        ceiling = state.calls_per_hour or getattr(self._tenants[job.tenant], job.erp).calls_per_hour
        if budget_left(state.budget, ceiling, now) == 0:
            return "the hour's calls are used up"
        return f"it took no call within {PATIENCE.total_seconds():.0f} s"

    def _begun(self, job: Job, why: str, now: datetime) -> Change:
        running = replace(job, state=State.RUNNING, owner=_BY, fence=job.fence + 1, claimed_at=now, started_at=job.started_at or now)
        return Change(job, running, f"{job.erp}: {why}", _BY)

    def _passed(self, job: Job, why: str, now: datetime) -> Change:
        tenant = self._tenants[job.tenant]
        try:
            verdict = self._step(tenant, job, why)
        except Exception as error:  # noqa: BLE001 - a fault of ours ends one look, as in a lane, and not the schedulers
            _log.exception("a look could not be passed by", job=job.id)
            verdict = failed(JobError("bug", f"{type(error).__name__}: {error}"))
        return Change(job, after(job, verdict, now, getattr(tenant, job.erp).retries, 0.0), verdict.cause, _BY)

    def _step(self, tenant: Tenant, job: Job, why: str) -> Verdict:
        steps = Steps(tenant, Beside(tenant, translation_of(tenant.sync), traits_by_erp(tenant)))
        place = steps.place(seen_of(job))  # another than where it stands, where the settings changed meanwhile
        return steps.passed_by(job, job.erp, why) if place == job.erp else steps.after(job, seen_of(job), f"it is not for {job.erp}")


def _of_settings(tenants: Mapping[str, Tenant]) -> ColumnElement[bool]:
    """Looks at connections that the settings have."""
    having: dict[str, list[str]] = {}
    for name, tenant in tenants.items():
        for erp in tenant.erps():
            having.setdefault(erp, []).append(name)
    return or_(false(), *(and_(jobs.c.erp == erp, jobs.c.tenant.in_(names)) for erp, names in having.items()))
