"""One connection's handler: each kind of job goes to the work that does it, and all share the connection's limits and meter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

import structlog

from worker.clients.exchanges import recorded
from worker.connections import Report
from worker.errors import CallError, RateLimited
from worker.handling import Finding, Look
from worker.jobs.model import JobError
from worker.jobs.verdicts import failed
from worker.reports import UNAUTHORISED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from worker.connections import Limits, Meter
    from worker.handling import Handler, Page, Work
    from worker.jobs.limits import ConnectionState
    from worker.jobs.model import Batch, Job
    from worker.jobs.verdicts import Verdict
    from worker.settings import Retries

TOGETHER: Final = 25
"""So many waiting jobs of a kind are looked at in one go: their reads are one call where the ERP can do that."""

_log = structlog.get_logger("routing")


class SingleWork(Protocol):
    """How jobs of some kinds are done, one after the other."""

    def start(self, job: Job, now: float) -> Verdict:
        """Do a running job's calls. `now` in epoch seconds. Never raises for what an ERP does."""

    def look(self, job: Job, now: float) -> Verdict:
        """How a waiting job stands. Likewise."""


class Router:
    """A `Handler`. `works` by kind of job; `base` does the others. `plans` by kind of batch. `read` is one harmless call."""

    def __init__(
        self,
        limits: Limits,
        rules: Retries,
        meter: Meter,
        works: Mapping[str, Work],
        plans: Mapping[str, Callable[[Batch], Page]],
        read: Callable[[], object],
        clock: Callable[[], float],
        base: Handler | None = None,
    ) -> None:
        self.limits = limits
        self.rules = rules
        self.meter = meter
        self._works = works
        self._plans = plans
        self._read = read
        self._clock = clock
        self._base = base

    def start(self, job: Job) -> Finding:
        """Do a running job's calls."""
        work = self._works.get(job.kind)
        if work is None:
            return self._base.start(job) if self._base is not None else Finding(job, _unknown(job))
        with recorded() as exchanges:
            verdict = work.start(job, self._clock())
        if verdict.error is not None and verdict.error.status == UNAUTHORISED:
            self.meter.saw(Report(failures=1, why=verdict.error.message))
        return Finding(job, verdict, tuple(exchanges))

    def looks(self, waiting: Sequence[Job], state: ConnectionState, now: datetime) -> list[Look]:
        """Some jobs of one kind to a look."""
        found: list[Look] = []
        for kind, work in self._works.items():
            mine = [job for job in waiting if job.kind == kind]
            found += [self._look(work, tuple(mine[at : at + TOGETHER])) for at in range(0, len(mine), TOGETHER)]
        others = [job for job in waiting if job.kind not in self._works]
        if others and self._base is not None:
            found += self._base.looks(others, state, now)
        return found

    def plan(self, batch: Batch) -> Page:
        """The next page of a selection. Raises `CallError`."""
        plan = self._plans.get(batch.kind)
        if plan is not None:
            return plan(batch)
        if self._base is None:
            raise CallError(f"nothing selects {batch.kind} here", error_class="bug")
        return self._base.plan(batch)

    def probe(self) -> None:
        """One harmless read. What an answer says of health, the meter hears anyway; that we are kept out counts here, too."""
        try:
            self._read()
        except CallError as error:
            if isinstance(error, RateLimited) or error.status == UNAUTHORISED:
                self.meter.saw(Report(failures=1, why=error.message))

    def _look(self, work: Work, jobs: tuple[Job, ...]) -> Look:
        return Look(jobs, lambda: list(self._looked(work, jobs)))

    def _looked(self, work: Work, jobs: tuple[Job, ...]) -> Iterator[Finding]:
        with recorded() as exchanges:
            try:
                verdicts = work.looks(jobs, self._clock())
            except Exception as error:  # noqa: BLE001 - a fault of ours ends one job; the others are looked at alone
                _log.exception("a look failed", jobs=[job.id for job in jobs])
                if len(jobs) == 1:
                    yield Finding(jobs[0], failed(JobError("bug", f"{type(error).__name__}: {error}")))
                    return
                verdicts = None
        if verdicts is None:
            for job in jobs:
                yield from self._looked(work, (job,))
            return
        calls = tuple(exchanges) if len(jobs) == 1 else ()  # what was read for many tells little of one, and is long
        for job, verdict in verdicts:
            yield Finding(job, verdict, calls)


class OneByOne:
    """A `Work` that looks at each job alone, in turn."""

    def __init__(self, work: SingleWork) -> None:
        self._work = work

    def start(self, job: Job, now: float) -> Verdict:
        """Do a running job's calls."""
        return self._work.start(job, now)

    def looks(self, jobs: Sequence[Job], now: float) -> list[tuple[Job, Verdict]]:
        """How each stands."""
        return [(job, self._work.look(job, now)) for job in jobs]


def _unknown(job: Job) -> Verdict:
    return failed(JobError("bug", f"no connection to {job.erp} does {job.kind}"))
