"""Whatever happens in whatever order: no document for two jobs, no hole in a timeline, no job lost."""

from __future__ import annotations

import shutil
from collections import Counter, defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import select

from tests.worker.jobs.acting import LANE, RULES, claim, later, make, make_batch, read, settle, turned, wanted, whole
from worker.errors import Conflict
from worker.jobs import arrivals, batches, claims, fleet, queue, verdicts, words
from worker.jobs.arrivals import Arrival, News
from worker.jobs.engine import Database
from worker.jobs.model import JobError, Move
from worker.jobs.rows import job_of, move_of
from worker.jobs.states import FINAL, HOLDS_DOCUMENT, OPEN, State
from worker.jobs.tables import batches as batch_rows
from worker.jobs.tables import jobs, moves
from worker.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import Connection

    from worker.jobs.model import Batch, Job
    from worker.jobs.verdicts import Verdict

DOWN: Final = JobError("unavailable", "down", 503)
DOCUMENTS: Final = 4
MEMORY: Final = "/dev/shm" if Path("/dev/shm").is_dir() else None
numbers = st.integers(0, DOCUMENTS - 1)
picks = st.integers(0, 999)
STARTED: Final[dict[str, Callable[[Job], Verdict]]] = {
    "accepted": lambda job: verdicts.accepted("taken", wait=30, erp_id=f"op-{job.id}-{job.starts}", doubt=None, sent_at=1.0),
    "doubt": lambda _: verdicts.doubt(JobError("timeout", "no answer"), wait=30, sent_at=1.0),
    "retry": lambda _: verdicts.retry(DOWN),
    "again": lambda _: verdicts.again("a stop came", wait=5),
    "failed": lambda _: verdicts.failed(JobError("validation", "no", 400)),
    "done": lambda _: verdicts.done("gone already"),
}
LOOKED: Final[dict[str, Callable[[Job], Verdict]]] = {
    "later": lambda _: verdicts.later("not yet", wait=60),
    "done": lambda _: verdicts.done("seen"),
    "retry": lambda _: verdicts.retry(DOWN, look_first=True),
    "failed": lambda _: verdicts.failed(JobError("conflict", "no")),
    "again": lambda job: (
        verdicts.again("not done: sent again", doubt=None)
        if job.attempt < job.max_attempts
        else verdicts.failed(JobError("in_doubt", "nobody can tell"))
    ),
}


def _done(db: Database, connection: Connection, job: Job, by: str, now: datetime) -> Job:
    return words.done(db, connection, job, by, "seen", now)


def _ask(_db: Database, connection: Connection, job: Job, by: str, now: datetime) -> Job:
    return words.ask(connection, Settings(), job, by, now)


