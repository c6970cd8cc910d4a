"""Dates in filters."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.sandbox.intacct.moments import MACROS, span


@pytest.mark.parametrize(
    ("macro", "first", "last"),
    [
        ("today", "2026-01-15", "2026-01-15"),
        ("yesterday", "2026-01-14", "2026-01-14"),
        ("currentWeek", "2026-01-11", "2026-01-17"),
        ("lastWeek", "2026-01-04", "2026-01-10"),
        ("currentMonth", "2026-01-01", "2026-01-31"),
        ("priorMonth", "2025-12-01", "2025-12-31"),
        ("currentQuarter", "2026-01-01", "2026-03-31"),
        ("priorQuarter", "2025-10-01", "2025-12-31"),
        ("currentYear", "2026-01-01", "2026-12-31"),
        ("priorYear", "2025-01-01", "2025-12-31"),
    ],
)
def test_macros(macro: str, first: str, last: str) -> None:
    """Each macro is a span of whole days, also over the turn of a year."""
    days = [datetime.fromtimestamp(at, UTC).date().isoformat() for at in span(macro, date(2026, 1, 15))]
    assert days == [first, last]


@given(st.sampled_from(sorted(MACROS)), st.dates(date(1990, 1, 1), date(2100, 1, 1)))
def test_spans_run_forward(macro: str, today: date) -> None:
    """A span never ends before it begins."""
    first, last = span(macro, today)
    assert first < last


def test_moments_without_zone() -> None:
    """A moment without a zone is UTC."""
    assert span("2026-01-15T10:00:00", date(2026, 1, 1)) == span("2026-01-15T11:00:00+01:00", date(2026, 1, 1))
