"""Whatever jobs do in whatever order: what is counted as they move is what a plain count of them finds."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from tests.worker.jobs.acting import claim, later, make, make_batch, settle, turned, wanted
from worker.errors import Conflict
from worker.jobs import actions, batches, claims, endings, queue, search, verdicts
from worker.jobs.filters import JobFilter
from worker.jobs.model import JobError, Lane
from worker.jobs.pruning import Keep, prune
from worker.jobs.rows import job_of
from worker.jobs.states import FINAL, State
from worker.jobs.tables import job_tags, jobs
from worker.jobs.tallies import tally
from worker.kit_ledger.tables import metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker.jobs.engine import Database
    from worker.jobs.model import Batch, Job

KINDS: Final = ("release_kit_assembly", "delete_kit_assembly")
TENANTS: Final = ("acme", "other")
TAGS: Final = ((), ("red",), ("red", "blue"))
KEEP: Final = Keep(*[timedelta(seconds=300)] * 3)
ENDS: Final = (
    lambda number: verdicts.done("seen"),  # noqa: ARG005 - all are called alike
    lambda number: verdicts.failed(JobError("auth", f"no access to {number}")),
    lambda number: verdicts.accepted("taken", wait=60, erp_id=f"op-{number}"),
    lambda number: verdicts.retry(JobError("timeout", f"no answer to {number}")),
)


class World:
    """A ledger in which a minute passes with each move; `chance` chooses among what there is."""

    def __init__(self, db: Database, seed: int) -> None:
        self.db = db
        self.chance = random.Random(seed)
        self.seconds = 0
        self.number = 0
        self.batches: list[Batch] = []
        with db.write() as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(table.delete())

    def act(self, name: str) -> None:
        """One move."""
        self.seconds += 60
        MOVES[name](self)

    def all(self) -> list[Job]:
        """Every job as it is."""
        with self.db.read() as connection:
            return [job_of(row) for row in connection.execute(select(jobs))]

    def some(self, *states: State) -> list[Job]:
        """Up to two jobs in these states."""
        able = sorted((job for job in self.all() if job.state in states), key=lambda job: job.id)
        return self.chance.sample(able, min(2, len(able)))

    def make(self) -> None:
        """Single jobs, of either tenant and kind."""
        self.number += 1
        new = wanted(self.number, tenant=self.chance.choice(TENANTS), kind=self.chance.choice(KINDS), tags=self.chance.choice(TAGS))
        make(self.db, new, now=later(self.seconds))

    def batch(self) -> None:
        """A batch, one job of it of another kind."""
        start, self.number = self.number, self.number + 4
        news = (wanted(start + n, tags=self.chance.choice(TAGS), kind=KINDS[n == 4]) for n in range(1, 5))
        self.batches.append(make_batch(self.db, *news, now=later(self.seconds)))

    def work(self) -> None:
        """Workers claim, and hand in what came of it."""
        for tenant in TENANTS:
            lane = Lane(tenant, "visma")
            with self.db.write() as connection:
                claims.requeue_due(connection, lane, later(self.seconds))
            for job in claim(self.db, 3, now=later(self.seconds), lane=lane):
                if self.chance.random() < 0.8:
                    settle(self.db, job, self.chance.choice(ENDS)(self.seconds), later(self.seconds))

    def replay(self) -> None:
        """Some that are over are done again."""
        self._moved(queue.replay, State.FAILED, State.CANCELLED)

    def discard(self) -> None:
        """Some that failed are given up."""
        self._moved(queue.discard, State.FAILED)

    def cancel(self) -> None:
        """Some that are open are stopped."""
        self._moved(queue.cancel, State.QUEUED, State.WAITING, State.RETRYING)

    def _moved(self, verb: Callable[..., Job], *states: State) -> None:
        for job in self.some(*states):
            with self.db.write() as connection:
                verb(self.db, connection, job, "ops", later(self.seconds))

    def cancel_batch(self) -> None:
        """A whole batch is cancelled; what it had not started is swept now or later."""
        if self.batches:
            try:
                turned(self.db, self.chance.choice(self.batches), "cancel", later(self.seconds))
            except Conflict:  # it is over
                return

    def sweep(self) -> None:
        """What was cancelled with its batch, in part; batches with nothing open are closed."""
        with self.db.write() as connection:
            batches.sweep_cancelled(connection, later(self.seconds), 2)
            batches.close_finished(connection, later(self.seconds))

    def replay_all(self) -> None:
        """Everything that failed is done again, by one action."""
        begun = actions.begin(self.db, "replay", JobFilter(state=("failed", "cancelled")), "ops", later(self.seconds))
        actions.carry_on(self.db, begun.id, later(self.seconds))

    def fold(self) -> None:
        """The rows of ends are summed."""
        with self.db.write() as connection:
            endings.fold(connection)

    def prune(self) -> None:
        """What is old goes."""
        assert prune(self.db, KEEP, later(self.seconds), lambda: True)


MOVES: Final[dict[str, Callable[[World], None]]] = {
    each.__name__: each
    for each in (
        World.make,
        World.batch,
        World.work,
        World.replay,
        World.discard,
        World.cancel,
        World.cancel_batch,
        World.sweep,
        World.replay_all,
        World.fold,
        World.prune,
    )
}


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 999),
    names=st.lists(st.sampled_from([*MOVES, "work", "work", "batch", "cancel_batch", "sweep"]), min_size=5, max_size=25),
)
def test_tallies_equal_a_plain_count(seed: int, names: list[str], db: Database) -> None:
    """By tenant, kind, state, batch and tag, alone and together, over any moves; and tags say of each job what it is."""
    world = World(db, seed)
    for name in ["make", "batch", "work", *names]:
        world.act(name)
    everything = world.all()
    with db.read() as connection:
        for asked in filters(world):
            plain = Counter((job.state, job.kind) for job in everything if fits(job, asked))
            assert tally(connection, asked) == plain, asked
            assert {job.id for job in search.find_jobs(connection, asked, 999)} == {job.id for job in everything if fits(job, asked)}
        kept = {tuple(row) for row in connection.execute(select(job_tags))}
    assert kept == {
        (tag, job.id, job.tenant, job.kind, job.state.value if job.state in FINAL else None, job.batch)
        for job in everything
        for tag in job.tags
    }


def filters(world: World) -> Iterator[JobFilter]:
    """Everything, each part alone, and some of each together."""
    parts: dict[str, list[object]] = {
        "tenants": [None, TENANTS[:1], ()],
        "tenant": [None, *TENANTS],
        "kind": [None, *KINDS],
        "state": [None, ("failed",), ("cancelled", "queued"), ("waiting", "running", "retrying"), ("succeeded", "queued")],
        "batch": [None, *(batch.id for batch in world.batches[:2])],
        "tag": [None, "red", "blue"],
    }
    yield JobFilter()
    yield from (JobFilter(**{name: value}) for name, values in parts.items() for value in values)  # type: ignore[arg-type]
    for _ in range(15):
        yield JobFilter(**{name: world.chance.choice(values) for name, values in parts.items()})  # type: ignore[arg-type]


def fits(job: Job, asked: JobFilter) -> bool:
    """Whether the filter names the job, as a plain reading of it says."""
    return (
        (asked.tenants is None or job.tenant in asked.tenants)
        and asked.tenant in {None, job.tenant}
        and asked.kind in {None, job.kind}
        and (asked.state is None or job.state in asked.state)
        and asked.batch in {None, job.batch}
        and (asked.tag is None or asked.tag in job.tags)
    )
