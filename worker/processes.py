"""The worker and the scheduler as processes: enlist, beat, work, and end in order when told to."""

from __future__ import annotations

import os
import signal
import socket
import sys
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Final

import structlog
from celery.signals import worker_shutting_down

from worker.celery import make_app
from worker.clients.intacct.stores import RedisTokenStore
from worker.embedded import embedded_url
from worker.errors import LedgerUnavailable
from worker.jobs import fleet
from worker.jobs.bell import Bell
from worker.jobs.engine import Database
from worker.jobs.ledger import utc_now
from worker.jobs.model import new_id
from worker.notices.announcing import announcer
from worker.scheduler import Scheduler
from worker.sync.passing import Passing
from worker.tasks import Lanes, register

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.settings import Settings

PLACE: Final = "KITRELAY_PLACE"
"""A supervisor names its child by this variable, so that the next child knows that the last one is dead."""

SWITCH: Final = 0.0005
"""Seconds after which a thread gives way: Python's 5 ms would hold a call's thread up at each step while the loop writes."""

_SPARE: Final = 4
_MOST_LANES: Final = 256
_log = structlog.get_logger("process")


def broker_url(settings: Settings) -> str:
    """The settings' Redis, or the embedded one beside the SQLite file, or in `var/`."""
    if settings.redis_url:
        return settings.redis_url
    path = settings.database_url.removeprefix("sqlite:///")
    folder = Path(path).parent if path != settings.database_url else Path("var")
    return embedded_url(folder / "redis")


def run_worker(settings: Settings) -> None:
    """A Celery worker with threads, until SIGTERM: then nothing new starts, what is under way ends and is written."""
    sys.setswitchinterval(SWITCH)
    db = Database(settings.database_url, announcer(settings))
    broker = broker_url(settings)
    app = make_app(broker, settings.timing)
    bell = Bell(make_app(broker, settings.timing))
    worker = new_id()
    lanes = Lanes(settings, db, worker, bell, RedisTokenStore.from_url(broker))
    register(app, lanes)

    def halt(**_: object) -> None:
        lanes.halt()

    worker_shutting_down.connect(halt)
    lanes_of_all = sum(len(tenant.lanes()) for tenant in settings.tenants.values())
    threads = min(_MOST_LANES, lanes_of_all + _SPARE)
    words = ["worker", "--pool=threads", f"--concurrency={threads}", "--without-gossip", "--without-mingle", "--without-heartbeat"]
    with _enlisted(settings, db, worker, "worker"):
        try:
            app.worker_main([*words, "--loglevel=WARNING"])
        finally:
            bell.close()


def run_scheduler(settings: Settings) -> None:
    """A sweeper, until SIGTERM."""
    db = Database(settings.database_url, announcer(settings))
    bell = Bell(make_app(broker_url(settings), settings.timing))
    stop = Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    with _enlisted(settings, db, new_id(), "scheduler"):
        Scheduler(settings, db, bell, utc_now, Passing(settings, db).sweep).run(stop)
    bell.close()


@contextmanager
def _enlisted(settings: Settings, db: Database, worker: str, role: str) -> Iterator[None]:
    """Among the living while this lasts."""
    place = os.environ.get(PLACE) or f"{socket.gethostname()}:{os.getpid()}"
    stop = Event()
    beats = Thread(target=_beat, args=(settings, db, worker, role, place, stop), name="beat", daemon=True)
    with db.write() as connection:
        fleet.enlist(connection, worker, place, role, utc_now())
    beats.start()
    try:
        yield
    finally:
        stop.set()
        beats.join(timeout=settings.timing.beat)
        _discharge(db, worker)


def _beat(settings: Settings, db: Database, worker: str, role: str, place: str, stop: Event) -> None:
    timing = settings.timing
    while not stop.wait(timing.beat):
        now = utc_now()
        try:
            with db.write() as connection:
                if not fleet.beat(connection, worker, now, now + timedelta(seconds=timing.dead_after)):
                    _log.warning("this process was taken for dead; it goes on", worker=worker)
                    fleet.enlist(connection, worker, place, role, now)
        except LedgerUnavailable as error:
            _log.warning("no beat: the ledger is away", error=str(error))


def _discharge(db: Database, worker: str) -> None:
    try:
        with db.write() as connection:
            fleet.discharge(connection, worker)
    except LedgerUnavailable as error:
        _log.warning("could not sign off; others find out by themselves", error=str(error))
    db.close()
