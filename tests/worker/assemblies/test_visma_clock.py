"""The zone of Visma's times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.assemblies.visma_clock import offset_of, on_their_clock

NOW = datetime(2027, 1, 15, 8, 0, tzinfo=UTC)
zones = st.integers(-56, 56).map(lambda quarters: quarters * 15)
moments = st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis asks for naive ones


def shown(changed: datetime, zone: int) -> str:
    """A time as Visma shows it in that zone."""
    return on_their_clock(changed, zone).isoformat(timespec="milliseconds")


@given(now=moments, zone=zones, sent=st.floats(0.0, 360.0), share=st.floats(0.0, 1.0), skew=st.floats(-50.0, 50.0))
def test_fresh_change_tells(now: datetime, zone: int, sent: float, share: float, skew: float) -> None:
    """A document that was changed since the call was sent, some minutes ago, tells the zone, though the clocks differ by some seconds."""
    changed = now - timedelta(seconds=sent * share) + timedelta(seconds=skew)

    assert offset_of(shown(changed, zone), now.timestamp() - sent, now) == zone


@given(now=moments, zone=zones, stale=st.floats(3.0, 12.0), sent=st.floats(0.0, 60.0))
def test_stale_change_does_not(now: datetime, zone: int, stale: float, sent: float) -> None:
    """One that was changed minutes before the call tells nothing."""
    assert offset_of(shown(now - timedelta(minutes=stale), zone), now.timestamp() - sent, now) is None


@given(now=moments, zone=zones, stale=st.floats(0.0, 1e6), sent=st.floats(0.0, 3600.0))
def test_never_too_far_ahead(now: datetime, zone: int, stale: float, sent: float) -> None:
    """Whatever an old document makes us believe errs to the past: a list by it is longer than need be, and never lacks a document."""
    found = offset_of(shown(now - timedelta(seconds=stale), zone), now.timestamp() - sent, now)

    assert found is None or found <= zone


@pytest.mark.parametrize("text", [None, "", "yesterday", "2027-13-01T00:00:00"])
def test_no_time_tells_nothing(text: str | None) -> None:
    """What is no time tells nothing."""
    assert offset_of(text, NOW.timestamp(), NOW) is None


def test_named_zone() -> None:
    """A time that names its zone tells it, however old."""
    changed = datetime(2020, 1, 1, tzinfo=timezone(timedelta(hours=2)))

    assert offset_of(changed.isoformat(), NOW.timestamp(), NOW) == 120


@given(moment=moments, zone=zones)
def test_their_clock(moment: datetime, zone: int) -> None:
    """Their clock shows UTC and the zone, and names none."""
    theirs = on_their_clock(moment.astimezone(timezone(timedelta(hours=-7))), zone)

    assert theirs.tzinfo is None
    assert theirs == moment.replace(tzinfo=None) + timedelta(minutes=zone)
