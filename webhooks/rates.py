"""How often a source may send: a token bucket for each, in each process, set to the one that all processes have in common.

Each process counts for itself, so that no request waits for another program; `webhooks.rates_shared` tells the processes of one another.
Where nobody does, each allows the whole rate: a sender with many connections may come to as many times the rate as there are processes,
which is still a bound. Whatever is told or not, none is refused below its rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from threading import Lock
from typing import TYPE_CHECKING, Final

from webhooks.problems import Problem

if TYPE_CHECKING:
    from worker.settings import Source

MINUTE: Final = 60.0
EARLY: Final = 0.25
MISSING: Final = 0.5
"""What comes so many seconds before there is a token may pass, if no more of it is missing: clocks and news are no more exact than that."""


@dataclass(slots=True)
class _Bucket:
    """What is left, as of when; and what was taken that the others were not told of, since when."""

    size: float
    tokens: float
    at: float
    untold: int = 0
    since: float = 0.0

    @property
    def speed(self) -> float:
        return self.size / MINUTE

    def fill(self, now: float) -> None:
        """Add what the time since brought."""
        self.tokens = min(self.size, self.tokens + max(0.0, now - self.at) * self.speed)
        self.at = now


@dataclass(frozen=True, slots=True)
class Taking:
    """What one process took of a source's bucket between two moments of its clock: `count` tokens from `since` on, told at `at`."""

    name: tuple[str, str]
    size: float
    count: int
    since: float
    at: float


class Rates:
    """The buckets of one process. A bucket holds what a minute allows, so that a burst of that size passes."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[str, str], _Bucket] = {}
        self._lock = Lock()

    def admit(self, tenant: str, source: Source, now: float) -> None:
        """Take one token at `now`, in seconds. Raises `Problem` 429 that says when there is one again."""
        if wait := self.take((tenant, source.name), source.per_minute, now):
            raise Problem(429, f"{source.name} may send {source.per_minute} events a minute", headers={"Retry-After": str(wait)})

    def take(self, name: tuple[str, str], per_minute: int, now: float) -> int:
        """Take one token at `now`: 0, or where there is none the whole seconds until there is one again."""
        size = float(per_minute)
        with self._lock:
            bucket = self._buckets.setdefault(name, _Bucket(size, size, now))
            bucket.fill(now)
            missing = 1 - bucket.tokens
            if missing <= min(MISSING, EARLY * bucket.speed):
                bucket.tokens -= 1
                bucket.since = bucket.since if bucket.untold else now
                bucket.untold += 1
                return 0
            return max(1, ceil(missing / bucket.speed))

    def has(self, name: tuple[str, str]) -> bool:
        """Whether there is a bucket of this name."""
        with self._lock:
            return name in self._buckets

    def forget_full(self, now: float) -> int:
        """Give up the buckets that are full again: they say nothing. How many are left."""
        with self._lock:
            for bucket in self._buckets.values():
                bucket.fill(now)
            self._buckets = {name: bucket for name, bucket in self._buckets.items() if bucket.tokens < bucket.size}
            return len(self._buckets)

    def close(self) -> None:
        """Nobody is told anything."""

    def taken(self, now: float) -> list[Taking]:
        """What was taken since this was asked last, to be told to the others."""
        with self._lock:
            found = [Taking(name, bucket.size, bucket.untold, bucket.since, now) for name, bucket in self._buckets.items() if bucket.untold]
            for bucket in self._buckets.values():
                bucket.untold = 0
        return found

    def learn(self, taking: Taking, tokens: float, now: float) -> None:
        """So many were left of all processes' when the taking was told; what was taken here since then is taken from that."""
        with self._lock:
            bucket = self._buckets.get(taking.name)
            if bucket is None:  # given up since
                return
            bucket.tokens, bucket.at = tokens, taking.at
            bucket.fill(max(now, taking.at))
            bucket.tokens -= bucket.untold
