"""A ceiling on open work: beyond it a tenant's requests are answered 503. Counted now and then, not for each request."""

from __future__ import annotations

from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Final

from worker.errors import QueueFull
from worker.jobs.overview import in_line

if TYPE_CHECKING:
    from worker.jobs.engine import Database

MOST_OPEN: Final = 2_000_000
RETRY_AFTER: Final = 60
_COUNTED_FOR: Final = 5.0


class Fullness:
    """Knows roughly how many open jobs each tenant has: as counted in the last seconds, and what this process made since."""

    def __init__(self, database: Database, most: int = MOST_OPEN) -> None:
        self._database = database
        self._most = most
        self._counted: dict[str, tuple[float, int]] = {}
        self._lock = Lock()

    def admit(self, tenant: str, jobs: int) -> None:
        """Make room for so many jobs, or raise `QueueFull`."""
        with self._lock:
            counted_at, count = self._counted.get(tenant, (-_COUNTED_FOR, 0))
        if monotonic() - counted_at >= _COUNTED_FOR:
            with self._database.read() as connection:
                counted_at, count = monotonic(), in_line(connection, tenant)
        if count + jobs > self._most:
            raise QueueFull(f"{tenant} has {count} open jobs, and may have {self._most}: wait until some are done", RETRY_AFTER)
        with self._lock:
            self._counted[tenant] = (counted_at, count + jobs)
