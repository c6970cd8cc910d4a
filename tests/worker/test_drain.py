"""A lane's loop over a real ledger, with a handler that does what a test says."""

from __future__ import annotations

import time
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import insert
from structlog.testing import capture_logs

from worker import connections, drain, planning
from worker.calls import CallThreads
from worker.connections import Limits, Meter, Report
from worker.drain import Drain
from worker.errors import CallError, LedgerUnavailable, RateLimited
from worker.handling import Finding, Look, Page
from worker.jobs import batches, limits, queue, search
from worker.jobs.batches import NewBatch
from worker.jobs.engine import Database
from worker.jobs.ledger import utc_now
from worker.jobs.making import insert_jobs
from worker.jobs.model import Exchange, Job, JobError, Lane
from worker.jobs.states import BatchState, State
from worker.jobs.tables import batches as batch_rows
from worker.jobs.tables import deliveries
from worker.jobs.tables import jobs as job_rows
from worker.jobs.verdicts import NewJob, Verdict, accepted, again, done, later, retry
from worker.settings import Retries, Timing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import Connection

    from worker.jobs.limits import ConnectionState
    from worker.jobs.model import Batch

LANE = Lane("acme", "visma")
PATIENCE = 30.0


@pytest.fixture(autouse=True)
def _brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """An idle lane ends soon, so that a test does."""
    monkeypatch.setattr(drain, "LINGER", 0.3)  # several ticks, also on a slow machine
    monkeypatch.setattr(drain, "TICK", 0.05)
    monkeypatch.setattr(drain, "LOOK_SPACING", 0.1)
    monkeypatch.setattr(drain, "IDLE_SPACING", 0.05)


@dataclass
class Scripted:
    """A handler whose calls take `delay` seconds, and end as `begin` and `settle` say. It keeps what was done, and how much at once."""

    slots: int = 4
    delay: float = 0.0
    begin: Callable[[Job], Verdict] = lambda _job: done("seen")
    settle: Callable[[Job], Verdict] = lambda _job: done("seen")
    pages: Callable[[Batch], Page] | None = None
    probed: Callable[[], Report] = lambda: Report(oks=1)
    rules: Retries = field(default_factory=lambda: Retries(first=0.05, most=0.1, repeat_window=0.0))
    meter: Meter = field(default_factory=Meter)
    events: list[str] = field(default_factory=list)
    most: int = 0
    now: int = 0
    lock: Lock = field(default_factory=Lock)
    limits: Limits = field(init=False)

    def __post_init__(self) -> None:
        """The connection's limits are its slots."""
        self.limits = Limits(self.slots)

    def start(self, job: Job) -> Finding:
        """One call for a job."""
        with self.call(f"start {job.reference}"):
            return Finding(job, self.begin(job))

    def looks(self, waiting: Sequence[Job], state: ConnectionState, now: datetime) -> list[Look]:  # noqa: ARG002 - the protocol's
        """One look for each."""
        return [Look((job,), lambda job=job: [self.look(job)]) for job in waiting]  # type: ignore[misc] # a default binds the job

    def look(self, job: Job) -> Finding:
        """One call for a waiting job."""
        with self.call(f"look {job.reference}"):
            return Finding(job, self.settle(job))

    def plan(self, batch: Batch) -> Page:
        """One call for a selection."""
        with self.call("plan"):
            assert self.pages is not None
            return self.pages(batch)

    def probe(self) -> None:
        """One call to see whether it is up."""
        with self.call("probe"):
            self.meter.saw(self.probed())

    @contextmanager
    def call(self, name: str) -> Iterator[None]:
        """A call under way."""
        with self.lock:
            self.events.append(name)
            self.now += 1
            self.most = max(self.most, self.now)
        try:
            time.sleep(self.delay)
            yield
        finally:
            with self.lock:
                self.now -= 1

    def count(self, word: str) -> int:
        """How many calls were of this kind."""
        return sum(event.startswith(word) for event in list(self.events))


