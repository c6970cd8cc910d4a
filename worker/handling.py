"""What a lane's work looks like to the loop that drains it: one handler for each ERP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from worker.connections import Limits, Meter
    from worker.jobs.limits import ConnectionState
    from worker.jobs.model import Batch, Exchange, Job
    from worker.jobs.verdicts import NewJob, Verdict
    from worker.settings import Retries


@dataclass(frozen=True, slots=True)
class Finding:
    """What a call, or a few, found out about a job."""

    job: Job
    verdict: Verdict
    exchanges: tuple[Exchange, ...] = ()


@dataclass(frozen=True, slots=True)
class Look:
    """Calls that find out how some waiting jobs stand. `run` is called in a thread of its own and takes one slot."""

    jobs: tuple[Job, ...]
    run: Callable[[], list[Finding]]


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a selection: jobs to make, what to remember for the next page, and whether it was the last.

    `erp`: the ERP that the next page is read from, if it is another. `fleeting`: the batch is of no interest when it got no job.
    """

    news: list[NewJob]
    planned: dict[str, Any]
    last: bool
    erp: str | None = None
    fleeting: bool = False


class Work(Protocol):
    """How jobs of some kinds are done on one connection, once a slot is free for them."""

    def start(self, job: Job, now: float) -> Verdict:
        """Do a running job's calls. `now` in epoch seconds. Never raises for what an ERP does."""

    def looks(self, jobs: Sequence[Job], now: float) -> list[tuple[Job, Verdict]]:
        """How waiting jobs stand, in as few calls as can be; a job may be left out and comes again."""


class Handler(Protocol):
    """How one connection's jobs are started and settled."""

    limits: Limits
    rules: Retries
    meter: Meter

    def start(self, job: Job) -> Finding:
        """Do a running job's calls. Never raises for what an ERP does."""

    def looks(self, waiting: Sequence[Job], state: ConnectionState, now: datetime) -> list[Look]:
        """Calls that settle the waiting jobs, as few as can be; a job may be left out and comes again."""

    def plan(self, batch: Batch) -> Page:
        """The next page of a selection. Raises `CallError`."""

    def probe(self) -> None:
        """One harmless read, to see whether the ERP is back. The meter tells."""
