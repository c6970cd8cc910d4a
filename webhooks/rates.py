"""How often a source may send: a token bucket for each, in each process.

Each process allows the whole rate: a sender keeps its connection, and so comes to one of them. A sender with many connections may come to
as many times the rate as there are processes, which is still a bound; and none is refused below its rate.
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


@dataclass(slots=True)
class _Bucket:
    """What is left, as of when."""

    tokens: float
    at: float


class Rates:
    """The buckets of one process. A bucket holds what a minute allows, so that a burst of that size passes."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[str, str], _Bucket] = {}
        self._lock = Lock()

    def admit(self, tenant: str, source: Source, now: float) -> None:
        """Take one token at `now`, in seconds. Raises `Problem` 429 that says when there is one again."""
        size = float(source.per_minute)
        speed = source.per_minute / MINUTE
        with self._lock:
            bucket = self._buckets.setdefault((tenant, source.name), _Bucket(size, now))
            bucket.tokens = min(size, bucket.tokens + max(0.0, now - bucket.at) * speed)
            bucket.at = now
            if bucket.tokens >= 1:
                bucket.tokens -= 1
                return
            wait = ceil((1 - bucket.tokens) / speed)
        raise Problem(429, f"{source.name} may send {source.per_minute} events a minute", headers={"Retry-After": str(max(1, wait))})
