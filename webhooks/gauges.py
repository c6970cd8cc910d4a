"""What the ledger knows, as Prometheus metrics; read at most every few seconds, however often it is scraped."""

from __future__ import annotations

from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Final

from prometheus_client.core import GaugeMetricFamily

from worker.jobs.model import Lane
from worker.jobs.overview import Count, final_counts, oldest_due, open_counts

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from prometheus_client import Metric

    from worker.jobs.engine import Database
    from worker.settings import Settings

LASTS: Final = 5.0
FINAL_LAST: Final = 60.0
"""Jobs that came to an end are many: they are counted once a minute."""


class Gauges:
    """Jobs by connection and state, and how long the oldest due one waits."""

    def __init__(self, settings: Settings, database: Database, clock: Callable[[], datetime]) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._lock = Lock()
        self._read_at = -LASTS
        self._final_at = -FINAL_LAST
        self._metrics: tuple[Metric, ...] = ()
        self._final: list[Count] = []

    def gather(self) -> tuple[Metric, ...]:
        """The metrics. Raises `LedgerUnavailable`."""
        with self._lock:
            if monotonic() - self._read_at >= LASTS:
                self._metrics = self._read()
                self._read_at = monotonic()
            return self._metrics

    def _read(self) -> tuple[Metric, ...]:
        now = self._clock()
        lanes = [Lane(tenant.name, erp) for tenant in self._settings.tenants.values() for erp in tenant.lanes()]
        with self._database.read() as connection:
            counts = open_counts(connection)
            due = {lane: oldest_due(connection, lane, now) for lane in lanes}
            if monotonic() - self._final_at >= FINAL_LAST:
                self._final = final_counts(connection)
                self._final_at = monotonic()
        return _jobs([*counts, *self._final]), _due(due, now)


def _jobs(counts: list[Count]) -> Metric:
    family = GaugeMetricFamily("kitrelay_jobs", "Jobs by state", labels=("tenant", "erp", "state"))
    for count in counts:
        family.add_metric((count.tenant, count.erp, count.state), count.jobs)
    return family


def _due(due: dict[Lane, datetime | None], now: datetime) -> Metric:
    family = GaugeMetricFamily("kitrelay_oldest_due_seconds", "How long the longest due job waits", labels=("tenant", "erp"))
    for lane, since in due.items():
        family.add_metric((lane.tenant, lane.erp), 0.0 if since is None else max(0.0, (now - since).total_seconds()))
    return family
