"""How often a source may send: in one process, in several that hear of one another, and while Redis is away."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Final

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from webhooks.problems import Problem
from webhooks.rates import MINUTE, Rates, Taking
from webhooks.rates_shared import RedisBuckets, SharedRates, rates_for
from worker.settings import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

NOW: Final = 1_800_000_000.0


def source(per_minute: int) -> Source:
    """A source that may send so many events a minute."""
    return Source(name="shop", scheme="bearer", secrets=(), per_minute=per_minute)


def admitted(rates: Rates, shop: Source, now: float, tries: int = 1) -> int:
    """How many of the tries pass."""
    passed = 0
    for _ in range(tries):
        with contextlib.suppress(Problem):
            rates.admit("acme", shop, now)
            passed += 1
    return passed


def exchanged(buckets: RedisBuckets, rates: Rates, now: float) -> None:
    """One process tells the others, and learns."""
    takings = rates.taken(now)
    for taking, left in zip(takings, buckets.take(takings), strict=True):
        rates.learn(taking, left, now)


def until(fact: Callable[[], bool]) -> None:
    """Wait for it; a test that waits in vain is stopped by its own assertion."""
    end = time.monotonic() + 20
    while not fact() and time.monotonic() < end:
        time.sleep(0.01)
    assert fact()


@pytest.fixture
def buckets(clean_redis_url: str) -> Iterator[RedisBuckets]:
    """The common buckets, all full."""
    with contextlib.closing(RedisBuckets(clean_redis_url)) as found:
        yield found


@given(per_minute=st.integers(1, 900), jitter=st.lists(st.floats(0, 5), max_size=60))
def test_none_is_refused_below_its_rate(per_minute: int, jitter: list[float]) -> None:
    """Whoever waits a minute's share between two events is never refused, after any burst that is within the minute's worth."""
    rates, shop, now = Rates(), source(per_minute), NOW
    assert admitted(rates, shop, now, per_minute + 5) == per_minute
    for more in jitter:
        now += MINUTE / per_minute + more
        assert admitted(rates, shop, now) == 1


def test_processes_share_a_rate(buckets: RedisBuckets) -> None:
    """What one takes the others have no more, as soon as they hear of it."""
    shop, first, second = source(60), Rates(), Rates()
    assert admitted(first, shop, NOW, 50) == 50
    exchanged(buckets, first, NOW)
    assert admitted(second, shop, NOW) == 1
    exchanged(buckets, second, NOW)
    assert 9 <= admitted(second, shop, NOW, 99) <= 11


def test_overdraft_is_made_good(buckets: RedisBuckets) -> None:
    """What passed before others were heard of is taken from what comes after."""
    shop, processes = source(60), [Rates() for _ in range(3)]
    assert [admitted(each, shop, NOW, 99) for each in processes] == [60, 60, 60]
    for _ in range(2):
        for each in processes:
            exchanged(buckets, each, NOW)
            admitted(each, shop, NOW + 30)
    exchanged(buckets, processes[0], NOW)
    assert [admitted(each, shop, NOW + 100, 99) <= 60 for each in processes] == [True] * 3
    assert admitted(processes[2], shop, NOW + 30) == 0


def test_late_news_costs_nothing(buckets: RedisBuckets) -> None:
    """What was taken a while before it is told counts from then: the time between is not lost."""
    shop = source(60)
    (left,) = buckets.take([Taking(("acme", shop.name), 60.0, 60, NOW, NOW + 30)])
    assert 29.9 <= left <= 31


def test_sources_are_apart(buckets: RedisBuckets) -> None:
    """Each tenant's source has its own bucket, and it goes when it would be full again."""
    takings = [Taking(("acme", "shop"), 60.0, 60, NOW, NOW), Taking(("other", "shop"), 60.0, 1, NOW, NOW)]
    assert buckets.take(takings) == [pytest.approx(0, abs=1), pytest.approx(59, abs=1)]
    lives = [buckets._client.pttl(f"kitrelay:rate:{tenant}/shop") for tenant in ("acme", "other")]
    assert all(0 < life <= 121_000 for life in lives)


def test_thread_tells(clean_redis_url: str) -> None:
    """Two processes come to one rate by themselves, and no event waits for it."""
    shop = source(60)
    first, second = (rates_for(clean_redis_url, time.time) for _ in range(2))
    with contextlib.closing(first), contextlib.closing(second), contextlib.closing(redis.Redis.from_url(clean_redis_url)) as client:
        assert admitted(first, shop, time.time(), 60) == 60
        until(lambda: bool(client.exists("kitrelay:rate:acme/shop")))
        assert admitted(second, shop, time.time()) == 1
        until(lambda: admitted(second, shop, time.time()) == 0)


class Away:
    """Redis that is not there, until it is."""

    def __init__(self) -> None:
        self.is_away = True
        self.lost = 0
        self.told = 0

    def take(self, takings: Sequence[Taking]) -> list[float]:
        """Count what is told."""
        if self.is_away:
            self.lost += sum(each.count for each in takings)
            raise redis.ConnectionError("away")
        self.told += sum(each.count for each in takings)
        return [each.size - each.count for each in takings]

    def close(self) -> None:
        """Nothing."""


def test_redis_away_changes_nothing() -> None:
    """Each process allows the whole rate, none is refused below it, and what was taken meanwhile is not told."""
    away, shop = Away(), source(60)
    with contextlib.closing(SharedRates(away, lambda: NOW)) as rates:
        assert admitted(rates, shop, NOW, 99) == 60
        until(lambda: away.lost == 60)
        away.is_away = False
        assert [admitted(rates, shop, NOW + second) for second in range(1, 20)] == [1] * 19
        until(lambda: away.told > 0)
        assert away.told <= 19


def test_without_redis() -> None:
    """Where no Redis is named there is nobody to tell."""
    rates = rates_for("", time.time)
    assert type(rates) is Rates
    rates.close()