class Running:
    """A drain in a thread of its own."""

    def __init__(
        self,
        db: Database,
        handler: Scripted,
        *,
        threads: CallThreads | None = None,
        worker: str = "w",
        timing: Timing | None = None,
        ring: Callable[[Lane], None] = lambda _lane: None,
    ) -> None:
        self.stop = Event()
        self.threads = threads or CallThreads(32)
        self.drain = Drain(db, LANE, handler, self.threads, worker, timing or Timing(), self.stop, utc_now, ring)
        self.thread = Thread(target=self.drain.run, daemon=True)

    def __enter__(self) -> Running:  # noqa: PYI034 - nobody makes another kind of it
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.drain.poke()
        self.ended()
        self.threads.close()

    def ended(self, patience: float = PATIENCE) -> None:
        """Wait until the lane is left."""
        self.thread.join(patience)
        assert not self.thread.is_alive()


def until(ready: Callable[[], object], patience: float = PATIENCE) -> None:
    """Wait until something is true; fail when it does not become so."""
    end = time.monotonic() + patience
    while not ready():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.005)


def wanted(number: int, subject: str | None = "", **values: Any) -> NewJob:
    """A job on a document of its own, unless a subject is named."""
    reference = f"P/{number:06}"
    subject = f"kit-assembly/{reference}" if subject == "" else subject
    names = {"type": "P", "ref_no": f"{number:06}"}
    return NewJob("acme", "visma", "release_kit_assembly", names, reference, subject, values.pop("max_attempts", 3), **values)


def make(db: Database, count: int, **values: Any) -> list[Job]:
    """So many jobs, due now."""
    with db.write() as connection:
        return insert_jobs(connection, [wanted(number, **values) for number in range(count)], "test", utc_now())


def make_batch(db: Database, count: int = 0, *, select: dict[str, Any] | None = None) -> Batch:
    """A running batch of so many jobs; with a selection, one that is to be planned."""
    with db.write() as connection:
        batch = batches.open_batch(connection, NewBatch("acme", "visma", "release_kit_assembly", "", select), "test", utc_now())
        if select is None:
            insert_jobs(connection, [wanted(number, batch=batch.id) for number in range(count)], "test", utc_now())
            connection.execute(batch_rows.update().values(total=count))
            batches.start(connection, batch.id, utc_now())
    return batch


def jobs_of(db: Database) -> list[Job]:
    """All jobs, oldest first."""
    with db.read() as connection:
        return [queue.find(connection, str(key)) for key in connection.execute(job_rows.select().order_by(job_rows.c.id)).scalars()]


def states(db: Database) -> dict[State, int]:
    """How many jobs stand in each state."""
    found: dict[State, int] = defaultdict(int)
    for job in jobs_of(db):
        found[job.state] += 1
    return dict(found)


def state_of(db: Database) -> ConnectionState:
    """The connection's row."""
    with db.read() as connection:
        return limits.state_of(connection, LANE)


def run(db: Database, handler: Scripted, **options: Any) -> Scripted:
    """Drain until the lane is idle."""
    with Running(db, handler, **options) as running:
        running.ended()
    return handler


def test_all_slots_and_no_more(db: Database) -> None:
    """Every job is done once, as many at once as there are slots, never more; an idle lane ends and gives its slots back."""
    make(db, 60)

    handler = run(db, Scripted(slots=10, delay=0.03))

    assert states(db) == {State.SUCCEEDED: 60}
    assert sorted(handler.events) == sorted({f"start {job.reference}" for job in jobs_of(db)})
    assert handler.most == 10
    with db.read() as connection:
        assert limits.slots_in_use(connection, LANE, utc_now()) == 0


def test_threads_bound(sqlite_db: Database) -> None:
    """A process makes no more calls at once than it has threads, whatever the connection allows."""
    make(sqlite_db, 20)

    assert run(sqlite_db, Scripted(slots=10, delay=0.02), threads=CallThreads(3)).most == 3