class Ledger(RuleBasedStateMachine):
    """A lane with a few documents, two workers, and people."""

    template: Path

    @initialize()
    def begin(self) -> None:
        """An empty ledger."""
        self.folder = TemporaryDirectory(dir=MEMORY)
        shutil.copyfile(self.template, Path(self.folder.name) / "ledger.db")
        self.db = Database(f"sqlite:///{self.folder.name}/ledger.db")
        self.seconds = 0.0
        self.made: set[str] = set()
        self.batches: list[Batch] = []
        self.at_work: list[Job] = []
        self.ended: set[str] = set()

    def teardown(self) -> None:
        """Remove it."""
        self.db.close()
        self.folder.cleanup()

    def all(self) -> list[Job]:
        """Every job as it is."""
        with self.db.read() as connection:
            return [job_of(row) for row in connection.execute(select(jobs).order_by(jobs.c.id))]

    @rule(number=numbers, priority=st.integers(-1, 1))
    def make_one(self, number: int, priority: int) -> None:
        """Somebody asks for a job."""
        (job,) = make(self.db, wanted(number, priority=priority), now=later(self.seconds))
        self.made.add(job.id)

    @rule(found=st.lists(numbers, min_size=1, max_size=4))
    def make_many(self, found: list[int]) -> None:
        """Somebody asks for a batch."""
        self.batches.append(make_batch(self.db, *(wanted(number) for number in found), now=later(self.seconds)))
        self.made |= {job.id for job in self.all()}

    @rule(count=st.integers(1, 4), worker=st.sampled_from(["one", "two"]))
    def claim_some(self, count: int, worker: str) -> None:
        """A worker claims."""
        with self.db.write() as connection:
            claims.requeue_due(connection, LANE, later(self.seconds))
        self.at_work += claim(self.db, count, now=later(self.seconds), worker=worker)

    @rule(pick=picks, end=st.sampled_from(sorted(STARTED)))
    def come_back(self, pick: int, end: str) -> None:
        """A worker hands in what came of a start, in time or late."""
        if not self.at_work:
            return
        job = self.at_work.pop(pick % len(self.at_work))
        before = read(self.db, job)
        kept = settle(self.db, job, STARTED[end](job), later(self.seconds), RULES)
        assert bool(kept) is ((before.state, before.fence) == (State.RUNNING, job.fence))
        if not kept:
            assert read(self.db, job) == before

    @rule(pick=picks, end=st.sampled_from(sorted(LOOKED)))
    def look(self, pick: int, end: str) -> None:
        """A look at a waiting job."""
        with self.db.read() as connection:
            found = claims.waiting(connection, LANE, later(self.seconds), 10)
        if found:
            job = found[pick % len(found)]
            assert settle(self.db, job, LOOKED[end](job), later(self.seconds), RULES)

    @rule(seconds=st.sampled_from([1.0, 40.0, 400.0]))
    def wait(self, seconds: float) -> None:
        """Time goes by."""
        self.seconds += seconds

    @rule(living=st.sets(st.sampled_from(["one", "two"])))
    def reap(self, living: set[str]) -> None:
        """A sweep, with some workers alive."""
        now = later(self.seconds)
        with self.db.write() as connection:
            for worker in ("one", "two"):
                fleet.discharge(connection, worker)
            for worker in living:
                fleet.enlist(connection, worker, worker, "worker", now)
            fleet.reap(self.db, connection, now, 12)
            batches.sweep_cancelled(connection, now)
            batches.close_finished(connection, now)

    @rule(pick=picks, action=st.sampled_from([queue.replay, queue.cancel, queue.discard, _done, _ask]))
    def act(self, pick: int, action: Callable[..., Job]) -> None:
        """A person acts on a job."""
        found = self.all()
        if not found:
            return
        job = found[pick % len(found)]
        try:
            with self.db.write() as connection:
                action(self.db, connection, job, "ops", later(self.seconds))
        except Conflict:
            assert read(self.db, job) == job

    @rule(pick=picks, action=st.sampled_from(["pause", "resume", "cancel"]))
    def turn(self, pick: int, action: str) -> None:
        """A person acts on a batch."""
        if not self.batches:
            return
        try:
            turned(self.db, self.batches[pick % len(self.batches)], action, later(self.seconds))
        except Conflict:
            return

    @rule(pick=picks)
    def notify(self, pick: int) -> None:
        """The ERP announces something about a job."""
        found = self.all()
        if not found:
            return
        job = found[pick % len(found)]
        arrival = Arrival("acme", "visma", "operation", {}, "", None, "visma", (News(job.id, f"op-{job.id}"),))
        with self.db.write() as connection:
            arrivals.store(self.db, connection, [arrival], later(self.seconds))
        assert read(self.db, job).state is job.state

    @invariant()
    def ledger_is_sound(self) -> None:
        """All that is promised of every job and batch."""
        timelines: dict[str, list[Move]] = defaultdict(list)
        with self.db.read() as connection:
            found = [job_of(row) for row in connection.execute(select(jobs).order_by(jobs.c.id))]
            for row in connection.execute(select(moves).order_by(moves.c.id)):
                timelines[row.job].append(move_of(row))
            totals = {row.id: (row.state, row.total) for row in connection.execute(select(batch_rows))}
        self.nothing_is_lost(found)
        self.timelines_are_whole(found, timelines)
        self.records_are_sound(found)
        self.batches_add_up(found, totals)

    def nothing_is_lost(self, found: list[Job]) -> None:
        """Every job that was made is there, and what succeeded stays so. At most one job holds a document."""
        assert {job.id for job in found} == self.made
        succeeded = {job.id for job in found if job.state is State.SUCCEEDED}
        assert succeeded >= self.ended
        self.ended = succeeded
        holders = Counter(job.subject for job in found if job.state in HOLDS_DOCUMENT)
        assert all(count == 1 for count in holders.values())

    def timelines_are_whole(self, found: list[Job], timelines: dict[str, list[Move]]) -> None:
        """No timeline has a hole, and each ends where its job stands."""
        for job in found:
            made = Move(job.id, job.created_at, None, State.QUEUED, "made", job.made_by)
            assert whole([made, *timelines[job.id]], job.state)

    def records_are_sound(self, found: list[Job]) -> None:
        """Attempts within bounds, an owner and a lease exactly while running, an end exactly in final states, closed by a later success."""
        for job in found:
            assert 0 <= job.attempt <= job.max_attempts
            assert (job.owner is not None) is (job.lease_until is not None) is (job.state is State.RUNNING)
            assert (job.finished_at is not None) is (job.state in FINAL)
            assert job.starts <= job.fence
            assert (job.closed_by is not None) is (job.closed_at is not None)
            assert job.closed_by is None or (job.state is State.FAILED and job.closed_by in self.ended and job.closed_by > job.id)

    def batches_add_up(self, found: list[Job], totals: dict[str, tuple[str, int]]) -> None:
        """A batch's total is its jobs; one that is over has nothing to do."""
        for batch, (state, total) in totals.items():
            mine = [job for job in found if job.batch == batch]
            assert total == len(mine)
            if state in {"succeeded", "finished"}:
                assert not [job for job in mine if job.state in OPEN]


@pytest.mark.timeout(100)
def test_any_order(sqlite_template: Path) -> None:
    """A few hundred steps in orders of chance."""

    class Here(Ledger):
        """With this run's template."""

        template = sqlite_template

    run_state_machine_as_test(Here, settings=settings(max_examples=15, stateful_step_count=30, deadline=None))
