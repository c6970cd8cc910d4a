"""Make syncs in the ledger, follow them to their end, and gather what became of each kit."""

from __future__ import annotations

import time
from collections import Counter, defaultdict, deque
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from worker.cli.group import Failed
from worker.cli.idle import say_when_idle
from worker.cli.making import make_batch
from worker.cli.opening import actor
from worker.cli.outcomes import outcome_of
from worker.cli.output import notes
from worker.cli.watching import EVERY, watch
from worker.jobs import queue, requests, search
from worker.jobs.batches import NewBatch
from worker.jobs.ledger import utc_now
from worker.jobs.search import JobFilter
from worker.jobs.states import FINAL, BatchState
from worker.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from worker.cli.outcomes import Outcome, Stand
    from worker.jobs.engine import Database
    from worker.jobs.model import Job
    from worker.settings import Settings

KIND: Final = KINDS["sync_kit_lines"]
PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class Made:
    """A job, or a batch of jobs."""

    job: str | None = None
    batch: str | None = None


@dataclass(frozen=True, slots=True)
class Gathered:
    """What became of all: how many stand how, every outcome, or the first of each sort, and the kits that differ."""

    counts: Mapping[Stand, int]
    outcomes: Sequence[Outcome]
    differing: Sequence[str]


@dataclass(frozen=True, slots=True)
class Syncs:
    """Syncs of one tenant, all asked for in the same way: `how` are the arguments beside the kit. `held`: as batches that do not start."""

    settings: Settings
    database: Database
    tenant: str
    how: Mapping[str, Any]
    name: str | None = None
    held: bool = False

    def make(self, kits: Sequence[str], **more: Any) -> Made:  # noqa: ANN401 - arguments of the job
        """A job for one kit, a batch for several and for one that is held; every fault of the arguments is told before it is stored."""
        arguments = [{"kit": kit, **self.how, **more} for kit in kits]
        if len(arguments) > 1 or self.name is not None or self.held:
            erp = requests.erp_for(self.settings, self.tenant, KIND.name, arguments[0])
            named = self.name or "sync of " + (kits[0] if len(kits) == 1 else f"{len(kits)} kits")
            new = NewBatch(tenant=self.tenant, erp=erp, kind=KIND.name, name=named, held=self.held)
            return Made(batch=make_batch(self.settings, self.database, new, arguments).id)
        new_job = requests.new_job(self.settings, self.tenant, KIND.name, arguments[0])
        with self.database.write() as connection:
            return Made(job=queue.enqueue(self.database, connection, new_job, actor(), utc_now()).job.id)

    def make_all(self, **more: Any) -> Made:  # noqa: ANN401 - arguments of the job
        """A batch of every kit that differs: a worker reads all kits of the source and the targets, and compares them."""
        select = {**self.how, **more}
        requests.check_select(self.settings, self.tenant, KIND.name, select)
        erp = requests.erp_for(self.settings, self.tenant, KIND.name, select)
        named = self.name or "sync of all kits"
        new = NewBatch(tenant=self.tenant, erp=erp, kind=KIND.name, name=named, select={**select, "source": erp}, held=self.held)
        return Made(batch=make_batch(self.settings, self.database, new).id)

    def follow(self, made: Made) -> None:
        """Wait until all have ended. Raises `Failed` where the kits of a batch could not be read, and on Ctrl-C: what was made goes on."""
        say_when_idle(self.settings, self.database)
        try:
            view = None if made.batch is None else watch(self.database, made.batch)
            if made.job is not None:
                follow_job(self.database, made.job)
        except KeyboardInterrupt:
            where = f"batches watch {made.batch}" if made.batch is not None else f"jobs show {made.job}"
            raise Failed(f"no longer followed; it goes on: kitrelay {where}") from None
        if view is not None and view["state"] == BatchState.CANCELLED.value and not view["total"]:
            raise Failed(f"the batch {made.batch} was cancelled before it had jobs" + (f": {view['message']}" if view["message"] else ""))

    def ended(self, made: Made, most: int | None = None) -> Gathered:
        """The same as `gathered`, when all have ended."""
        self.follow(made)
        return self.gathered(made, most)

    def gathered(self, made: Made, most: int | None = None) -> Gathered:
        """What became of each kit, in the order they were made; at most so many of each sort are kept, while all are counted."""
        counts: Counter[Stand] = Counter()
        kept: defaultdict[Stand, deque[Outcome]] = defaultdict(lambda: deque(maxlen=most))
        differing: list[str] = []
        for outcome in map(outcome_of, self._newest_first(made)):
            counts[outcome.stand] += 1
            kept[outcome.stand].append(outcome)
            if outcome.stand == "differs":
                differing.append(outcome.kit)
        ordered = sorted((each for sort in kept.values() for each in sort), key=lambda outcome: outcome.job)
        return Gathered(counts, ordered, differing[::-1])

    def _newest_first(self, made: Made) -> Iterator[Job]:
        if made.job is not None:
            with self.database.read() as connection:
                yield queue.find(connection, made.job)
            return
        after: str | None = None
        while True:
            with self.database.read() as connection:
                page = search.find_jobs(connection, JobFilter(batch=made.batch), PAGE, after)
            yield from page
            if len(page) < PAGE:
                return
            after = page[-1].id


def follow_job(database: Database, job_id: str, every: float = EVERY) -> Job:
    """Wait until a job has ended; on a terminal, say what it does meanwhile. Ctrl-C stops waiting, not the job."""
    with _told() as tell:
        while True:
            with database.read() as connection:
                job = queue.find(connection, job_id)
                cause = search.timeline(connection, job)[-1].cause
            if job.state in FINAL:
                return job
            tell(f"{job.state}: {cause}")
            time.sleep(every)


@contextmanager
def _told() -> Iterator[Callable[[str], None]]:
    console = notes()
    if not console.is_terminal:
        yield lambda _line: None
        return
    with console.status("") as shown:
        yield shown.update
