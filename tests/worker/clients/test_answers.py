"""What headers tell about the budget."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.clients.answers import LONGEST, answer_of, resets_in, retry_after, time_of

NOW = datetime(2026, 11, 3, 12, 0, 0, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("411", 411.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("-3", 0.0),
        ("99999", LONGEST),
        ("Tue, 03 Nov 2026 12:00:30 GMT", 30.0),
        ("Tue, 03 Nov 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("nan", None),
        ("", None),
    ],
)
def test_retry_after_in_any_form(text: str, seconds: float | None) -> None:
    """Seconds or a date, from 0 to an hour; nonsense is none."""
    assert retry_after({"retry-after": text}, NOW) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1800", 1800.0), (str(int(NOW) + 60), 60.0), (str((int(NOW) + 60) * 1000), 60.0), (str(int(NOW) - 60), 0.0), ("x", None)],
)
def test_reset_in_any_form(text: str, seconds: float | None) -> None:
    """Seconds as documented, or an epoch time as before 2022."""
    assert resets_in({"x-ratelimit-reset": text}, NOW) == seconds


def test_server_clock_counts() -> None:
    """Times in headers are measured by the server's own clock, however wrong ours is."""
    headers = {
        "date": "Tue, 03 Nov 2026 12:00:00 GMT",
        "x-ratelimit-reset": str(int(NOW) + 60),
        "x-ratelimit-limit": "15000",
        "x-ratelimit-remaining": "3",
    }

    answer = answer_of(NOW + 5000, 12.0, 200, headers, None, token=False)

    assert (answer.limit, answer.remaining, answer.resets_in) == (15000, 3, 60.0)
    assert answer.server_date == datetime(2026, 11, 3, 12, tzinfo=UTC)


@given(text=st.text(max_size=40) | st.floats().map(str) | st.integers().map(str))
def test_any_text_is_survived(text: str) -> None:
    """Headers may hold anything."""
    waits = (retry_after({"retry-after": text}, NOW), resets_in({"x-ratelimit-reset": text}, NOW))

    assert all(wait is None or 0 <= wait <= LONGEST for wait in waits)
    time_of(text)


INTACCT_WAITS = [
    "Retry-After",
    "X-IA-Throttle-Limit-Retry-After",
    "X-IA-Hour-Rate-Limit-Retry-After",
    "X-IA-Minute-Rate-Limit-Retry-After",
    "X-IA-TENANT-Throttle-Limit-Retry-After",
]


@pytest.mark.parametrize("place", range(len(INTACCT_WAITS)))
@pytest.mark.parametrize("spelling", ["Retry-After", "RetryAfter"])
@pytest.mark.parametrize(("text", "seconds"), [("7", 7.0), ("Tue, 03 Nov 2026 12:00:30 GMT", 30.0)])
def test_intacct_waits(place: int, spelling: str, text: str, seconds: float) -> None:
    """Retry-After, then throttle, hour, minute and tenant, in either spelling, as seconds or as a date."""
    name = INTACCT_WAITS[place].replace("Retry-After", spelling).lower()
    later = {each.lower(): "99" for each in INTACCT_WAITS[place + 1 :]}

    assert retry_after({name: text, **later}, NOW) == seconds


def test_intacct_wait_of_nothing() -> None:
    """A header that asks for no wait does not hide one that does."""
    headers = {"retry-after": "0", "x-ia-hour-rate-limit-retry-after": "60"}

    assert retry_after(headers, NOW) == 60.0
    assert retry_after({"x-ia-throttle-limit-retryafter": "0"}, NOW) == 0.0


def test_intacct_hour_is_the_budget() -> None:
    """What is left of the hour counts; the throttle and the minute do not, nor does a sample's -1."""
    headers = {
        "x-ia-throttle-limit": "13",
        "x-ia-throttle-limit-remaining": "0",
        "x-ia-minute-rate-limit-remaining": "0",
        "x-ia-hour-rate-limit": "4000",
        "x-ia-hour-rate-limit-remaining": "17",
        "x-ia-hour-rate-limit-retry-after": "600",
    }

    answer = answer_of(NOW, 1.0, 200, headers, None, token=False)
    unsaid = answer_of(NOW, 1.0, 200, {**headers, "x-ia-hour-rate-limit-remaining": "-1"}, None, token=False)

    assert (answer.limit, answer.remaining, answer.resets_in) == (4000, 17, 600.0)
    assert unsaid.remaining is None
