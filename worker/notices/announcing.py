"""Make notices of what happens: the `Announcer` that the ledger carries, made from the settings.

One job for each event and each receiver that wants it. What a notice says is kept in its arguments: it tells of the move that made it,
whatever becomes of the job later. A notice never makes a notice, and what fails to reach one receiver holds up no other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from worker.jobs.progress import progress_of
from worker.jobs.states import State
from worker.jobs.verdicts import NewJob
from worker.jobs.views import batch_view
from worker.notices.contents import about_connection, about_job, told
from worker.settings import NOTICES, READ_KINDS, SEND_NOTICE, Retries

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from worker.connections import Breaker
    from worker.jobs.model import Batch, Job, Lane
    from worker.settings import Notice, Settings

WAITS: Final = (5.0, 30.0, 120.0, 300.0, 900.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0, 21_600.0, 36_000.0)
"""Seconds after the first, second … failure: a day in all, and dense at its beginning, where most failures are over soon."""

RULES: Final = Retries(attempts=len(WAITS) + 1, repeat_window=0.0, waits=WAITS)
UNTOLD: Final = frozenset({SEND_NOTICE, *READ_KINDS})
"""Of the ends of these nobody is told: notices themselves, and looks, whose asker waits for them."""

_ENDS: Final = {State.SUCCEEDED: "job.succeeded", State.FAILED: "job.failed"}


def announcer(settings: Settings) -> Notices | None:
    """Who is told of what, by the settings; None where nobody is."""
    wanted = {name: tuple(tenant.notices.values()) for name, tenant in settings.tenants.items() if tenant.notices}
    return Notices(wanted) if wanted else None


class Notices:
    """An `Announcer`. `wanted` are the receivers of each tenant that has any."""

    def __init__(self, wanted: Mapping[str, tuple[Notice, ...]]) -> None:
        self._wanted = wanted

    def job(self, job: Job, now: datetime) -> tuple[NewJob, ...]:
        """A job succeeded or failed."""
        event = _ENDS.get(job.state)
        receivers = self._receivers(job.tenant, event, job.kind) if event is not None else ()
        return _notices(job.tenant, event or "", receivers, about_job(job), job.reference, now) if receivers else ()

    def batch(self, connection: Connection, batch: Batch, now: datetime) -> tuple[NewJob, ...]:
        """A batch is over: succeeded, finished or cancelled."""
        receivers = self._receivers(batch.tenant, "batch.finished", batch.kind)
        if not receivers:
            return ()
        data = batch_view(batch, progress_of(connection, batch, now))
        return _notices(batch.tenant, "batch.finished", receivers, data, batch.name, now)

    def connection(self, lane: Lane, breaker: Breaker, now: datetime) -> tuple[NewJob, ...]:
        """A connection's breaker opened or closed. The notices' own lane has none to tell of."""
        event = "connection.recovered" if breaker.closed else "connection.broken"
        receivers = self._receivers(lane.tenant, event) if lane.erp != NOTICES else ()
        return _notices(lane.tenant, event, receivers, about_connection(lane, breaker), lane.erp, now)

    def _receivers(self, tenant: str, event: str, kind: str | None = None) -> tuple[Notice, ...]:
        """Those of the tenant that want this event; `kind` where it is about a job or a batch."""
        if kind in UNTOLD:
            return ()
        wanted = (each for each in self._wanted.get(tenant, ()) if event in each.events)
        return tuple(each for each in wanted if kind is None or not each.kinds or kind in each.kinds)


def _notices(
    tenant: str, event: str, receivers: tuple[Notice, ...], data: dict[str, Any], reference: str, now: datetime
) -> tuple[NewJob, ...]:
    return tuple(
        NewJob(
            tenant=tenant,
            erp=NOTICES,
            kind=SEND_NOTICE,
            arguments={"notice": receiver.name, **told(event, data, now)},
            reference=f"{receiver.name}: {event} {reference}",
            subject=None,
            max_attempts=RULES.attempts,
        )
        for receiver in receivers
    )
