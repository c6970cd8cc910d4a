"""Health: whether deliveries can be stored, and how the rest does. A dead broker or dead workers never take the receiver out of service."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event, Lock, Thread
from time import monotonic
from typing import TYPE_CHECKING, Final

import redis

from worker.errors import LedgerUnavailable
from worker.jobs import fleet, limits
from worker.jobs.model import Lane
from worker.jobs.overview import can_store, last_move, oldest_due

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from worker.jobs.engine import Database
    from worker.settings import Settings

OK: Final = "ok"
LASTS: Final = 1.0
_BROKER_TIMEOUT: Final = 0.5
_FIRST_LOOK: Final = 1.5
_REST: Final = 9.0
_STUCK: Final = timedelta(seconds=60)
_ROLE: Final = "worker"


@dataclass(frozen=True, slots=True)
class Health:
    """Each is `ok` or what is wrong."""

    ledger: str
    broker: str
    workers: str
    progress: str


class Doctor:
    """Looks at the ledger when asked, at the rest in the background; both at most once a second, and a tenth of the time."""

    def __init__(self, settings: Settings, database: Database, clock: Callable[[], datetime]) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._lock = Lock()
        self._ledger: tuple[float, str] = (-LASTS, "")
        self._others: tuple[float, dict[str, str]] = (-LASTS, {})
        self._looking: Event | None = None

    def look(self) -> Health:
        """How everything does. Takes no longer than the ledger does, and at the first time a second for the rest."""
        ledger = self._look_at_ledger()
        others = self._look_at_others()
        return Health(ledger, *(others.get(name, "not known yet") for name in ("broker", "workers", "progress")))

    def _look_at_ledger(self) -> str:
        seen_at, word = self._ledger
        if monotonic() - seen_at < LASTS:
            return word
        try:
            can_store(self._database)
            word = OK
        except LedgerUnavailable as error:
            word = str(error)
        self._ledger = (monotonic(), word)
        return word

    def _look_at_others(self) -> dict[str, str]:
        with self._lock:
            seen_at, words = self._others
            if monotonic() - seen_at < LASTS:
                return words
            if self._looking is None:
                self._looking = Event()
                Thread(target=self._refresh, args=(self._looking,), name="doctor", daemon=True).start()
            done = self._looking
        if not words:
            done.wait(_FIRST_LOOK)
        return self._others[1]

    def _refresh(self, done: Event) -> None:
        started = monotonic()
        words = {"broker": _broker(self._settings.redis_url), **self._ledger_words()}
        took = monotonic() - started
        with self._lock:
            self._others = (monotonic() + took * _REST, words)  # over millions of jobs a look takes long: it must not take all the time
            self._looking = None
        done.set()

    def _ledger_words(self) -> dict[str, str]:
        now = self._clock()
        since = now - timedelta(seconds=self._settings.timing.dead_after)
        try:
            with self._database.read() as connection:
                alive = fleet.alive(connection, _ROLE, since)
                stuck = self._stuck_since(connection, now)
                moved = last_move(connection) if stuck is not None else None
        except LedgerUnavailable:
            return dict.fromkeys(("workers", "progress"), "not known: the ledger can't be read")
        return {"workers": OK if alive else "no worker is alive", "progress": _progress(stuck, moved, now)}

    def _stuck_since(self, connection: Connection, now: datetime) -> datetime | None:
        """Since when the longest due job waits, on connections that may be called."""
        lanes = [Lane(tenant.name, erp) for tenant in self._settings.tenants.values() for erp in tenant.erps()]
        found = [oldest_due(connection, lane, now) for lane in lanes if _callable(limits.state_of(connection, lane), now)]
        return min((each for each in found if each is not None), default=None)


def _callable(state: limits.ConnectionState, now: datetime) -> bool:
    return state.paused_by is None and state.breaker.closed and (state.blocked_until is None or state.blocked_until <= now)


def _progress(stuck: datetime | None, moved: datetime | None, now: datetime) -> str:
    if stuck is None or now - stuck < _STUCK or (moved is not None and now - moved < _STUCK):
        return OK
    return f"work is due since {stuck:%Y-%m-%dT%H:%M:%SZ} and nothing moves"


def _broker(url: str) -> str:
    if not url:
        return "none is set: the scheduler finds work by itself, later"
    client = redis.Redis.from_url(url, socket_timeout=_BROKER_TIMEOUT, socket_connect_timeout=_BROKER_TIMEOUT, retry=None)
    try:
        client.ping()
    except (redis.RedisError, OSError) as error:
        return f"can't be reached: {type(error).__name__}"
    finally:
        client.close()
    return OK
