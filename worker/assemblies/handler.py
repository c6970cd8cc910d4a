"""What a lane's loop calls for Visma: start a job, look at waiting ones, list a selection, probe."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import structlog

from worker.assemblies.confirmation import confirm
from worker.assemblies.planning import next_page
from worker.assemblies.settling import Settler
from worker.assemblies.starting import start
from worker.assemblies.visma_clock import LEARNED, offset_of
from worker.clients.exchanges import recorded
from worker.clients.visma.lists import KitAssemblyFilter
from worker.connections import Limits, Report
from worker.errors import CallError, RateLimited
from worker.handling import Finding, Look
from worker.jobs.model import JobError
from worker.jobs.states import State
from worker.jobs.verdicts import failed, later
from worker.kinds import KINDS
from worker.reports import UNAUTHORISED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from worker.clients.visma.client import VismaClient
    from worker.connections import Meter
    from worker.handling import Page
    from worker.jobs.limits import ConnectionState
    from worker.jobs.model import Batch, Job
    from worker.settings import Visma

FEWEST_TO_LIST: Final = 3
"""From so many waiting jobs on, one list call is cheaper than a read for each."""

OLD: Final = 600.0
FEWEST_OLD: Final = 20
TEACHERS: Final = 8
_MOST_IN_TURN: Final = 25
_GRANT: Final = 1_000
_log = structlog.get_logger("visma")


class VismaHandler:
    """One tenant's connection to Visma. Its threads share it."""

    def __init__(self, settings: Visma, client: VismaClient, meter: Meter, clock: Callable[[], float]) -> None:
        self.limits = Limits(settings.slots, settings.calls_per_hour, _GRANT)
        self.rules = settings.retries
        self.meter = meter
        self._settings = settings
        self._client = client
        self._clock = clock
        self._minutes: int | None = None

    def start(self, job: Job) -> Finding:
        """Send the job's write; see `worker.assemblies.starting`."""
        with recorded() as exchanges:
            verdict = start(self._client, self._settings, job, self._clock(), self._minutes)
        if verdict.error is not None and verdict.error.status == UNAUTHORISED:  # twice in a row: not one token, but all of them
            self.meter.saw(Report(failures=1, why=verdict.error.message))
        return Finding(job, verdict, tuple(exchanges))

    def looks(self, waiting: Sequence[Job], state: ConnectionState, now: datetime) -> list[Look]:
        """One list call for many releases and marked creates, and single looks in as few threads as there are slots.

        Until the zone of Visma's times is known there are no lists: a few fresh documents are read, and tell it.
        """
        self._minutes = state.learned.get(LEARNED, self._minutes)
        listed = [job for job in waiting if self._listable(job)]
        alone = [job for job in waiting if not self._listable(job)]
        slots = state.slots or self._settings.slots
        if self._minutes is None:
            return self._single_looks([*alone, *listed[: min(slots, TEACHERS)]], slots)
        old = [job for job in listed if now.timestamp() - _sent(job) > OLD]
        if len(old) <= FEWEST_OLD:
            alone += old
            listed = [job for job in listed if now.timestamp() - _sent(job) <= OLD]
        if len(listed) < FEWEST_TO_LIST:
            return self._single_looks(alone + listed, slots)
        return [self._list_look(tuple(listed)), *self._single_looks(alone, slots)]

    def plan(self, batch: Batch) -> Page:
        """The next page of a selection."""
        return next_page(self._client, batch, self._settings.retries.attempts, self._minutes)

    def probe(self) -> None:
        """The smallest list there is. What an answer says of health, the meter hears anyway; that we are kept out counts here, too."""
        try:
            self._client.list_statuses(KitAssemblyFilter(), page_number=1, page_size=1)
        except CallError as error:
            if isinstance(error, RateLimited) or error.status == UNAUTHORISED:
                self.meter.saw(Report(failures=1, why=error.message))

    def _listable(self, job: Job) -> bool:
        operation = KINDS[job.kind].operation
        marked = operation == "create" and self._settings.mark_description
        return (operation == "release" or marked) and not job.progress.get("single")

    def _list_look(self, jobs: tuple[Job, ...]) -> Look:
        def run() -> list[Finding]:
            try:
                verdicts = confirm(self._client, self._settings, jobs, self._clock(), self._minutes or 0)
            except Exception:  # noqa: BLE001 - a record that we can't read must not stop thousands of jobs
                _log.exception("a list could not be understood", jobs=len(jobs))
                verdicts = [(job, later("a list could not be understood; it is asked for alone", wait=0.0, single=True)) for job in jobs]
            return [Finding(job, verdict) for job, verdict in verdicts]

        return Look(jobs, run)

    def _single_looks(self, jobs: Sequence[Job], slots: int) -> list[Look]:
        size = min(_MOST_IN_TURN, max(1, -(-len(jobs) // slots)))
        return [self._single_look(tuple(jobs[at : at + size])) for at in range(0, len(jobs), size)]

    def _single_look(self, jobs: tuple[Job, ...]) -> Look:
        return Look(jobs, lambda: list(self._one_by_one(jobs)))

    def _one_by_one(self, jobs: tuple[Job, ...]) -> Iterator[Finding]:
        """Look after look, until one finds the ERP away: the others have their turn when it is back."""
        for job in jobs:
            failures = self.meter.failures()
            yield self._look(job)
            if self.meter.failures() > failures or self.meter.blocked_until() is not None:
                return

    def _look(self, job: Job) -> Finding:
        with recorded() as exchanges:
            try:
                verdict = Settler(self._client, self._settings, self._clock(), self._minutes).look(job)
            except Exception as error:  # noqa: BLE001 - the other jobs of this look are none the worse for it
                _log.exception("a look failed", job=job.id)
                verdict = failed(JobError("bug", f"{type(error).__name__}: {error}"))
        if verdict.state is State.SUCCEEDED and isinstance(verdict.result, dict):
            self._learn(job, verdict.result.get("last_modified"))
        return Finding(job, verdict, tuple(exchanges))

    def _learn(self, job: Job, shown: str | None) -> None:
        minutes = offset_of(shown, _sent(job), datetime.fromtimestamp(self._clock(), UTC))
        if minutes is not None and minutes != self._minutes:
            self._minutes = minutes
            self.meter.saw(Report(learned={LEARNED: minutes}))


def _sent(job: Job) -> float:
    sent: float = job.progress.get("sent_at") or job.created_at.timestamp()
    return sent
