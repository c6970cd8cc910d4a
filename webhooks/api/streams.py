"""A batch's progress as Server-Sent Events: `progress` on change, at most each second; a comment now and then; the end with the batch.

However many follow a batch, one of them reads the ledger for all in this process, each second; a stream that waits holds no thread.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

import orjson

from webhooks.problems import Problem
from worker.errors import LedgerUnavailable, NotFound
from worker.jobs import search
from worker.jobs.progress import progress_of
from worker.jobs.states import OPEN, BatchState
from worker.jobs.views import batch_view

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from webhooks.concurrency import Concurrency
    from worker.jobs.engine import Database

EVERY: Final = 1.0
HEARTBEAT: Final = 15.0
LONGEST: Final = 900.0
"""Seconds after which a stream ends; its client comes again by itself, with a key that may have been taken back since."""

MOST: Final = 200
"""Streams in one process."""

MOST_OF_KEY: Final = 20
RETRY_AFTER: Final = 5
MEDIA_TYPE: Final = "text/event-stream"
_PASSING: Final = ("rate_per_minute", "eta", "eta_range")
_OVER: Final = frozenset({BatchState.SUCCEEDED.value, BatchState.FINISHED.value, BatchState.CANCELLED.value})


@dataclass(slots=True)
class _Seen:
    """A batch as it was last read, for all who follow it.

    `event` is None when there is no such batch any more; `stands` is what of it does not change by the mere passing of time.
    """

    followers: int = 0
    read_at: float = float("-inf")
    reading: bool = False
    event: bytes | None = b""
    stands: bytes = b""
    over: bool = False


class Streams:
    """The streams of this process."""

    def __init__(
        self, database: Database, concurrency: Concurrency, clock: Callable[[], datetime], ticks: Callable[[], float] = monotonic
    ) -> None:
        self._database = database
        self._concurrency = concurrency
        self._clock = clock
        self._ticks = ticks
        self._seen: dict[str, _Seen] = {}
        self._open: Counter[str] = Counter()
        self._lock = Lock()  # held for a few instructions and never while waiting, so greenlets may use it too
        self._closing = False

    def open(self, batch_id: str, key: str) -> Stream:
        """A stream of a batch that the key may see. Raises `Problem` 503 when there are too many: take one, and close it."""
        with self._lock:
            if self._open.total() >= MOST or self._open[key] >= MOST_OF_KEY or self._closing:
                raise Problem(503, "there are too many streams: ask for the batch itself", headers={"Retry-After": str(RETRY_AFTER)})
            self._open[key] += 1
            self._seen.setdefault(batch_id, _Seen()).followers += 1
        return Stream(self._events(batch_id), lambda: self._left(batch_id, key))

    def close(self) -> None:
        """The process is to end: every stream ends within a second."""
        self._closing = True

    def _left(self, batch_id: str, key: str) -> None:
        with self._lock:
            self._open -= Counter((key,))
            self._seen[batch_id].followers -= 1
            if not self._seen[batch_id].followers:
                del self._seen[batch_id]

    def _events(self, batch_id: str) -> Iterator[bytes]:
        seen = self._seen[batch_id]
        stood = sent = b""
        began = spoke = self._ticks()
        yield b"retry: 2000\n\n"
        while not self._closing and self._ticks() - began < LONGEST:
            self._refresh(batch_id, seen)
            event, stands, over = seen.event, seen.stands, seen.over
            if event is None:
                return
            silent = self._ticks() - spoke >= HEARTBEAT
            if stands != stood or silent:
                yield event if event != sent else b": still here\n\n"
                stood, sent, spoke = stands, event, self._ticks()
            if over:
                return
            self._concurrency.pause(EVERY)

    def _refresh(self, batch_id: str, seen: _Seen) -> None:
        """Read the batch, unless it was read in the last second or somebody is at it: then what is known serves."""
        with self._lock:
            if seen.reading or self._ticks() - seen.read_at < EVERY * 0.9:
                return
            seen.reading = True
        try:
            view = self._concurrency.call(lambda: self._look(batch_id))
            seen.over = view["state"] in _OVER and not any(view["counts"][state.value] for state in OPEN)
            seen.event = b"event: progress\ndata: " + orjson.dumps(view) + b"\n\n"
            seen.stands = orjson.dumps({name: value for name, value in view.items() if name not in _PASSING})
        except NotFound:
            seen.event = None
        except LedgerUnavailable:  # it comes back, and so does the news
            pass
        finally:
            seen.read_at = self._ticks()
            seen.reading = False

    def _look(self, batch_id: str) -> dict[str, Any]:
        with self._database.read() as connection:
            batch = search.find_batch(connection, batch_id)
            return batch_view(batch, progress_of(connection, batch, self._clock()))


class Stream:
    """One client's events. Whoever takes it reads it to its end or closes it, begun or not."""

    def __init__(self, events: Iterator[bytes], left: Callable[[], None]) -> None:
        self._events = events
        self._left: Callable[[], None] | None = left

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._events)
        except BaseException:  # its end, or whatever ended it
            self.close()
            raise

    def close(self) -> None:
        """Give the place back."""
        left, self._left = self._left, None
        if left is not None:
            left()
