"""Times as ItemPath writes and reads them: by its own clock and without a zone (documented)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.sandbox.world import World

_DAY: Final = timedelta(days=1)
_WORDS: Final[dict[str, Callable[[datetime], tuple[datetime, datetime]]]] = {
    "today": lambda today: (today, today + _DAY),
    "yesterday": lambda today: (today - _DAY, today),
    "lastWeek": lambda today: (_monday(today) - 7 * _DAY, _monday(today)),
}


def here(world: World) -> float:
    """What the installations' clocks show, as if it were UTC; to microseconds, so that a text of it names it."""
    return round(world.clock.now() + world.settings.itempath_offset, 6)


def time_text(at: float) -> str:
    """`YYYY-MM-DDTHH:mm:ss.SSSSSS`."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")


def span(text: str, now: float) -> tuple[float, float]:
    """Beginning and end of what a text means: one moment, a day, or a word's days. Raises `ValueError`."""
    if text in _WORDS:
        today = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        first, last = _WORDS[text](today)
        return first.timestamp(), last.timestamp()
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f").replace(tzinfo=UTC).timestamp()
        return moment, moment
    return day.timestamp(), (day + _DAY).timestamp()


def _monday(day: datetime) -> datetime:
    """The beginning of a day's week."""
    return day - day.weekday() * _DAY
