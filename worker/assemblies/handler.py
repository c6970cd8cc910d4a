"""What a lane's loop calls for Visma: start a job, look at waiting ones, list a selection, probe."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from worker.assemblies.confirmation import confirm
from worker.assemblies.planning import next_page
from worker.assemblies.settling import Settler
from worker.assemblies.starting import start
from worker.assemblies.visma_clock import LEARNED, offset_of
from worker.clients.exchanges import recorded
from worker.clients.visma.lists import KitAssemblyFilter
from worker.connections import Limits, Report
from worker.errors import CallError
from worker.handling import Finding, Look
from worker.jobs.states import State
from worker.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from worker.clients.answers import Answer
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
_MOST_IN_TURN: Final = 25
_GRANT: Final = 1_000
_REFUSAL_WAIT: Final = 30.0
_UNAUTHORISED: Final = 401


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
        return Finding(job, verdict, tuple(exchanges))

    def looks(self, waiting: Sequence[Job], state: ConnectionState, now: datetime) -> list[Look]:
        """One list call for many releases and marked creates, and single looks in as few threads as there are slots."""
        self._minutes = state.learned.get(LEARNED, self._minutes)
        listed = [job for job in waiting if self._listable(job)]
        old = [job for job in listed if now.timestamp() - _sent(job) > OLD]
        groups = [[job for job in listed if job not in old] if len(old) <= FEWEST_OLD else listed]
        alone = [job for job in waiting if not self._listable(job)] + (old if len(old) <= FEWEST_OLD else [])
        if self._minutes is None and listed:
            alone, groups = [*alone, listed[0]], []  # one read of a fresh document tells the zone of Visma's times
        looks = []
        for group in groups:
            if len(group) < FEWEST_TO_LIST:
                alone.extend(group)
            else:
                looks.append(self._list_look(tuple(group)))
        return looks + self._single_looks(alone, state)

    def plan(self, batch: Batch) -> Page:
        """The next page of a selection."""
        return next_page(self._client, batch, self._settings.retries.attempts, self._minutes)

    def probe(self) -> None:
        """The smallest list there is."""
        try:
            self._client.list_statuses(KitAssemblyFilter(), page_number=1, page_size=1)
        except CallError as error:
            self.meter.saw(Report(failures=1, why=error.message))

    def _listable(self, job: Job) -> bool:
        operation = KINDS[job.kind].operation
        marked = operation == "create" and self._settings.mark_description
        return (operation == "release" or marked) and not job.progress.get("single")

    def _list_look(self, jobs: tuple[Job, ...]) -> Look:
        def run() -> list[Finding]:
            verdicts = confirm(self._client, self._settings, jobs, self._clock(), self._minutes or 0)
            return [Finding(job, verdict) for job, verdict in verdicts]

        return Look(jobs, run)

    def _single_looks(self, jobs: Sequence[Job], state: ConnectionState) -> list[Look]:
        slots = state.slots or self._settings.slots
        size = min(_MOST_IN_TURN, max(1, -(-len(jobs) // slots)))
        return [self._single_look(tuple(jobs[at : at + size])) for at in range(0, len(jobs), size)]

    def _single_look(self, jobs: tuple[Job, ...]) -> Look:
        return Look(jobs, lambda: [self._look(job) for job in jobs])

    def _look(self, job: Job) -> Finding:
        with recorded() as exchanges:
            verdict = Settler(self._client, self._settings, self._clock(), self._minutes).look(job)
        if verdict.state is State.SUCCEEDED and isinstance(verdict.result, dict):
            self._learn(job, verdict.result.get("last_modified"))
        return Finding(job, verdict, tuple(exchanges))

    def _learn(self, job: Job, shown: str | None) -> None:
        minutes = offset_of(shown, _sent(job), datetime.now(UTC))
        if minutes is not None and minutes != self._minutes:
            self._minutes = minutes
            self.meter.saw(Report(learned={LEARNED: minutes}))


def observer(meter: Meter) -> Callable[[Answer], None]:
    """Tells the meter what each answer says about the connection."""
    return lambda answer: meter.saw(report_of(answer, datetime.now(UTC)))


def report_of(answer: Answer, now: datetime) -> Report:
    """What one answer says of budget and health. A refusal of the request is a sign of life; 429 is neither good nor bad."""
    counted = 0 if answer.token else 1
    resets_at = None if answer.resets_in is None else now + timedelta(seconds=answer.resets_in)
    budget = {"calls": counted, "left": answer.remaining, "resets_at": resets_at, "ms": round(answer.ms)}
    if answer.error_class == "rate_limited":
        wait = answer.retry_after or answer.resets_in or _REFUSAL_WAIT
        return Report(**budget, blocked_until=now + timedelta(seconds=max(wait, 1.0)))  # type: ignore[arg-type]
    if answer.status is None or answer.error_class in {"unavailable", "timeout"}:
        why = f"answers {answer.status}" if answer.status else "does not answer"
        return Report(**budget, failures=1, why=why)  # type: ignore[arg-type]
    if answer.token and answer.error_class is not None:
        return Report(**budget, failures=1, refused=True, why="the token endpoint refuses our credentials")  # type: ignore[arg-type]
    if answer.status == _UNAUTHORISED:
        return Report(**budget)  # type: ignore[arg-type]
    return Report(**budget, oks=1, last_ok_at=now)  # type: ignore[arg-type]


def _sent(job: Job) -> float:
    sent: float = job.progress.get("sent_at") or job.created_at.timestamp()
    return sent
