"""Group commit: what arrives at one moment is stored in one transaction, and each request waits for its own answer.

The first request of a moment leads: it stores everything that stands in line, itself included, and hands the lead on. While a transaction
is on its way to the disk the next group gathers, so the groups grow with the load and nobody waits for a timer.
"""

from __future__ import annotations

from collections import deque
from threading import Lock
from time import perf_counter
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import DataError, IntegrityError

from worker.errors import LedgerUnavailable
from worker.jobs import arrivals
from worker.jobs.arrivals import asked_for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from webhooks.concurrency import Concurrency, Signal
    from worker.jobs.arrivals import Arrival, Stored
    from worker.jobs.engine import Database
    from worker.metrics import Metrics

MOST: Final = 64
"""Deliveries in one transaction: enough to make its price small, few enough to keep it short."""

MOST_JOBS: Final = 1_000
"""Jobs in one transaction, for the same reason; the first delivery may have as many as it likes."""


class _Place:
    """A request's place in the line."""

    __slots__ = ("arrival", "leads", "outcome", "signal")

    def __init__(self, arrival: Arrival, signal: Signal) -> None:
        self.arrival = arrival
        self.signal = signal
        self.leads = False
        self.outcome: Stored | Exception | None = None


class Writer:
    """Stores arrivals. Safe for any number of requests at once."""

    def __init__(self, database: Database, concurrency: Concurrency, metrics: Metrics, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._concurrency = concurrency
        self._metrics = metrics
        self._clock = clock
        self._line: deque[_Place] = deque()
        self._lock = Lock()  # held for a few instructions and never while waiting, so greenlets may use it too
        self._led = False

    def store(self, arrival: Arrival) -> Stored:
        """Store it, with whatever else arrives now. Raises `LedgerUnavailable` when it can't be stored; then nothing of it was."""
        place = _Place(arrival, self._concurrency.signal())
        with self._lock:
            self._line.append(place)
            place.leads = not self._led
            self._led = True
        if not place.leads:
            place.signal.wait()
        if place.leads:
            self._lead()
        if isinstance(place.outcome, Exception):
            raise place.outcome
        if place.outcome is None:
            raise LedgerUnavailable("the request that was to store this one was ended")
        return place.outcome

    def _lead(self) -> None:
        with self._lock:
            group = self._group()
        try:
            self._settle(group)
        finally:
            self._hand_on(group)

    def _group(self) -> list[_Place]:
        """The next ones of the line that go together."""
        group, jobs = [self._line.popleft()], 0
        while self._line and len(group) < MOST:
            jobs += len(asked_for(group[-1].arrival))
            if jobs + len(asked_for(self._line[0].arrival)) > MOST_JOBS:
                break
            group.append(self._line.popleft())
        return group

    def _settle(self, group: list[_Place]) -> None:
        try:
            answers = self._concurrency.store(lambda: self._store([place.arrival for place in group]))
        except Exception as error:  # noqa: BLE001 - each request of the group must learn of it
            answers = [error] * len(group)
        for place, answer in zip(group, answers, strict=True):
            place.outcome = answer

    def _hand_on(self, group: list[_Place]) -> None:
        with self._lock:
            following = self._line[0] if self._line else None
            self._led = following is not None
        if following is not None:
            following.leads = True
            following.signal.set()
        for place in group:
            place.signal.set()

    def _store(self, group: Sequence[Arrival]) -> list[Stored | Exception]:
        started = perf_counter()
        try:
            return [*self._transaction(group)]
        except LedgerUnavailable:
            raise
        except Exception:  # noqa: BLE001 - another process stored one of the keys in the same instant, or one of them is odd: it harms no other
            return [self._alone(arrival) for arrival in group]
        finally:
            self._metrics.store_seconds.observe(perf_counter() - started)
            self._metrics.stored_together.observe(len(group))

    def _alone(self, arrival: Arrival) -> Stored | Exception:
        try:
            return self._transaction([arrival])[0]
        except (IntegrityError, DataError, LedgerUnavailable) as error:
            return LedgerUnavailable(f"it could not be stored: {type(error).__name__}")
        except Exception as error:  # noqa: BLE001 - a fault of ours, told to its own request
            return error

    def _transaction(self, group: Sequence[Arrival]) -> list[Stored]:
        with self._database.write() as connection:
            return arrivals.store(self._database, connection, group, self._clock())
