"""The sandbox's own time: the real one, which a test may move forward."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone


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
    return datetime.fromtimestamp(local_ms / 1000, UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")


def offset_text(at: float, offset: float) -> str:
    """A moment with the company's offset, as in `2026-01-15T10:20:53.757+01:00`."""
    return datetime.fromtimestamp(at, timezone(timedelta(seconds=offset))).isoformat(timespec="milliseconds")
