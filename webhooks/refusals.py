"""Keep what was not taken, so that operators see why; but only so much of it that nobody can fill the disk with it."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import IntegrityError

from webhooks.concurrency import Threads
from webhooks.receiver import KEPT_VALUE
from worker.errors import LedgerUnavailable
from worker.jobs import arrivals

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from webhooks.concurrency import Concurrency
    from worker.jobs.arrivals import Arrival
    from worker.jobs.engine import Database

A_MINUTE: Final = 60
KEPT_BYTES: Final = 4096
_MINUTE: Final = 60.0


class _Room:
    """How many more of each tenant and source are kept within a minute."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: dict[tuple[str, str], deque[float]] = {}
        self._lock = Lock()

    def take(self, arrival: Arrival, now: float) -> bool:
        """Take a place; whether there was one."""
        with self._lock:
            times = self._kept.setdefault((arrival.tenant, arrival.source), deque())
            while times and times[0] <= now - _MINUTE:
                times.popleft()
            if len(times) >= self._most:
                return False
            times.append(now)
            return True


class Refusals:
    """At most sixty a minute for each tenant and source over `processes` processes, and 4 KiB of each body."""

    def __init__(self, database: Database, concurrency: Concurrency, clock: Callable[[], datetime], processes: int = 1) -> None:
        self._database = database
        self._concurrency = concurrency
        self._clock = clock
        self._processes = processes
        self._room = _Room(max(1, A_MINUTE // max(1, processes)))

    def blocking(self) -> Refusals:
        """The same within the same bounds, for who is in a thread that may block."""
        other = Refusals(self._database, Threads(), self._clock, self._processes)
        other._room = self._room
        return other

    def keep(self, arrival: Arrival, state: str, reason: str) -> None:
        """Keep it as `duplicate` or `refused`, if there is room. Never raises: the sender's answer does not depend on it."""
        now = self._clock()
        if not self._room.take(arrival, now.timestamp()):
            return
        try:
            self._concurrency.call(lambda: self._record(short(arrival), state, reason, now))
        except (LedgerUnavailable, IntegrityError):
            return

    def _record(self, arrival: Arrival, state: str, reason: str, now: datetime) -> None:
        with self._database.write() as connection:
            arrivals.record(connection, arrival, state, reason, now)


def short(arrival: Arrival) -> Arrival:
    """With what is kept of its headers and its body."""
    headers = {name: value[:KEPT_VALUE] for name, value in arrival.headers.items()}
    return replace(arrival, body=cut(arrival.body), headers=headers)


def cut(body: str) -> str:
    """The first 4 KiB of it, in UTF-8, whole characters."""
    raw = body.encode()
    return body if len(raw) <= KEPT_BYTES else raw[:KEPT_BYTES].decode(errors="ignore")
