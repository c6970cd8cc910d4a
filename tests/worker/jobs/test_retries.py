"""Waits between attempts and looks: bounds, growth, orders of the ERP, and no third failing request within the window."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from worker.jobs.retries import LONGEST_ORDER, REPEATS, backoff, next_attempt, next_poll, not_before, usual_wait
from worker.settings import Retries

chances = st.floats(0, 1, exclude_max=True)
firsts = st.floats(0.1, 60)
mosts = st.floats(60, 3600)
counts = st.integers(0, 10_000)
ROUNDING = 1e-6


@given(counts, firsts, mosts, chances)
def test_backoff_has_bounds(failures: int, first: float, most: float, chance: float) -> None:
    """A wait is at least half the first one and never more than the longest."""
    assert first / 2 <= backoff(failures, first, most, chance) <= most


@given(counts, firsts, mosts, chances)
def test_backoff_grows(failures: int, first: float, most: float, chance: float) -> None:
    """With the same luck, one failure more never means a shorter wait."""
    assert backoff(failures + 1, first, most, chance) >= backoff(failures, first, most, chance)


@given(st.integers(1, 30), firsts, mosts, chances, chances)
def test_backoff_scatters_upwards(failures: int, first: float, most: float, one: float, other: float) -> None:
    """Luck at most doubles a wait: waits scatter, and the next step is never shorter than this one's shortest."""
    assert backoff(failures, first, most, one) <= 2 * backoff(failures, first, most, other) + ROUNDING


def test_backoff_doubles() -> None:
    """The ceiling doubles from the first wait up to the longest."""
    assert [backoff(n, 5, 60, 0) for n in (1, 2, 3, 4, 5, 6)] == [2.5, 5, 10, 20, 30, 30]


@given(counts, chances)
def test_listed_waits(failures: int, chance: float) -> None:
    """Rules with a list of waits follow it, a tenth more or less; after its end the last one stays."""
    rules = Retries(waits=(5, 30, 120))
    listed = (5, 5, 30, 120)[min(failures, 3)]
    assert 0.9 * listed <= usual_wait(failures, rules, chance) <= 1.1 * listed
    assert next_attempt(0, [0, 0], replace(rules, repeat_window=0), chance) == usual_wait(2, rules, chance)


@given(st.floats(-10, 1e7), chances)
def test_order_is_honoured(ordered: float, chance: float) -> None:
    """`Retry-After` is waited for in full up to an hour; more is not believed."""
    wait = next_attempt(0, [0], Retries(), chance, ordered)
    assert wait + ROUNDING >= min(ordered, LONGEST_ORDER)
    assert wait <= max(Retries().most, LONGEST_ORDER)


@given(st.floats(0, 4), chances)
def test_short_order_shortens_nothing(ordered: float, chance: float) -> None:
    """An ERP that asks for less than our backoff gets our backoff."""
    assert next_attempt(0, [0], Retries(), chance, ordered) >= next_attempt(0, [0], Retries(), chance)


@given(st.lists(st.tuples(chances, st.none() | st.floats(0, 7200)), min_size=1, max_size=30), firsts, st.floats(1, 900))
def test_third_failure_waits(tries: list[tuple[float, float | None]], first: float, window: float) -> None:
    """However often a request fails, any window holds at most two of its failures."""
    rules = Retries(first=first, repeat_window=window)
    failed_at: list[float] = []
    now = 1_000_000.0
    for chance, ordered in tries:
        failed_at.append(now)
        now = next_attempt(now, failed_at, rules, chance, ordered)
    gaps = [later - earlier for earlier, later in zip(failed_at, failed_at[REPEATS:], strict=False)]
    assert all(gap >= window - ROUNDING for gap in gaps)


@given(st.lists(st.floats(0, 1e6), max_size=REPEATS - 1))
def test_first_failure_is_free(failed_at: list[float]) -> None:
    """One failure alone holds up nothing."""
    assert not not_before(failed_at, 300)


@given(st.integers(0, 10_000), firsts, mosts, chances)
def test_polls_thin_out(polls: int, first: float, most: float, chance: float) -> None:
    """Looks come no sooner than the first wait and no later than the longest, and never closer together."""
    wait = next_poll(polls, first, most, chance)
    assert min(first, most) <= wait <= most
    assert next_poll(polls + 1, first, most, chance) >= wait
