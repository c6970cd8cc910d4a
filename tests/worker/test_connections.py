"""A connection's limits, pure: breaker, budget, shares, meter."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from worker.connections import (
    FAILURES_TO_OPEN,
    FIRST_PAUSE,
    HOUR,
    LONGEST_PAUSE,
    Breaker,
    Budget,
    Meter,
    Report,
    breaker_after,
    budget_after,
    budget_left,
    fair_share,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
chances = st.floats(0, 1, exclude_max=True)
moments = st.integers(0, 7200).map(lambda seconds: NOW + timedelta(seconds=seconds))
small = st.integers(0, 20)
reports = st.builds(
    Report,
    calls=small,
    oks=small,
    failures=small,
    left=st.none() | st.integers(0, 1000),
    resets_at=st.none() | moments,
    blocked_until=st.none() | moments,
    last_ok_at=st.none() | moments,
    refused=st.booleans(),
)
names = st.text("abcdef", min_size=1, max_size=3)


@given(st.integers(0, 100), st.sets(names, min_size=1, max_size=12))
def test_shares_add_up(slots: int, workers: set[str]) -> None:
    """The parts of all workers are the slots, none more than one larger than another."""
    shares = [fair_share(slots, worker, sorted(workers - {worker})) for worker in workers]
    assert sum(shares) == slots
    assert max(shares) - min(shares) <= 1


@given(chances)
def test_five_failures_open(chance: float) -> None:
    """Four failures in a row leave the breaker closed; the fifth opens it."""
    breaker = Breaker()
    for _ in range(FAILURES_TO_OPEN - 1):
        breaker = breaker_after(breaker, Report(failures=1, why="answers 503"), NOW, chance)
        assert breaker.closed
    breaker = breaker_after(breaker, Report(failures=1), NOW, chance)
    assert not breaker.closed
    assert breaker.why == "answers 503"


@given(st.lists(reports, max_size=20), chances)
def test_success_closes(before: list[Report], chance: float) -> None:
    """Whatever went before, one good answer with no failure after it closes the breaker and forgets all."""
    breaker = Breaker()
    for report in before:
        breaker = breaker_after(breaker, report, NOW, chance)
    assert breaker_after(breaker, Report(oks=1), NOW, chance) == Breaker()


def test_success_between_resets() -> None:
    """Failures count only in a row."""
    breaker = breaker_after(Breaker(), Report(failures=4), NOW, 0)
    assert breaker_after(breaker, Report(oks=1, failures=4), NOW, 0).closed


def test_refusal_opens_at_once() -> None:
    """Credentials that are refused are refused again: one such answer is enough."""
    assert not breaker_after(Breaker(), Report(failures=1, refused=True), NOW, 0).closed


@given(st.integers(1, 12), chances)
def test_pause_has_bounds(times: int, chance: float) -> None:
    """Each failed read pauses longer, from four seconds up to two minutes."""
    breaker, now, pause = Breaker(), NOW, 0.0
    for _ in range(times):
        breaker = breaker_after(breaker, Report(failures=FAILURES_TO_OPEN), now, chance)
        assert breaker.open_until is not None
        longer = (breaker.open_until - now).total_seconds()
        assert max(pause, FIRST_PAUSE * 0.8) <= longer <= LONGEST_PAUSE
        pause, now = longer, breaker.open_until
    assert breaker.opened == times


def test_late_failures_lengthen_nothing() -> None:
    """Calls that were under way when it opened, and fail too, don't make the pause longer."""
    opened = breaker_after(Breaker(), Report(failures=5), NOW, 0)
    late = breaker_after(opened, Report(failures=9), NOW + timedelta(seconds=1), 0)
    assert (late.opened, late.open_until) == (opened.opened, opened.open_until)


def test_asks_when_pause_is_over() -> None:
    """An open breaker asks for one read from its time on; a closed one never."""
    opened = breaker_after(Breaker(), Report(failures=5), NOW, 0)
    assert opened.open_until is not None
    assert [opened.asks(at) for at in (NOW, opened.open_until)] == [False, True]
    assert not Breaker().asks(NOW)


