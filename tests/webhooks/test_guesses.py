"""Wrong keys by address: counted over all processes, within bounds, and never in the way of a right one."""

from __future__ import annotations

import contextlib
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import redis

from webhooks import guesses as module
from webhooks.guesses import A_MINUTE, Guesses
from webhooks.problems import Problem
from webhooks.rates import Rates
from webhooks.rates_shared import SharedRates, rates_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from tests.webhooks.world import World
    from webhooks.rates import Taking

NOW: Final = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
HERE: Final = "192.0.2.1"


def passed(guesses: Guesses, address: str, tries: int = 1) -> int:
    """How many wrong keys from there are not one too many."""
    count = 0
    for _ in range(tries):
        with contextlib.suppress(Problem):
            guesses.count(address)
            count += 1
    return count


def test_api_refuses_guesses_alike(small_world: World) -> None:
    """However many wrong keys come to the API, each is answered as the first one was."""
    assert {small_world.ask("GET", "/api/jobs", "guess").status_code for _ in range(3 * A_MINUTE)} == {401}


def test_processes_count_together(clean_redis_url: str) -> None:
    """What is guessed at one process counts at the others as soon as they hear of it."""
    clock = lambda: datetime.now(UTC)  # noqa: E731 - a clock
    first, second = (rates_for(clean_redis_url, time.time) for _ in range(2))
    with contextlib.closing(first), contextlib.closing(second), contextlib.closing(redis.Redis.from_url(clean_redis_url)) as client:
        assert passed(Guesses(first, clock), HERE, A_MINUTE) == A_MINUTE
        end = time.monotonic() + 20
        while not client.exists(f"kitrelay:rate:wrong login/{HERE}") and time.monotonic() < end:
            time.sleep(0.01)
        there = Guesses(second, clock)
        assert passed(there, HERE) == 1
        while passed(there, HERE) and time.monotonic() < end:
            time.sleep(0.2)
        assert time.monotonic() < end


class Away:
    """Redis that is not there."""

    def take(self, takings: Sequence[Taking]) -> list[float]:
        """Nobody is told."""
        raise redis.ConnectionError(str(len(takings)))

    def close(self) -> None:
        """Nothing."""


def test_redis_away_is_bounded() -> None:
    """While Redis is away each process counts for itself."""
    with contextlib.closing(SharedRates(Away(), NOW.timestamp)) as rates:
        assert passed(Guesses(rates, lambda: NOW), HERE, 99) == A_MINUTE


def test_addresses_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """From more addresses than are remembered, those that are new are counted as one; those that are quiet again make room."""
    monkeypatch.setattr(module, "MOST_ADDRESSES", 20)
    now, rates = NOW, Rates()
    guesses = Guesses(rates, lambda: now)
    assert sum(passed(guesses, f"first {n}") for n in range(20)) == 20
    now += timedelta(seconds=2)
    assert sum(passed(guesses, f"second {n}") for n in range(99)) == A_MINUTE
    assert passed(guesses, "first 7") == 1
    now += timedelta(minutes=2)
    assert passed(guesses, "third") == 1
    assert rates.forget_full(now.timestamp()) == 1


def test_late_news_of_what_was_forgotten() -> None:
    """News of a bucket that was given up in the meantime changes nothing."""
    rates, then = Rates(), NOW.timestamp()
    assert rates.take(("door", HERE), 60, then) == 0
    (taking,) = rates.taken(then)
    assert rates.forget_full(then + 60) == 0
    rates.learn(taking, 0.0, then + 60)
    assert not rates.has(("door", HERE))
