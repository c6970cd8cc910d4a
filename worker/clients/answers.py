"""What each answer tells about the ERP's health and our budget, for whoever counts. Pure.

Visma sends `X-RateLimit-Limit`, `-Remaining` and `-Reset` (seconds) on every response, and `Retry-After` with 429 (documented). Before 2022
the reset was an epoch time: both are read.

Intacct counts concurrent calls (throttle), calls a minute (soft) and an hour (hard), and concurrent calls of the tenant, each with a header
of its own for the wait, spelt `-Retry-After` or `-RetryAfter` (documented; both seen). Of what is left only the hour's number is a budget;
its sample value -1 says nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST: Final = 3600.0
_EPOCH: Final = 1_000_000_000.0  # no window lasts thirty years: such a number is a time
_EPOCH_MS: Final = 1_000_000_000_000.0
_HOUR_LIMIT: Final = "x-ia-hour-rate-limit"
_WAITS: Final = tuple(
    f"{stem}{ending}"
    for stem in ("", "x-ia-throttle-limit-", f"{_HOUR_LIMIT}-", "x-ia-minute-rate-limit-", "x-ia-tenant-throttle-limit-")
    for ending in ("retry-after", "retryafter")
)
"""Headers that tell a wait, in the order in which they are believed (seen in an SDK)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One call's end. `at` is epoch seconds; `status` is None when no answer came; `resets_in` and `retry_after` are seconds up to an hour.

    `error_class` is None when the call did what it should. `token` marks calls to the token endpoint: not the ERP's, and not in its budget.
    """

    at: float
    status: int | None
    ms: float
    limit: int | None = None
    remaining: int | None = None
    resets_in: float | None = None
    retry_after: float | None = None
    server_date: datetime | None = None
    error_class: str | None = None
    token: bool = False


def ignore(_answer: Answer) -> None:
    """An observer that looks away."""


def answer_of(at: float, ms: float, status: int, headers: Mapping[str, str], error_class: str | None, *, token: bool) -> Answer:
    """The answer as its headers, their names in lower case, tell it."""
    date = time_of(headers.get("date"))
    now = date.timestamp() if date else at
    return Answer(
        at=at,
        status=status,
        ms=ms,
        limit=_whole(headers.get("x-ratelimit-limit") or headers.get(_HOUR_LIMIT)),
        remaining=_left(headers),
        resets_in=resets_in(headers, now),
        retry_after=retry_after(headers, now),
        server_date=date,
        error_class=error_class,
        token=token,
    )


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds to wait by `Retry-After` or Intacct's own headers, given as seconds or as an HTTP date; from 0 to an hour.

    The first that asks for a wait counts; 0 where none does and one was sent.
    """
    waits = [wait for name in _WAITS if name in headers and (wait := _wait(headers[name], now)) is not None]
    return next((wait for wait in waits if wait > 0), waits[0] if waits else None)


def _wait(text: str, now: float) -> float | None:
    seconds = _number(text)
    if seconds is not None:
        return _bounded(seconds)
    date = time_of(text)
    return _bounded(date.timestamp() - now) if date else None


def resets_in(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds until the window starts anew by `X-RateLimit-Reset`, given as seconds, epoch seconds or epoch milliseconds.

    Of Intacct's hour by its header for the wait.
    """
    number = _number(headers.get("x-ratelimit-reset"))
    if number is None:
        text = headers.get(f"{_HOUR_LIMIT}-retry-after") or headers.get(f"{_HOUR_LIMIT}-retryafter")
        return _wait(text, now) if text else None
    if number >= _EPOCH_MS:
        return _bounded(number / 1000 - now)
    return _bounded(number - now if number >= _EPOCH else number)


@lru_cache(maxsize=64)
def time_of(text: str | None) -> datetime | None:
    """An HTTP date in UTC, or None."""
    if not text:
        return None
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _left(headers: Mapping[str, str]) -> int | None:
    left = _whole(headers.get("x-ratelimit-remaining"))
    if left is not None:
        return left
    of_hour = _whole(headers.get(f"{_HOUR_LIMIT}-remaining"))
    return of_hour if of_hour is not None and of_hour >= 0 else None


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text else None
    except ValueError:
        return None
    return number if number is not None and math.isfinite(number) else None


def _whole(text: str | None) -> int | None:
    number = _number(text)
    return None if number is None else int(number)


def _bounded(seconds: float) -> float:
    return min(max(seconds, 0.0), LONGEST)