def test_workers_share(sqlite_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two workers stay within the slots together, and both work: the one that comes late waits until the other has given it its part."""
    monkeypatch.setattr(drain, "LINGER", 1.0)
    make(sqlite_db, 60)
    shared = Scripted(slots=6, delay=0.05)

    with Running(sqlite_db, shared, worker="a"), Running(sqlite_db, shared, worker="b"):
        until(lambda: states(sqlite_db) == {State.SUCCEEDED: 60})

    assert shared.most <= 6
    with sqlite_db.read() as connection:
        moved_by = {move.by for job in jobs_of(sqlite_db) for move in search.timeline(connection, job)}
    assert {"worker a", "worker b"} <= moved_by


def test_pause_and_resume(sqlite_db: Database) -> None:
    """A paused connection starts nothing more within a second; what was under way ends and is written; resumed, it goes on."""
    make(sqlite_db, 400)
    handler = Scripted(slots=2, delay=0.01)
    with Running(sqlite_db, handler) as running:
        until(lambda: handler.count("start") > 5)
        with sqlite_db.write() as connection:
            limits.set_paused(sqlite_db, connection, LANE, "ops", utc_now())
        time.sleep(1.0)
        paused_at = handler.count("start")
        time.sleep(0.3)
        assert handler.count("start") == paused_at < 400
        running.ended()
    assert states(sqlite_db) == {State.SUCCEEDED: paused_at, State.QUEUED: 400 - paused_at}

    with sqlite_db.write() as connection:
        limits.set_paused(sqlite_db, connection, LANE, None, utc_now())
    with Running(sqlite_db, handler):
        until(lambda: handler.count("start") > paused_at)


def test_pause_of_a_batch(sqlite_db: Database) -> None:
    """A paused batch starts nothing more, and does not hold up single jobs."""
    batch = make_batch(sqlite_db, 400)
    handler = Scripted(slots=2, delay=0.01)
    with Running(sqlite_db, handler) as running:
        until(lambda: handler.count("start") > 5)
        with sqlite_db.write() as connection:
            batches.turn(sqlite_db, connection, batch.id, "pause", utc_now())
            insert_jobs(connection, [wanted(1000)], "test", utc_now())
        running.drain.poke()
        until(lambda: handler.count("start P/001000") == 1)
        running.ended()
    assert states(sqlite_db)[State.QUEUED] > 300


def test_changed_slots(sqlite_db: Database) -> None:
    """Slots that an admin changes hold at once, more of them or fewer, however much there is to do."""
    make(sqlite_db, 500)
    handler = Scripted(slots=2, delay=0.03)
    with Running(sqlite_db, handler) as running:
        until(lambda: handler.count("start") > 2)
        assert handler.most == 2
        with sqlite_db.write() as connection:
            limits.set_limits(sqlite_db, connection, LANE, {"slots": 9})
        until(lambda: handler.most == 9)
        with sqlite_db.write() as connection:
            limits.set_limits(sqlite_db, connection, LANE, {"slots": 3})
        until(lambda: running.drain._limit() == 3)
        until(lambda: most_of_twenty(handler) == 3)  # what the nine had begun has to end first


def most_of_twenty(handler: Scripted) -> int:
    """So many calls at once at most, while twenty more begin."""
    before, handler.most = handler.count("start"), 0
    until(lambda: handler.count("start") > before + 20)
    return handler.most


class Narrow(CallThreads):
    """One thread that says it has room for ten: what waits for it was claimed and is not yet sent."""

    def __init__(self) -> None:
        super().__init__(1)

    def room(self) -> int:
        """More than there is."""
        return 10


def test_stop(db: Database) -> None:
    """A stop lets what is under way end; what was claimed and not yet sent is queued again, at no attempt's cost."""
    make(db, 50)
    sent, go = Event(), Event()

    def begin(_job: Job) -> Verdict:
        sent.set()
        go.wait(PATIENCE)
        return accepted("taken", wait=30.0, erp_id="op")

    handler = Scripted(slots=10, begin=begin)
    with Running(db, handler, threads=Narrow()) as running:
        sent.wait(PATIENCE)
        until(lambda: states(db).get(State.RUNNING) == 10)
        running.stop.set()
        running.drain.poke()
        go.set()
        running.ended()

    assert states(db) == {State.WAITING: 1, State.QUEUED: 49}
    assert handler.count("start") == 1
    assert {job.attempt for job in jobs_of(db)} == {0}
    assert {job.owner for job in jobs_of(db)} == {None}


class Away(Database):
    """A ledger that can't be written for so many tries."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.failures = 0
        self.tries = 0

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that may find the ledger away, at its beginning or at its very end."""
        self.tries += 1
        with super().write() as connection:
            yield connection
            if self.failures > 0:
                self.failures -= 1
                raise LedgerUnavailable("away")


@pytest.fixture
def away(sqlite_db: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Away]:
    """A ledger that a test can take away."""
    monkeypatch.setattr(drain, "AWAY", 0.1)
    database = Away(sqlite_db.url)
    yield database
    database.close()


class Unlooked(Scripted):
    """A handler with a fault: it finds no looks for what waits."""

    def looks(self, waiting: Sequence[Job], state: ConnectionState, now: datetime) -> list[Look]:  # noqa: ARG002 - the protocol's
        """Fails each time."""
        self.events.append("fault")
        raise KeyError("no such kind")


def test_fault_between_results(sqlite_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a fault that is no result's the lane rests before it tries again, and what came back is written."""
    monkeypatch.setattr(drain, "AWAY", 3600.0)
    make(sqlite_db, 1)
    handler = Unlooked(begin=lambda _job: accepted("taken", wait=0.0))
    with capture_logs(), Running(sqlite_db, handler) as running:
        until(lambda: handler.count("fault") and states(sqlite_db) == {State.WAITING: 1})
        time.sleep(0.2)
        monkeypatch.setattr(drain, "AWAY", 0.1)
        running.stop.set()
        running.ended()

    assert handler.count("fault") <= 2, "one with the result, one without"


def test_ledger_away(away: Away) -> None:
    """Results that can't be written are kept and written when the ledger is back; each call is made once."""
    make(away, 12)
    handler = Scripted(slots=4, delay=0.02)

    def begin(job: Job) -> Verdict:
        if job.reference == "P/000003":
            away.failures = 5
        return done("seen", {"ref_no": job.reference})

    handler.begin = begin
    with capture_logs() as logs:
        run(away, handler)

    assert states(away) == {State.SUCCEEDED: 12}
    assert [job.result["ref_no"] for job in jobs_of(away)] == [job.reference for job in jobs_of(away)]
    assert len(handler.events) == 12
    assert any("ledger is away" in line["event"] for line in logs)


def test_ledger_away_and_a_wait(away: Away) -> None:
    """A wait that the ERP ordered is not forgotten when it can't be handed in at once."""
    make(away, 2)
    handler = Scripted(slots=1)
    ordered = utc_now() + timedelta(seconds=60)

    def begin(_job: Job) -> Verdict:
        handler.meter.saw(Report(blocked_until=ordered))
        away.failures = 3
        return again("too many", wait=60.0)

    handler.begin = begin
    with capture_logs():
        run(away, handler)

    assert state_of(away).blocked_until == ordered
    assert len(handler.events) == 1


def test_stop_while_away(away: Away) -> None:
    """A stop does not wait for a ledger that stays away, and does not spin meanwhile."""
    make(away, 1)

    def begin(_job: Job) -> Verdict:
        away.failures = 10_000
        return done("seen")

    handler = Scripted(begin=begin)
    with capture_logs(), Running(away, handler, timing=Timing(call=0.5)) as running:
        until(lambda: away.failures)
        running.stop.set()
        before = away.tries
        running.ended(3.0)

    assert away.tries - before < 40
    away.failures = 0
    assert states(away) == {State.RUNNING: 1}


@pytest.mark.parametrize("waits", [False, True])
def test_handler_fails(sqlite_db: Database, waits: bool) -> None:  # noqa: FBT001
    """A handler's exception fails the job as a fault of ours, and the lane goes on."""
    make(sqlite_db, 3)

    def fails(job: Job) -> Verdict:
        if job.reference == "P/000001":
            raise ZeroDivisionError("oh")
        return done("seen")

    handler = Scripted(begin=lambda _job: accepted("taken", wait=0.0), settle=fails) if waits else Scripted(begin=fails)
    with capture_logs():
        run(sqlite_db, handler)

    first, second, third = jobs_of(sqlite_db)
    assert first.state is third.state is State.SUCCEEDED
    assert (second.state, second.error) == (State.FAILED, JobError("bug", "ZeroDivisionError: oh"))


@pytest.mark.parametrize("starting", [True, False])
def test_illegal_move(sqlite_db: Database, starting: bool) -> None:  # noqa: FBT001
    """A move that the table does not allow fails its job as a fault of ours; its neighbours in the same transaction stand."""
    make(sqlite_db, 3)
    illegal = Verdict(State.CANCELLED if starting else State.RUNNING, "why not")
    handler = Scripted(
        begin=lambda job: illegal if job.reference == "P/000001" and starting else accepted("taken", wait=0.0),
        settle=lambda job: illegal if job.reference == "P/000001" else done("seen"),
    )

    with capture_logs():
        run(sqlite_db, handler)

    first, second, third = jobs_of(sqlite_db)
    assert first.state is third.state is State.SUCCEEDED
    assert second.state is State.FAILED
    assert second.error is not None
    assert second.error.error_class == "bug"


def test_poke(sqlite_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A poke makes the lane look at once, long before its next tick."""
    monkeypatch.setattr(drain, "TICK", 30.0)
    monkeypatch.setattr(drain, "LINGER", 60.0)
    handler = Scripted()
    with Running(sqlite_db, handler) as running:
        make(sqlite_db, 1)
        running.drain.poke()  # it may have looked before that one was made
        until(lambda: handler.count("start") == 1)
        time.sleep(0.1)
        make(sqlite_db, 1, subject="another")
        time.sleep(0.1)
        assert handler.count("start") == 1
        running.drain.poke()
        until(lambda: handler.count("start") == 2, 20.0)


def test_due_while_idle(sqlite_db: Database) -> None:
    """A lane that has nothing to do now ends at once, though work is due later."""
    make(sqlite_db, 1, run_at=utc_now() + timedelta(hours=1))

    run(sqlite_db, Scripted())

    assert states(sqlite_db) == {State.QUEUED: 1}


def test_looks_come_first(sqlite_db: Database) -> None:
    """What the ERP has taken is looked at before anything new is started, though there is more to start than slots."""
    make(sqlite_db, 1)
    run(sqlite_db, Scripted(begin=lambda _job: accepted("taken", wait=1.5)))
    make(sqlite_db, 200, subject=None)
    time.sleep(1.5)

    handler = run(sqlite_db, Scripted(slots=1, delay=0.002))

    assert handler.events[0] == "look P/000000"
    assert states(sqlite_db) == {State.SUCCEEDED: 201}


def test_one_look_at_a_time(sqlite_db: Database) -> None:
    """A job whose look is under way is not looked at again meanwhile."""
    make(sqlite_db, 1)

    handler = run(sqlite_db, Scripted(begin=lambda _job: accepted("taken", wait=0.0), delay=0.4))

    assert handler.count("look") == 1


def test_waiting_until_due(sqlite_db: Database) -> None:
    """A look that finds nothing comes again when it is due, without a line in the timeline."""
    (job,) = make(sqlite_db, 1)
    answers = iter([later("not yet", wait=0.05, polls=1), later("not yet", wait=0.05, polls=2), done("seen")])

    handler = run(sqlite_db, Scripted(begin=lambda _job: accepted("taken", wait=0.0), settle=lambda _job: next(answers)))

    assert handler.count("look") == 3
    with sqlite_db.read() as connection:
        assert [move.target for move in search.timeline(connection, job)][-3:] == [State.RUNNING, State.WAITING, State.SUCCEEDED]


def test_retries(sqlite_db: Database) -> None:
    """A failed start is tried again after its wait, until the attempts are spent."""
    make(sqlite_db, 1)
    handler = Scripted(begin=lambda _job: retry(JobError("unavailable", "down")))
    for _ in range(20):
        run(sqlite_db, handler)
        if states(sqlite_db) == {State.FAILED: 1}:
            break

    assert handler.count("start") == 3
    assert jobs_of(sqlite_db)[0].attempt == 3


def test_document_in_order(sqlite_db: Database) -> None:
    """Jobs of one document run one at a time, in the order made; one that is to be tried again later holds up no other meanwhile."""
    make(sqlite_db, 3, subject="kit-assembly/P/1")
    tries = iter([retry(JobError("unavailable", "down"), ordered=1.0), done("seen")])
    handler = Scripted(begin=lambda job: next(tries) if job.reference == "P/000000" else done("seen"), delay=0.02)

    for _ in range(40):
        run(sqlite_db, handler)
        if states(sqlite_db) == {State.SUCCEEDED: 3}:
            break
        time.sleep(0.1)

    assert handler.events == ["start P/000000", "start P/000001", "start P/000002", "start P/000000"]
    assert handler.most == 1


def test_ordered_wait(sqlite_db: Database) -> None:
    """After a 429 nothing is started before the time that the ERP named."""
    make(sqlite_db, 20)
    handler = Scripted(slots=1)

    def begin(_job: Job) -> Verdict:
        handler.meter.saw(Report(blocked_until=utc_now() + timedelta(seconds=60)))
        return again("too many", wait=60.0)

    handler.begin = begin
    run(sqlite_db, handler)

    assert handler.count("start") == 1


def test_breaker(sqlite_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """An ERP that is down gets one probe at a time and nothing else; when a probe succeeds, work goes on by itself."""
    monkeypatch.setattr(connections, "FIRST_PAUSE", 0.2)
    make(sqlite_db, 30)
    up, probes = Event(), []

    def begin(_job: Job) -> Verdict:
        handler.meter.saw(Report(oks=1) if up.is_set() else Report(failures=1, why="answers 503"))
        return done("seen") if up.is_set() else again("down", wait=0.0)

    def probed() -> Report:
        probes.append(handler.count("start"))
        if len(probes) == 2:
            up.set()
        return Report(oks=1) if up.is_set() else Report(failures=1, why="answers 503")

    handler = Scripted(slots=2, begin=begin, probed=probed)
    monkeypatch.setattr(drain, "LINGER", 1.0)
    run(sqlite_db, handler)

    assert states(sqlite_db) == {State.SUCCEEDED: 30}
    assert len(probes) == 2
    assert probes[0] == probes[1] < 30
    assert state_of(sqlite_db).breaker.closed


def pages_of(count: int, delay: float = 0.0) -> Callable[[Batch], Page]:
    """A selection of so many pages of two documents."""

    def page(batch: Batch) -> Page:
        time.sleep(delay)
        number = int(batch.planned.get("page", 0))
        return Page([wanted(2 * number + each, batch=batch.id) for each in range(2)], {"page": number + 1}, last=number + 1 == count)

    return page


def test_plan(db: Database) -> None:
    """A selection's pages become jobs, and nothing starts before the last one."""
    batch = make_batch(db, select={"status": "B"})

    handler = run(db, Scripted(pages=pages_of(3)))

    assert handler.events[:3] == ["plan"] * 3
    assert states(db) == {State.SUCCEEDED: 6}
    with db.read() as connection:
        found = batches.find(db, connection, batch.id)
    assert (found.state, found.total) == (BatchState.SUCCEEDED, 6)


def test_plan_takes_a_slot(sqlite_db: Database) -> None:
    """A page of a selection is a call like others: with looks it stays within the slots."""
    make(sqlite_db, 6)
    run(sqlite_db, Scripted(begin=lambda _job: accepted("taken", wait=1.5)))
    make_batch(sqlite_db, select={"status": "B"})
    time.sleep(1.5)

    handler = run(sqlite_db, Scripted(slots=2, delay=0.1, pages=pages_of(4)))

    assert handler.most == 2
    assert handler.count("look") == 6
    assert handler.count("plan") == 4


@pytest.mark.parametrize("error", [CallError("down", status=503), RateLimited("too many")])
def test_plan_waits(sqlite_db: Database, error: CallError) -> None:
    """A page that can't be read now is asked for again, with pauses; the batch stays."""
    batch = make_batch(sqlite_db, select={"status": "B"})

    def page(_batch: Batch) -> Page:
        raise error

    handler = run(sqlite_db, Scripted(pages=page))

    assert handler.count("plan") == 1
    with sqlite_db.read() as connection:
        assert batches.find(sqlite_db, connection, batch.id).state is BatchState.PLANNING


@pytest.mark.parametrize(
    ("error", "said"), [(CallError("no right", status=403, error_class="auth"), "no right"), (KeyError("x"), "KeyError")]
)
def test_plan_fails(sqlite_db: Database, error: Exception, said: str) -> None:
    """A selection that can't be read at all ends its batch, with the reason; a fault of ours, too."""
    batch = make_batch(sqlite_db, select={"status": "B"})

    def page(_batch: Batch) -> Page:
        raise error

    with capture_logs():
        run(sqlite_db, Scripted(pages=page))

    with sqlite_db.read() as connection:
        found = batches.find(sqlite_db, connection, batch.id)
    assert found.state is BatchState.CANCELLED
    assert said in str(found.message)


@pytest.mark.parametrize(("bad", "state"), [(0, BatchState.SUCCEEDED), (1, BatchState.FINISHED)])
def test_batch_closes(sqlite_db: Database, bad: int, state: BatchState) -> None:
    """A batch is done with its last job: succeeded if all did, else finished."""
    batch = make_batch(sqlite_db, 3)
    names = [f"P/{number:06}" for number in range(bad)]

    run(sqlite_db, Scripted(begin=lambda job: Verdict(State.FAILED, "no") if job.reference in names else done("seen")))

    with sqlite_db.read() as connection:
        assert batches.find(sqlite_db, connection, batch.id).state is state


def test_exchanges_are_written(sqlite_db: Database) -> None:
    """What was said is kept with the attempt."""
    (job,) = make(sqlite_db, 1)
    said = Exchange(utc_now(), "POST", "/v1/kitassembly", 202, 12.0, None, '{"id": 1}')

    class Told(Scripted):
        def start(self, job: Job) -> Finding:
            """One call, with what was said."""
            return Finding(job, done("seen"), (said,))

    run(sqlite_db, Told())

    with sqlite_db.read() as connection:
        (attempt,) = search.history(connection, job)
    assert [exchange.response for exchange in attempt.exchanges] == ['{"id": 1}']


def test_early_notification(db: Database) -> None:
    """A notification that came before its operation was known finds its job when the operation is stored, and wakes it."""
    make(db, 1)
    with db.write() as connection:
        connection.execute(
            insert(deliveries).values(
                id="d",
                tenant="acme",
                source="visma",
                type="t",
                received_at=utc_now(),
                state="orphan",
                operation="op-1",
                headers={},
                body="",
            )
        )

    handler = run(db, Scripted(begin=lambda _job: accepted("taken", wait=600.0, erp_id="op-1")))

    assert handler.count("look") == 1
    assert states(db) == {State.SUCCEEDED: 1}


def test_lost_lease(sqlite_db: Database) -> None:
    """A result that comes after the job was given to another is left out."""
    (job,) = make(sqlite_db, 1)

    def begin(_job: Job) -> Verdict:
        with sqlite_db.write() as connection:
            connection.execute(job_rows.update().values(fence=job_rows.c.fence + 1))
        return done("too late")

    run(sqlite_db, Scripted(begin=begin))

    assert jobs_of(sqlite_db)[0].state is State.RUNNING
    assert job.id == jobs_of(sqlite_db)[0].id


def test_unwritable_result(sqlite_db: Database) -> None:
    """A result that no database can hold costs its own job the lease, and no other job anything."""
    make(sqlite_db, 8)
    handler = Scripted(slots=8, delay=0.02, begin=lambda job: done("seen", object() if job.reference == "P/000003" else {"ok": True}))
    with capture_logs() as logs:
        run(sqlite_db, handler)
    assert states(sqlite_db) == {State.SUCCEEDED: 7, State.RUNNING: 1}
    assert len(handler.events) == 8
    assert [line["event"] for line in logs].count("a result could not be written") == 1


def test_unwritable_page(sqlite_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that no database can hold is asked for a few times; then its batch ends, with the reason."""
    monkeypatch.setattr(planning, "AGAIN", 0.0)
    batch = make_batch(sqlite_db, select={"status": "B"})
    with capture_logs():
        handler = run(sqlite_db, Scripted(pages=lambda _batch: Page([], {"page": object()}, last=False)))
    with sqlite_db.read() as connection:
        found = batches.find(sqlite_db, connection, batch.id)
    assert (found.state, handler.count("plan")) == (BatchState.CANCELLED, planning.FEW)
    assert "could not be written" in str(found.message)


def test_line_refills_slots(sqlite_db: Database) -> None:
    """Slots are refilled from the line without going over; what stands in it when a stop comes goes back at no cost."""
    make(sqlite_db, 200)
    handler = Scripted(slots=6, delay=0.01, begin=lambda _job: done("seen"))
    with Running(sqlite_db, handler) as running:
        until(lambda: handler.count("start") >= 60)
        running.stop.set()
        running.drain.poke()
        running.ended()
    assert handler.most == 6
    found = jobs_of(sqlite_db)
    assert {job.state for job in found} == {State.SUCCEEDED, State.QUEUED}
    assert sum(job.state is State.SUCCEEDED for job in found) == handler.count("start")
    assert {job.attempt for job in found} == {0}


def test_goes_on_elsewhere(db: Database) -> None:
    """A job whose next step is on another connection is in that lane from then on, its timeline says so, and the lane is rung."""
    rung: list[Lane] = []
    handler = Scripted(begin=lambda _job: Verdict(State.WAITING, "read here", wait=0.0, erp="itempath"))
    (job,) = make(db, 1)
    running = Running(db, handler, ring=rung.append)
    with running:
        running.ended()

    with db.read() as connection:
        found = queue.find(connection, job.id)
        last = search.timeline(connection, found)[-1]
    assert (found.erp, found.state, last.cause) == ("itempath", State.WAITING, "read here")
    assert Lane("acme", "itempath") in rung
    assert handler.count("look") == 0, "the other lane looks at it"


def test_plan_goes_on_elsewhere(db: Database) -> None:
    """A selection whose next page is read from another ERP is that ERP's from then on, and its lane is rung."""
    rung: list[Lane] = []
    handler = Scripted(pages=lambda _batch: Page([], {"stage": 1}, last=False, erp="itempath"))
    with db.write() as connection:
        batch = batches.open_batch(connection, NewBatch("acme", "visma", "sync_kit_lines", "all", {"all": True}), "a test", utc_now())
    running = Running(db, handler, ring=rung.append)
    with running:
        running.ended()

    with db.write() as connection:
        found = batches.find(db, connection, batch.id)
    assert (found.erp, found.planned, handler.count("plan")) == ("itempath", {"stage": 1}, 1)
    assert Lane("acme", "itempath") in rung


def test_fleeting_plan(db: Database) -> None:
    """A comparison that found nothing leaves no batch."""
    handler = Scripted(pages=lambda _batch: Page([], {}, last=True, fleeting=True))
    with db.write() as connection:
        batches.open_batch(connection, NewBatch("acme", "visma", "sync_kit_lines", "all", {"all": True}), "a test", utc_now())
    with Running(db, handler) as running:
        running.ended()

    with db.read() as connection:
        assert search.find_batches(connection, None, 10) == []
