"""The rates of all web processes as one: a bucket in Redis for each source, to which each process tells what it took.

A thread tells it ten times a second while there is something to tell, and sets the process's own bucket to what is left. No request waits
for it. So what all processes take together is at most the rate, and what comes within a tenth of a second in another process; that is
taken from what comes after. While Redis is away nothing changes in the answers but that: each process goes on with what it knows, and
allows the whole rate. What it took in the meantime is not told later: a source is rather allowed too much than refused below its rate.
"""

from __future__ import annotations

from threading import Event, Thread
from typing import TYPE_CHECKING, Final, Protocol

import redis
import structlog

from webhooks.rates import MINUTE, Rates

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from webhooks.rates import Taking

SPACING: Final = 0.1
_REST: Final = 1.0
_TIMEOUT: Final = 2.0
_log = structlog.get_logger("rates")

_TAKE: Final = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local size, speed, count = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local begun = now - tonumber(ARGV[4])
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local at = math.min(now, math.max(tonumber(kept[2]) or begun, begun))
local tokens = math.min(size, (tonumber(kept[1]) or size) + math.max(0, at - (tonumber(kept[2]) or at)) * speed) - count
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', string.format('%.6f', at))
redis.call('PEXPIRE', KEYS[1], math.ceil((size - tokens) / speed * 1000) + 60000)
return tostring(math.min(size, tokens + (now - at) * speed))
"""
"""Take `count` tokens as of when the first of them was taken, and say how many are left now. Redis' own clock: one for all machines."""


class Common(Protocol):
    """The buckets that all processes have in common."""

    def take(self, takings: Sequence[Taking]) -> list[float]:
        """What is left in each bucket after this was taken from it. Raises `RedisError` or `OSError`."""

    def close(self) -> None:
        """Give back the connection."""


class RedisBuckets:
    """The buckets in Redis. They go by themselves when they are full again."""

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(url, socket_timeout=_TIMEOUT, socket_connect_timeout=_TIMEOUT, retry=None)

    def take(self, takings: Sequence[Taking]) -> list[float]:
        """All in one round trip."""
        with self._client.pipeline(transaction=False) as asked:
            for each in takings:
                name = f"kitrelay:rate:{'/'.join(each.name)}"
                asked.eval(_TAKE, 1, name, each.size, each.size / MINUTE, each.count, max(0.0, each.at - each.since))
            return [float(left) for left in asked.execute()]

    def close(self) -> None:
        """Give back the connection."""
        self._client.close()


class SharedRates(Rates):
    """Rates that hold over all processes. Make it after a fork: it tells from a thread, which the first event starts."""

    def __init__(self, common: Common, clock: Callable[[], float]) -> None:
        super().__init__()
        self._common = common
        self._clock = clock
        self._wanted = Event()
        self._stopped = Event()
        self._thread: Thread | None = None
        self._away = False

    def take(self, name: tuple[str, str], per_minute: int, now: float) -> int:
        """As `Rates` does; the others hear of it soon."""
        wait = super().take(name, per_minute, now)
        if not wait:
            self._wanted.set()
            if self._thread is None:
                self._start()
        return wait

    def close(self, timeout: float = 2.0) -> None:
        """Tell no more; waits at most `timeout` seconds."""
        self._stopped.set()
        self._wanted.set()
        if self._thread is not None:
            self._thread.join(timeout)
        self._common.close()

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = Thread(target=self._run, name="rates", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while self._wanted.wait() and not self._stopped.is_set():
            self._wanted.clear()
            self._stopped.wait(SPACING if self._tell() else _REST)

    def _tell(self) -> bool:
        """Tell what was taken, and learn what is left; whether Redis is there."""
        takings = self.taken(self._clock())
        try:
            left = self._common.take(takings)
        except (redis.RedisError, OSError) as error:
            if not self._away:
                _log.warning("redis can't be reached; each process counts for itself until it is back", error=type(error).__name__)
            self._away = True
            return False
        self._away = False
        for taking, tokens in zip(takings, left, strict=True):
            self.learn(taking, tokens, self._clock())
        return True


def rates_for(redis_url: str, clock: Callable[[], float]) -> Rates:
    """Rates over all processes on this Redis; over one where none is named."""
    return SharedRates(RedisBuckets(redis_url), clock) if redis_url else Rates()
