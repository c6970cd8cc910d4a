"""How fast jobs ended of late, and when the others will."""

from __future__ import annotations

from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worker.jobs.acting import NOW, later
from worker.jobs.flow import SLICE, WINDOW, Flow, flow_of, foreseen

SLICES = WINDOW // SLICE
seconds = st.floats(0.0, 2 * WINDOW.total_seconds())
flows = st.builds(flow_of, st.dictionaries(st.integers(-3, SLICES), st.integers(0, 5_000)), seconds)


@given(st.integers(1, SLICES), st.integers(1, 1_000))
def test_steady_is_exact(slices: int, each: int) -> None:
    """Where as many end in each slice, that is the rate, however long it was looked at."""
    flow = flow_of(dict.fromkeys(range(slices), each), slices * SLICE.total_seconds())
    assert flow.rate == pytest.approx(each * 6)
    assert flow.mean == pytest.approx(each * 6)


@given(flows)
def test_rate_lies_between(flow: Flow) -> None:
    """The rate is one between those of the slowest and of the quickest slice; the mean counts every end once."""
    lengths = [min(SLICE.total_seconds(), flow.seconds - n * SLICE.total_seconds()) for n in range(len(flow.ends))]
    rates = [count / length * 60 for count, length in zip(flow.ends, lengths, strict=True)]
    assert min(rates) * 0.999 <= flow.rate <= max(rates) * 1.001
    assert flow.mean * flow.seconds / 60 == pytest.approx(sum(flow.ends))


@given(st.lists(st.integers(0, 50), min_size=SLICES, max_size=SLICES), st.integers(0, SLICES - 2))
def test_newer_count_more(ends: list[int], age: int) -> None:
    """An end a slice later makes the rate higher."""
    older, newer = list(ends), list(ends)
    older[age + 1] += 1
    newer[age] += 1
    full = WINDOW.total_seconds()
    assert Flow(tuple(newer), full).rate > Flow(tuple(older), full).rate


def test_change_is_seen() -> None:
    """Two minutes after it went ten times as fast, the rate is nearer to the new pace than to the old."""
    flow = flow_of({n: 100 if n < 12 else 10 for n in range(SLICES)}, 300)
    assert flow.mean == pytest.approx(276)
    assert 330 < flow.rate < 600


@given(st.dictionaries(st.integers(-50, 50), st.integers(0, 9)), seconds)
def test_no_end_is_lost(ages: dict[int, int], looked: float) -> None:
    """What a clock that runs ahead or behind puts outside counts at the near border."""
    flow = flow_of(ages, looked)
    assert sum(flow.ends) == sum(ages.values())
    assert 1.0 <= flow.seconds <= WINDOW.total_seconds()
    assert len(flow.ends) == ceil(flow.seconds / SLICE.total_seconds())


@given(flows, st.integers(1, 100_000), st.none() | st.integers(-900, 900))
def test_end_lies_ahead(flow: Flow, remaining: int, starts: int | None) -> None:
    """Neither the end nor its range lies in the past, before a retry, or within a silence; the end lies in its range."""
    end = foreseen(flow, remaining, NOW, None if starts is None else later(starts))
    if end is None:
        assert sum(flow.ends) == 0
        return
    assert NOW <= end.first <= end.at <= end.last
    assert end.first >= later(starts or 0)
    assert end.at >= later(flow.silence)


@given(flows, st.integers(1, 10_000), st.integers(1, 10_000))
def test_more_take_longer(flow: Flow, fewer: int, more: int) -> None:
    """More jobs end no earlier."""
    first, second = foreseen(flow, fewer, NOW), foreseen(flow, fewer + more, NOW)
    assert (first is None) == (second is None)
    assert first is None or second is None or first.at <= second.at


@given(st.integers(1, SLICES - 1), st.integers(1, 1_000))
def test_range_narrows(slices: int, each: int) -> None:
    """The longer a stream was seen, the narrower the range; one lump, however large, says little."""
    shorter, longer = (Flow((each,) * count, count * SLICE.total_seconds()) for count in (slices, slices + 1))
    assert 1.0 >= shorter.spread > longer.spread > 0.2
    assert Flow((each, *([0] * slices)), (slices + 1) * SLICE.total_seconds()).spread == 1.0


def test_range_of_steady_and_of_few() -> None:
    """A steady stream is foreseen to a quarter; what rests on one lump may take half or twice as long."""
    steady = foreseen(Flow((10,) * SLICES, 300.0), 60, NOW)
    assert steady is not None
    assert steady.at == later(60)
    assert later(74) < steady.last < later(77)
    assert later(47) < steady.first < later(49)
    lump = foreseen(flow_of({0: 4}, 10), 8, NOW)
    assert lump is not None
    assert (lump.first, lump.at, lump.last) == (later(10), later(20), later(40))


def test_last_ones_trail() -> None:
    """When the last few keep silent, they are not said to end in a moment: the longer it lasts, the later."""
    ends = [foreseen(flow_of({n + silent: 50 for n in range(12)}, 300), 3, NOW) for silent in (0, 3, 12)]
    assert ends[0] is not None
    assert ends[0].at < later(2)
    assert [each.at for each in ends[1:] if each is not None] == [later(30), later(120)]


def test_nothing_is_foreseen() -> None:
    """Nobody knows when while none ends; and for none that is left there is nothing to say."""
    assert foreseen(flow_of({}, 60), 5, NOW) is None
    assert foreseen(flow_of({0: 5}, 60), 0, NOW) is None
