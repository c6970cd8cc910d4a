"""What a ring starts."""

from __future__ import annotations

from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import pytest

from worker import tasks
from worker.celery import DRAIN, PLAN, make_app
from worker.jobs import batches
from worker.jobs.batches import NewBatch
from worker.jobs.ledger import utc_now
from worker.jobs.model import Lane
from worker.settings import Secret, Settings, Tenant, Timing, Visma
from worker.tasks import Lanes, register

if TYPE_CHECKING:
    from worker.jobs.engine import Database

LANE = Lane("acme", "visma")
PATIENCE = 5.0


def settings_of(*tenants: str) -> Settings:
    """Tenants with a Visma that nobody calls."""
    visma = Visma("http://127.0.0.1:9", "http://127.0.0.1:9/token", "us", Secret("s"), "company")
    return Settings(tenants={name: Tenant(name, visma=visma) for name in tenants}, worker_threads=4)


class Fake:
    """A drain that runs until it is told to end."""

    def __init__(self, _db: object, lane: Lane, handler: object, *_rest: Any) -> None:
        self.lane, self.handler = lane, handler
        self.running, self.end = Event(), Event()
        self.pokes = 0
        self.fails = False

    def run(self) -> None:
        """Work."""
        self.running.set()
        assert self.end.wait(PATIENCE)
        if self.fails:
            raise RuntimeError("oh")

    def poke(self) -> None:
        """Look at once."""
        self.pokes += 1


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Fake]:
    """The drains that were started."""
    found: list[Fake] = []

    def make(*arguments: Any) -> Fake:
        found.append(Fake(*arguments))
        return found[-1]

    monkeypatch.setattr(tasks, "Drain", make)
    return found


def ring(lanes: Lanes, lane: Lane = LANE) -> Thread:
    """A ring, in a thread as Celery's would be."""
    thread = Thread(target=lanes.drain, args=(lane,), daemon=True)
    thread.start()
    return thread


def started(made: list[Fake], number: int) -> Fake:
    """The drain of this number, once it runs."""
    end = Event()
    while len(made) <= number:
        end.wait(0.005)
    assert made[number].running.wait(PATIENCE)
    return made[number]


def ended(thread: Thread) -> None:
    """Wait for a ring to be over."""
    thread.join(PATIENCE)
    assert not thread.is_alive()


def test_second_ring_pokes(sqlite_db: Database, made: list[Fake]) -> None:
    """A ring for a lane that is being drained wakes it and returns at once."""
    lanes = Lanes(settings_of("acme"), sqlite_db, "w")
    first = ring(lanes)
    drain = started(made, 0)

    ended(ring(lanes))

    assert (drain.pokes, len(made), lanes.idle()) == (1, 1, False)
    drain.end.set()
    ended(first)
    assert lanes.idle()


def test_next_ring_starts_anew(sqlite_db: Database, made: list[Fake]) -> None:
    """A ring after the end starts the lane again, with the handler it had: its tokens and connections live on."""
    lanes = Lanes(settings_of("acme"), sqlite_db, "w")
    for number in range(2):
        thread = ring(lanes)
        started(made, number).end.set()
        ended(thread)

    assert made[0].handler is made[1].handler


def test_lanes_run_beside_each_other(sqlite_db: Database, made: list[Fake]) -> None:
    """Two lanes are drained at once, each with its own handler."""
    lanes = Lanes(settings_of("acme", "other"), sqlite_db, "w")
    threads = [ring(lanes), ring(lanes, Lane("other", "visma"))]
    drains = [started(made, 0), started(made, 1)]

    assert {drain.lane.tenant for drain in drains} == {"acme", "other"}
    assert drains[0].handler is not drains[1].handler
    for drain, thread in zip(drains, threads, strict=True):
        drain.end.set()
        ended(thread)


@pytest.mark.parametrize("lane", [Lane("nobody", "visma"), Lane("acme", "intacct")])
def test_unknown_lane(sqlite_db: Database, made: list[Fake], lane: Lane) -> None:
    """A ring for what the settings do not name, such as an old one, does nothing."""
    lanes = Lanes(settings_of("acme"), sqlite_db, "w")

    lanes.drain(lane)

    assert not made
    assert lanes.idle()


def test_failure_leaves_lane(sqlite_db: Database, made: list[Fake], monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop that ends with an exception can be started again."""
    lanes = Lanes(settings_of("acme"), sqlite_db, "w")
    raised = Event()
    monkeypatch.setattr("threading.excepthook", lambda _: raised.set())
    thread = ring(lanes)
    drain = started(made, 0)
    drain.fails = True
    drain.end.set()
    ended(thread)

    assert raised.is_set()
    assert lanes.idle()
    again = ring(lanes)
    started(made, 1).end.set()
    ended(again)


def test_halt(sqlite_db: Database, made: list[Fake]) -> None:
    """A halt tells the lanes that run, and starts no other."""
    lanes = Lanes(settings_of("acme", "other"), sqlite_db, "w")
    thread = ring(lanes)
    drain = started(made, 0)

    lanes.halt()
    ended(ring(lanes, Lane("other", "visma")))

    assert lanes.stop.is_set()
    assert drain.pokes == 1
    assert len(made) == 1
    drain.end.set()
    ended(thread)


def test_task(sqlite_db: Database, made: list[Fake]) -> None:
    """The task has the name that rings call, and takes a lane's two words."""
    app = make_app("memory://", Timing())
    register(app, Lanes(settings_of("acme"), sqlite_db, "w"))
    assert {DRAIN, PLAN} <= app.tasks.keys(), "a worker knows every task that a bell names"

    thread = Thread(target=app.tasks[DRAIN], args=("acme", "visma"), daemon=True)
    thread.start()

    assert started(made, 0).lane == LANE
    made[0].end.set()
    ended(thread)


def test_plan_drains_its_lane(made: list[Fake], sqlite_db: Database) -> None:
    """A ring that names a batch starts the lane in which its documents are looked for; an unknown batch starts nothing."""
    lanes = Lanes(settings_of("acme"), sqlite_db, "w")
    with sqlite_db.write() as connection:
        new = NewBatch(LANE.tenant, LANE.erp, "release_kit_assembly", "all", select={"status": "B"})
        batch = batches.open_batch(connection, new, "a test", utc_now())

    lanes.plan("no such batch")
    assert made == []
    thread = Thread(target=lanes.plan, args=(batch.id,), daemon=True)
    thread.start()

    assert started(made, 0).lane == LANE
    made[0].end.set()
    ended(thread)
