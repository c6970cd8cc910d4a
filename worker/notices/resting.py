"""Which receivers are left alone for now: those that said they want no more, and those that have stopped answering.

That a receiver is gone is known to all workers, by what the ledger has learned of the tenant's notices; it holds for one address, and a
changed one is tried at once. That it does not answer is seen by each worker for itself, and only spares the others' slots.
"""

from __future__ import annotations

import hashlib
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from worker.connections import Report

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from worker.connections import Meter
    from worker.settings import Notice

GONE_FOR: Final = 86_400.0
"""Seconds that a receiver is left alone after 410 (Gone), which asks for that (Standard Webhooks)."""

IN_A_ROW: Final = 5
REST: Final = 30.0
"""Seconds that a receiver rests after so many failures in a row."""

LASTS: Final = 2.0
"""Seconds between two looks at what the ledger has learned."""


class Resting:
    """Thread-safe. `learned` reads the ledger, None while it is away; `meter` carries what is learned here to it. Epoch seconds."""

    def __init__(self, learned: Callable[[], Mapping[str, Any] | None], meter: Meter) -> None:
        self._learned = learned
        self._meter = meter
        self._lock = Lock()
        self._known: Mapping[str, Any] = {}
        self._read_at = float("-inf")
        self._failures: dict[str, int] = {}
        self._until: dict[str, float] = {}

    def gone_until(self, receiver: Notice, now: float) -> float | None:
        """Until when the receiver wants nothing, if it said so."""
        with self._lock:
            self._look(now)
            found = self._known.get(_key(receiver)) or {}
        until: float = found.get("until", 0.0)
        return until if found.get("address") == _digest(receiver) and until > now else None

    def rests_until(self, receiver: Notice, now: float) -> float | None:
        """Until when it is not tried, since it did not answer lately."""
        until = self._until.get(receiver.name, 0.0)
        return until if until > now else None

    def went(self, receiver: Notice, now: float) -> None:
        """It wants no more."""
        self._learn(receiver, {"until": now + GONE_FOR, "address": _digest(receiver)}, now)

    def answered(self, receiver: Notice, now: float, *, well: bool) -> None:
        """It is there; `well`: it took a notice, so it is not gone either."""
        with self._lock:
            self._failures.pop(receiver.name, None)
            self._until.pop(receiver.name, None)
            was_gone = bool(self._known.get(_key(receiver)))
        if well and was_gone:
            self._learn(receiver, None, now)

    def failed(self, receiver: Notice, now: float) -> None:
        """It did not answer, or is out of order."""
        with self._lock:
            self._failures[receiver.name] = self._failures.get(receiver.name, 0) + 1
            if self._failures[receiver.name] >= IN_A_ROW:
                self._until[receiver.name] = now + REST

    def _look(self, now: float) -> None:
        if now - self._read_at < LASTS:
            return
        self._read_at = now
        found = self._learned()
        if found is not None:
            self._known = found

    def _learn(self, receiver: Notice, what: dict[str, Any] | None, now: float) -> None:
        """Here at once, and for the others with the lane's next refresh: not read again before."""
        with self._lock:
            self._known = {**self._known, _key(receiver): what}
            self._read_at = now
        self._meter.saw(Report(learned={_key(receiver): what}))


def _key(receiver: Notice) -> str:
    return f"gone/{receiver.name}"


def _digest(receiver: Notice) -> str:
    return hashlib.sha256(receiver.url.encode()).hexdigest()[:16]
