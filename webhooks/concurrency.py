"""How a request waits: for others of its moment, and for the ledger. The app knows only this; the server says what it means.

`Threads` is for servers and tests whose requests are threads. Under gevent a request is a greenlet, and whatever may block goes to real
threads (`webhooks.greenlets`), so that nothing has to be patched and the drivers of the databases and of Redis work as they do everywhere.
"""

from __future__ import annotations

import time
from threading import Event
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Signal(Protocol):
    """Something to wait for, set once."""

    def set(self) -> None:
        """Wake who waits."""

    def wait(self) -> object:
        """Wait until set."""


class Concurrency(Protocol):
    """What the app needs of its server.

    `call` is for questions and commands; `store` for the writer of deliveries, and `watch` for health and metrics: long commands hold up
    neither.
    """

    def signal(self) -> Signal:
        """A new signal."""

    def call(self, work: Callable[[], T]) -> T:
        """Do work that may block, and give back its value or raise its exception."""

    def store(self, work: Callable[[], T]) -> T:
        """The same for the writer."""

    def watch(self, work: Callable[[], T]) -> T:
        """The same for health and metrics."""

    def within(self, seconds: float, work: Callable[[], T]) -> T:
        """Do work of the network. Raises `TimeoutError` when it takes longer, where the server can tell."""

    def pause(self, seconds: float) -> None:
        """Let others run for so long."""


class Threads:
    """Requests are threads: all is done where it is asked for."""

    def signal(self) -> Signal:
        """An event of threads."""
        return Event()

    def call(self, work: Callable[[], T]) -> T:
        """Here and now."""
        return work()

    def store(self, work: Callable[[], T]) -> T:
        """Here and now."""
        return work()

    def watch(self, work: Callable[[], T]) -> T:
        """Here and now."""
        return work()

    def within(self, seconds: float, work: Callable[[], T]) -> T:  # noqa: ARG002 - the server's own timeouts hold
        """Here and now."""
        return work()

    def pause(self, seconds: float) -> None:
        """The thread sleeps."""
        time.sleep(seconds)
