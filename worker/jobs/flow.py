"""How fast jobs came to their ends of late, and when the others will at that pace. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

WINDOW: Final = timedelta(minutes=5)
SLICE: Final = timedelta(seconds=10)
_SLICE: Final = SLICE.total_seconds()
_SLICES: Final = WINDOW // SLICE
_LEAST: Final = 1.0
"""Seconds: what was seen for less says nothing of a minute."""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """When all will have ended, and the earliest and latest time that one may count on. `first` <= `at` <= `last`."""

    at: datetime
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Flow:
    """Ends by age: `ends[n]` is how many ended n slices ago, in the `seconds` that were looked at."""

    ends: tuple[int, ...]
    seconds: float

    @property
    def mean(self) -> float:
        """Ends in a minute, all alike."""
        return sum(self.ends) / self.seconds * 60

    @property
    def rate(self) -> float:
        """Ends in a minute. One counts the less the older it is, and at the window's end nothing: so a change of pace is soon seen."""
        lengths = [min(_SLICE, self.seconds - n * _SLICE) for n in range(len(self.ends))]
        return sum(self._weighed()) / sum(_weight(n) * length for n, length in enumerate(lengths)) * 60

    @property
    def silence(self) -> float:
        """Seconds in which nothing has ended, up to now; a slice is not looked into."""
        return next((n for n, count in enumerate(self.ends) if count), len(self.ends)) * _SLICE

    @property
    def spread(self) -> float:
        """How far off the rate may be, as a part of it: 1 where all ended at once or one alone, about a quarter for a steady stream.

        Ends come in lumps, as one call tells of many documents. So a lump, not an end, is what has been seen once.
        """
        weighed = self._weighed()
        return math.sqrt(max(weighed) / sum(weighed)) if any(weighed) else 1.0

    def _weighed(self) -> list[float]:
        return [_weight(n) * count for n, count in enumerate(self.ends)]


def flow_of(ages: Mapping[int, int], seconds: float) -> Flow:
    """The flow of what ended so many slices ago; `seconds`: since when was looked. A clock that runs ahead makes an end a new one."""
    whole = min(max(seconds, _LEAST), WINDOW.total_seconds())
    ends = [0] * math.ceil(whole / _SLICE)
    for age, count in ages.items():
        ends[min(max(age, 0), len(ends) - 1)] += count
    return Flow(tuple(ends), whole)


def foreseen(flow: Flow, remaining: int, now: datetime, not_before: datetime | None = None) -> Foreseen | None:
    """When the remaining jobs will have ended; None for none, and while none ends. `not_before`: one of them starts only then.

    What has kept silent for a minute is not over in a second: the rest takes at least as long as nothing has ended by now.
    """
    rate = flow.rate
    if not remaining or rate <= 0:
        return None
    least = max(0.0, (not_before - now).total_seconds()) if not_before is not None else 0.0
    left, spread = max(remaining / rate * 60, flow.silence), 1 + flow.spread
    first, at, last = (now + timedelta(seconds=max(each, least)) for each in (left / spread, left, left * spread))
    return Foreseen(at, first, last)


def _weight(age: int) -> float:
    return 1 - age / _SLICES
