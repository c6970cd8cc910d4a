"""Visma's times."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.clients.visma.times import body_time, filter_time, parse_time


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2026-11-03T10:20:53.75+01:00", "2026-11-03T10:20:53.750000+01:00"),
        ("2026-11-03T10:20:53.1234567Z", "2026-11-03T10:20:53.123456+00:00"),
        ("2026-11-03T10:20:53+0100", "2026-11-03T10:20:53+01:00"),
        ("2026-11-03T10:20:53.5", "2026-11-03T10:20:53.500000"),
        ("2026-11-03 10:20:53", "2026-11-03T10:20:53"),
        ("2026-11-03T10:20", "2026-11-03T10:20:00"),
        ("2026-11-03", "2026-11-03T00:00:00"),
    ],
)
def test_time_is_read(text: str, iso: str) -> None:
    """Any number of digits, a zone or none."""
    moment, has_zone = parse_time(text)

    assert moment.isoformat() == iso
    assert has_zone == ("+" in iso)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "2026-11-03T25:00:00", "2026-11-03T10:20:53+99:00"])
def test_nonsense_is_refused(text: str) -> None:
    """What is no time is a ValueError."""
    with pytest.raises(ValueError, match=r"."):
        parse_time(text)


@given(moment=st.datetimes(timezones=st.none() | st.just(UTC)))
def test_iso_times_come_back(moment: datetime) -> None:
    """Every ISO time reads as itself."""
    assert parse_time(moment.isoformat()) == (moment, moment.tzinfo is not None)


def test_filter_time_has_no_zone() -> None:
    """Filters take milliseconds and no zone."""
    assert filter_time(datetime(2026, 1, 2, 3, 4, 5, 6999, UTC)) == "2026-01-02T03:04:05.006"


def test_date_becomes_midnight() -> None:
    """A body wants a date-time."""
    assert (body_time("2026-01-31"), body_time("2026-01-31T12:00:00Z")) == ("2026-01-31T00:00:00", "2026-01-31T12:00:00Z")
