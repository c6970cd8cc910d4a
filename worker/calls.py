"""The threads in which calls to ERPs are made: one pool for a process, shared fairly by its lanes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.jobs.model import Lane


class CallThreads:
    """So many calls at once, at most; a lane gets its part of them while others have work too."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="call")
        self._lanes: set[Lane] = set()
        self._lock = Lock()

    def enter(self, lane: Lane) -> None:
        """The lane has work from now on."""
        with self._lock:
            self._lanes.add(lane)

    def leave(self, lane: Lane) -> None:
        """The lane has none any more."""
        with self._lock:
            self._lanes.discard(lane)

    def room(self) -> int:
        """How many calls each lane may have under way."""
        with self._lock:
            return max(1, self.threads // max(1, len(self._lanes)))

    def run(self, work: Callable[[], None]) -> None:
        """Run it in one of the threads. The work handles its own errors."""
        self._pool.submit(work)

    def close(self) -> None:
        """Wait for what is under way."""
        self._pool.shutdown(wait=True, cancel_futures=True)
