"""Requests as greenlets: the network is gevent's, everything that blocks is done in threads. Nothing is monkey-patched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

import gevent
from gevent.event import Event
from gevent.threadpool import ThreadPool

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhooks.concurrency import Signal

T = TypeVar("T")

CALLERS: Final = 8
"""Questions and commands under way at once in one process; more wait their turn."""

WATCHERS: Final = 2


class Greenlets:
    """Make it in the worker process, after the fork: its threads belong to one process."""

    def __init__(self) -> None:
        self._callers = ThreadPool(CALLERS)
        self._writer = ThreadPool(1)
        self._watchers = ThreadPool(WATCHERS)

    def signal(self) -> Signal:
        """An event of greenlets."""
        signal: Signal = Event()
        return signal

    def call(self, work: Callable[[], T]) -> T:
        """In one of a few threads."""
        return _in(self._callers, work)

    def store(self, work: Callable[[], T]) -> T:
        """In the writer's own thread."""
        return _in(self._writer, work)

    def watch(self, work: Callable[[], T]) -> T:
        """In one of the watchers' threads."""
        return _in(self._watchers, work)

    def within(self, seconds: float, work: Callable[[], T]) -> T:
        """Here, ended by gevent's clock. Raises `TimeoutError`."""
        with gevent.Timeout(seconds, TimeoutError("the client took too long")):
            return work()

    def pause(self, seconds: float) -> None:
        """The greenlet sleeps."""
        gevent.sleep(seconds)


def _in(pool: ThreadPool, work: Callable[[], T]) -> T:
    value, error = pool.apply(_outcome, (work,))
    if error is not None:
        raise error
    result: T = value
    return result


def _outcome(work: Callable[[], T]) -> tuple[T | None, BaseException | None]:
    """An exception travels as a value: gevent would print it in the thread as well."""
    try:
        return work(), None
    except BaseException as error:  # noqa: BLE001 - raised again where it belongs
        return None, error
