"""The sandbox's own time: the real one, which a test may move forward."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache


class Clock:
    """Seconds since 1970 in UTC. `ahead` is by how much this clock is in front of the real one."""

    __slots__ = ("ahead",)

    def __init__(self) -> None:
        self.ahead = 0.0

    def now(self) -> float:
        """What the sandbox holds to be now."""
        return time.time() + self.ahead


def naive_text(local_ms: int) -> str:
    """A company's local time without a zone, as in `2026-01-15T10:20:53.757`."""
    seconds, ms = divmod(local_ms, 1000)
    return f"{_seconds_text(seconds)}.{ms:03}"


@lru_cache(4_096)
def _seconds_text(seconds: int) -> str:
    """The same for whole seconds. Documents of one page are mostly of a few seconds, so most texts are made once."""
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat()


def offset_text(at: float, offset: float) -> str:
    """A moment with the company's offset, as in `2026-01-15T10:20:53.757+01:00`."""
    return datetime.fromtimestamp(at, timezone(timedelta(seconds=offset))).isoformat(timespec="milliseconds")
