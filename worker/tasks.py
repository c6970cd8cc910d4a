"""Every background entry point: what a ring starts."""

from __future__ import annotations

from threading import Event, Lock
from typing import TYPE_CHECKING

from worker.calls import CallThreads
from worker.celery import DRAIN, PLAN
from worker.clients.base import ClientPool
from worker.drain import Drain
from worker.errors import LedgerUnavailable, NotFound
from worker.handlers import Handlers
from worker.jobs import search
from worker.jobs.bell import Silence
from worker.jobs.ledger import utc_now
from worker.jobs.model import Lane

if TYPE_CHECKING:
    from celery import Celery

    from worker.clients.intacct.stores import TokenStore
    from worker.handling import Handler
    from worker.jobs.bell import Ringing
    from worker.jobs.engine import Database
    from worker.settings import Settings


class Lanes:
    """The lanes that this process drains now; a ring for one of them wakes it, a ring for another starts it."""

    def __init__(self, settings: Settings, db: Database, worker: str, bell: Ringing | None = None, store: TokenStore | None = None) -> None:
        self._settings = settings
        self._db = db
        self._worker = worker
        self._threads = CallThreads(settings.worker_threads)
        self._bell = bell or Silence()
        self._makers = Handlers(settings, db, ClientPool(settings.timing), store)
        self._handlers: dict[Lane, Handler] = {}
        self._drains: dict[Lane, Drain] = {}
        self._lock = Lock()
        self.stop = Event()

    def drain(self, lane: Lane) -> None:
        """Work on the lane until it has nothing to do now; returns at once if another thread is at it."""
        with self._lock:
            running = self._drains.get(lane)
            handler = None if running is not None or self.stop.is_set() else self._handler(lane)
            if handler is not None:
                mine = Drain(
                    self._db, lane, handler, self._threads, self._worker, self._settings.timing, self.stop, utc_now, self._bell.ring
                )
                self._drains[lane] = mine
        if running is not None:
            running.poke()
            return
        if handler is None:
            return
        try:
            mine.run()
        finally:
            with self._lock:
                del self._drains[lane]

    def halt(self) -> None:
        """Start nothing more; what is under way comes to its end."""
        self.stop.set()
        with self._lock:
            drains = list(self._drains.values())
        for drain in drains:
            drain.poke()

    def idle(self) -> bool:
        """Whether no lane is being drained."""
        with self._lock:
            return not self._drains

    def _handler(self, lane: Lane) -> Handler | None:
        present = self._handlers.get(lane)
        if present is None and (made := self._makers.make(lane)) is not None:
            self._handlers[lane] = present = made
        return present

    def plan(self, batch_id: str) -> None:
        """Work on the lane in which the batch's documents are looked for; if that can't be told now, the scheduler rings."""
        try:
            with self._db.read() as connection:
                batch = search.find_batch(connection, batch_id)
        except (NotFound, LedgerUnavailable):
            return
        self.drain(Lane(batch.tenant, batch.erp))


def register(app: Celery, lanes: Lanes) -> None:
    """Name the tasks that rings call."""

    @app.task(name=PLAN)
    def plan(batch_id: str) -> None:
        lanes.plan(batch_id)

    @app.task(name=DRAIN)
    def drain(tenant: str, erp: str) -> None:
        lanes.drain(Lane(tenant, erp))
