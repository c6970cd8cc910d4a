"""The hour's calls and the rule about repeated requests."""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from worker.sandbox.counters import Counters

POLICY: Final = b"4-fixed-window"
REPEATS: Final = 2
_NOT_FAILED: Final = frozenset({401, 429})
_MANY: Final = 10_000


class Window:
    """A fixed window: so many calls, then none until it ends (documented: policy `4-fixed-window`, numbers in the headers)."""

    __slots__ = ("_ends", "_used", "length", "limit")

    def __init__(self, limit: int, length: float) -> None:
        self.limit = limit
        self.length = length
        self._used = 0
        self._ends = 0.0

    def take(self, now: float) -> bool:
        """Use one call, if there is one left."""
        if now >= self._ends:
            self._used, self._ends = 0, now + self.length
        if self._used >= self.limit:
            return False
        self._used += 1
        return True

    def change(self, limit: int, length: float, now: float) -> None:
        """Another limit from now on; what was used stays used."""
        self._ends = min(self._ends, now + length)
        self.limit, self.length = limit, length

    def reset_in(self, now: float) -> int:
        """Whole seconds until the window ends; the whole window when none has begun."""
        return max(1, math.ceil(self._ends - now if now < self._ends else self.length))

    def head(self, now: float) -> bytes:
        """The header lines that stand on every answer."""
        return b"X-RateLimit-Limit: %d\r\nX-RateLimit-Remaining: %d\r\nX-RateLimit-Reset: %d\r\nX-RateLimit-Policy: %b\r\n" % (
            self.limit,
            max(0, self.limit - self._used) if now < self._ends else self.limit,
            self.reset_in(now),
            POLICY,
        )


class Repeats:
    """The same failing request more than twice within five minutes (documented for the older gateway): counted, refused if so set.

    4xx and 5xx are counted apart: the first is a client that does not learn, the second one that does not wait.
    """

    __slots__ = ("_failed",)

    def __init__(self) -> None:
        self._failed: dict[int, list[tuple[float, int]]] = {}

    def seen(self, request: int, now: float, window: float, counters: Counters) -> bool:
        """Whether this request has failed too often already; that is counted."""
        failed = self._failed.get(request)
        if failed is None:
            return False
        recent = [(at, status) for at, status in failed if at > now - window]
        if len(recent) < REPEATS:
            return False
        unavailable = any(status >= HTTPStatus.INTERNAL_SERVER_ERROR for _, status in recent)
        counters.violations["repeated_unavailable" if unavailable else "repeated_failures"] += 1
        return True

    def note(self, request: int, status: int, now: float, window: float) -> None:
        """Remember how a request ended."""
        if status < HTTPStatus.BAD_REQUEST or status in _NOT_FAILED:
            return
        if len(self._failed) > _MANY:
            self._failed = {key: ends for key, ends in self._failed.items() if ends[-1][0] > now - window}
        self._failed.setdefault(request, []).append((now, status))

    def __len__(self) -> int:
        return len(self._failed)