@given(st.lists(st.tuples(reports, st.integers(0, 900)), max_size=30), st.integers(1, 200))
def test_left_is_never_more(seen: list[tuple[Report, int]], ceiling: int) -> None:
    """What is left is between none and our ceiling, and never more than the ERP said last within its window."""
    budget, now = Budget(), NOW
    for report, seconds in seen:
        now += timedelta(seconds=seconds)
        budget = budget_after(budget, report, now)
        left = budget_left(budget, ceiling, now)
        assert left is not None
        assert 0 <= left <= ceiling
        if report.left is not None and budget.remote_resets_at is not None and now < budget.remote_resets_at:
            assert left <= report.left


@given(st.lists(small, max_size=20))
def test_calls_are_counted(calls: list[int]) -> None:
    """Within an hour every call counts; when it is over, counting begins anew."""
    budget = Budget()
    for each in calls:
        budget = budget_after(budget, Report(calls=each), NOW)
    assert budget_left(budget, 1000, NOW) == 1000 - sum(calls)
    assert budget_left(budget, 1000, NOW + HOUR) == 1000


def test_lowest_number_holds() -> None:
    """Answers overtake each other: a higher number that comes later is an older one."""
    reset = NOW + HOUR
    budget = budget_after(Budget(), Report(calls=1, left=5, resets_at=reset), NOW)
    budget = budget_after(budget, Report(calls=1, left=7, resets_at=reset), NOW)
    assert budget_left(budget, None, NOW) == 5


def test_calls_lower_the_remote() -> None:
    """Answers that say nothing of what is left have used it up all the same."""
    budget = budget_after(Budget(), Report(left=5, resets_at=NOW + HOUR), NOW)
    assert budget_left(budget_after(budget, Report(calls=2), NOW), None, NOW) == 3


def test_remote_window_ends() -> None:
    """When the ERP's hour is over, its last number says nothing more."""
    budget = budget_after(Budget(), Report(left=0, resets_at=NOW + timedelta(minutes=5)), NOW)
    later = NOW + timedelta(minutes=5)
    assert budget_left(budget, None, NOW) == 0
    assert budget.resets_at(NOW) == later
    assert budget_left(budget, None, later) is None
    assert budget_left(budget_after(budget, Report(calls=1, left=900, resets_at=later + HOUR), later), None, later) == 900


def test_no_limit_known() -> None:
    """Where nobody set a limit, none is invented."""
    assert budget_left(budget_after(Budget(), Report(calls=5), NOW), None, NOW) is None


@given(st.lists(reports, max_size=20))
def test_meter_adds_up(seen: list[Report]) -> None:
    """What threads saw is handed in once, whole."""
    meter = Meter()
    for report in seen:
        meter.saw(report)
    taken = meter.take(3)
    assert taken.calls == sum(report.calls for report in seen)
    assert taken.oks == sum(report.oks for report in seen)
    assert taken.under_way == 3
    assert taken.left == min((report.left for report in seen if report.left is not None), default=None)
    assert taken.blocked_until == max((report.blocked_until for report in seen if report.blocked_until is not None), default=None)
    assert meter.take(0) == Report()


@given(st.lists(st.sampled_from([Report(oks=1), Report(failures=1)]), max_size=30))
def test_meter_counts_in_a_row(seen: list[Report]) -> None:
    """Failures are those since the last good answer."""
    meter = Meter()
    row = 0
    for report in seen:
        meter.saw(report)
        row = 0 if report.oks else row + 1
    assert meter.take(0).failures == row


def test_meter_forgets_refusal() -> None:
    """A refusal before a good answer is over, and so is its reason."""
    meter = Meter()
    meter.saw(Report(failures=1, refused=True, why="refused"))
    meter.saw(Report(oks=1))
    taken = meter.take(0)
    assert (taken.refused, taken.why) == (False, None)


def test_meter_shows_order_at_once() -> None:
    """An ordered wait is known before it is handed in."""
    meter = Meter()
    meter.saw(Report(blocked_until=NOW))
    assert meter.blocked_until() == NOW
    meter.take(0)
    assert meter.blocked_until() is None


def test_meter_is_thread_safe() -> None:
    """No call is lost between threads."""
    meter = Meter()

    def call() -> None:
        for _ in range(500):
            meter.saw(Report(calls=1))

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert meter.take(0).calls == 4000
