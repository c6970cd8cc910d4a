"""Dates in filters: a moment, a day, or one of the macros that mean a span of days (documented)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_DAY: Final = timedelta(days=1)
_WEEK: Final = timedelta(days=7)
_DATE_LENGTH: Final = 10
_LAST_MONTH: Final = 12

Days = tuple[date, date]
"""The first day of a span and the day after its last."""


def span(text: str, today: date) -> tuple[float, float]:
    """The first and last second that a text means, since 1970. Raises `ValueError`."""
    macro = MACROS.get(text)
    if macro is not None:
        return _seconds(macro(today))
    if len(text) == _DATE_LENGTH:
        day = date.fromisoformat(text)
        return _seconds((day, day + _DAY))
    moment = datetime.fromisoformat(text)
    at = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return at, at


def _seconds(days: Days) -> tuple[float, float]:
    first, after = (datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() for day in days)
    return first, after - 0.001


def _week(day: date) -> Days:
    """Weeks begin on Sunday (inferred)."""
    first = day - timedelta(days=(day.weekday() + 1) % 7)
    return first, first + _WEEK


def _months(day: date, first: int, count: int) -> Days:
    """So many months from the given one of the day's year on; 0 and less are those of the year before."""
    return _month(day.year, first), _month(day.year, first + count)


def _month(year: int, month: int) -> date:
    years, rest = divmod(month - 1, _LAST_MONTH)
    return date(year + years, rest + 1, 1)


def _quarter(day: date) -> int:
    """The first month of a day's quarter."""
    return (day.month - 1) // 3 * 3 + 1


MACROS: Final[Mapping[str, Callable[[date], Days]]] = {
    "today": lambda day: (day, day + _DAY),
    "yesterday": lambda day: (day - _DAY, day),
    "currentWeek": _week,
    "lastWeek": lambda day: _week(day - _WEEK),
    "currentMonth": lambda day: _months(day, day.month, 1),
    "priorMonth": lambda day: _months(day, day.month - 1, 1),
    "currentQuarter": lambda day: _months(day, _quarter(day), 3),
    "priorQuarter": lambda day: _months(day, _quarter(day) - 3, 3),
    "currentYear": lambda day: _months(day, 1, 12),
    "priorYear": lambda day: _months(day, -11, 12),
}
