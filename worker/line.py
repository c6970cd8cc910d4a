"""The few jobs that are claimed for slots about to come free.

A thread that ends a call takes the next job from here at once, while the loop is still writing what came back: so a free slot waits for
no transaction. The line is as long as what will start before the loop is round again, and no longer: a pause acts as soon as without it.
"""

from __future__ import annotations

import math
from collections import deque
from threading import Lock
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker.jobs.model import Job

ROUND: Final = 0.03
"""Seconds that the loop takes to be round again, at most, while it is busy."""

_NEWEST: Final = 0.2


class Line:
    """Jobs in their order. `open` says whether threads may take one; the loop itself always may. Thread-safe."""

    def __init__(self) -> None:
        self._jobs: deque[Job] = deque()
        self._lock = Lock()
        self._seconds: float | None = None
        self.open = False

    def __len__(self) -> int:
        return len(self._jobs)

    def add(self, jobs: Iterable[Job]) -> None:
        """Put these behind the others."""
        with self._lock:
            self._jobs.extend(jobs)

    def follow(self) -> Job | None:
        """The next job for a thread that ended a call."""
        with self._lock:
            return self._jobs.popleft() if self.open and self._jobs else None

    def take(self, count: int) -> list[Job]:
        """The next jobs, for free slots."""
        with self._lock:
            return [self._jobs.popleft() for _ in range(min(count, len(self._jobs)))]

    def clear(self) -> list[Job]:
        """All that stand here: they are not to be started now."""
        with self._lock:
            left = list(self._jobs)
            self._jobs.clear()
        return left

    def took(self, seconds: float) -> None:
        """So long did a start take."""
        self._seconds = seconds if self._seconds is None else self._seconds + _NEWEST * (seconds - self._seconds)

    def length(self, slots: int) -> int:
        """How many of `slots` come free in a round, at the pace seen so far; at most half of them, none before a pace is known."""
        if self._seconds is None:
            return 0
        return min(slots // 2, math.ceil(slots * ROUND / max(self._seconds, ROUND)))
