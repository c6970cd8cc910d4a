"""Ring for work, off the caller's path.

Rings for one lane are merged, a dead broker is never waited for, and a lost ring is made up by the scheduler.
"""

from __future__ import annotations

from threading import Condition, Thread
from time import monotonic
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from worker.celery import DRAIN, PLAN, make_app, publishing

if TYPE_CHECKING:
    from celery import Celery

    from worker.jobs.model import Lane
    from worker.settings import Timing

SPACING: Final = 0.25
"""A lane is rung at most once in so many seconds by one process."""

_REST: Final = 1.0
_log = structlog.get_logger("bell")


class Ringing(Protocol):
    """What may be rung. Never raises, never waits."""

    def ring(self, lane: Lane) -> None:
        """There is work on this lane."""

    def plan(self, batch_id: str) -> None:
        """There is a batch whose documents are to be looked for."""

    def close(self, timeout: float = 2.0) -> None:
        """No more rings."""


class Silence:
    """A bell where there is no broker: the scheduler finds what is due."""

    def ring(self, lane: Lane) -> None:
        """Nothing."""

    def plan(self, batch_id: str) -> None:
        """Nothing."""

    def close(self, timeout: float = 2.0) -> None:
        """Nothing."""


def bell_for(redis_url: str, timing: Timing) -> Ringing:
    """The bell on this broker; silence where none is named. Make it after a fork: it publishes from a thread."""
    return Bell(make_app(redis_url, timing)) if redis_url else Silence()


class Bell:
    """Publishes rings from a thread of its own. `ring` and `plan` return at once and never raise."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._wanted: set[tuple[str, tuple[str, ...]]] = set()
        self._rung: dict[tuple[str, tuple[str, ...]], float] = {}
        self._changed = Condition()
        self._thread: Thread | None = None
        self._stopped = False
        self.last_error: str | None = None

    def ring(self, lane: Lane) -> None:
        """There is work on this lane."""
        self._want((DRAIN, (lane.tenant, lane.erp)))

    def plan(self, batch_id: str) -> None:
        """There is a batch whose documents are to be looked for."""
        self._want((PLAN, (batch_id,)))

    def close(self, timeout: float = 2.0) -> None:
        """Publish what is wanted now, then end; waits at most `timeout` seconds."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(timeout)

    def _want(self, ring: tuple[str, tuple[str, ...]]) -> None:
        with self._changed:
            self._wanted.add(ring)
            if self._thread is None:
                self._thread = Thread(target=self._run, name="bell", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._wanted and not self._stopped:
                    self._changed.wait()
                if not self._wanted:
                    return
                pause = 0.0 if self._stopped else self._pause()
                if pause > 0:
                    self._changed.wait(pause)
                    continue
                ready = {ring for ring in self._wanted if self._stopped or self._age(ring) >= SPACING}
                self._wanted -= ready
            self._publish(ready)

    def _pause(self) -> float:
        return SPACING - max(self._age(ring) for ring in self._wanted)

    def _age(self, ring: tuple[str, tuple[str, ...]]) -> float:
        return monotonic() - self._rung.get(ring, 0.0)

    def _publish(self, rings: set[tuple[str, tuple[str, ...]]]) -> None:
        for task, args in rings:
            self._rung[task, args] = monotonic()
            try:
                self._app.send_task(task, args=args, **publishing())
            except Exception as error:  # noqa: BLE001 - whatever the broker does, the caller's work is stored already
                if self.last_error is None:
                    _log.warning("broker can't be reached; the scheduler rings when it is back", error=type(error).__name__)
                self.last_error = f"{type(error).__name__}: {error}"
                with self._changed:
                    self._changed.wait_for(lambda: self._stopped, timeout=_REST)
                return
            self.last_error = None
