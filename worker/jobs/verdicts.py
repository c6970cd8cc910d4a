"""What a handler says of a job after it worked on it, and what the job is then. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from worker.jobs.retries import LONGEST_ORDER, next_attempt
from worker.jobs.states import FINAL, State

if TYPE_CHECKING:
    from worker.jobs.model import Job, JobError
    from worker.settings import Retries

_KEPT_FAILURES: Final = 16


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to be made: what the caller asked for, checked."""

    tenant: str
    erp: str
    kind: str
    arguments: dict[str, Any]
    reference: str
    subject: str | None
    max_attempts: int
    unique_key: str | None = None
    priority: int = 0
    tags: tuple[str, ...] = ()
    run_at: datetime | None = None
    batch: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Where a job goes and why.

    `wait` is seconds until it is due again (waiting), or what the ERP ordered (retrying). `ordered`: the least wait in seconds that the ERP
    asked for, which nobody shortens. `counts` says that the start failed, so that it
    counts as an attempt. `progress` is merged into the handler's memory; None as a value takes a key out. `erp`: its next step is on
    another connection of the tenant, whose lane has it from here on.
    """

    state: State
    cause: str
    wait: float | None = None
    counts: bool = False
    erp_id: str | None = None
    result: Any = None
    error: JobError | None = None
    progress: dict[str, Any] = field(default_factory=dict)
    follow: tuple[NewJob, ...] = ()
    reference: str | None = None
    subject: str | None = None
    erp: str | None = None
    ordered: float | None = None


def accepted(cause: str, *, wait: float, erp_id: str | None = None, **progress: Any) -> Verdict:  # noqa: ANN401 - JSON values
    """The ERP took the work: look again in `wait` seconds, unless news comes first."""
    return Verdict(State.WAITING, cause, wait=wait, erp_id=erp_id, progress=progress)


def later(cause: str, *, wait: float, ordered: float | None = None, **progress: Any) -> Verdict:  # noqa: ANN401 - JSON values
    """Still under way: stays waiting."""
    return Verdict(State.WAITING, cause, wait=wait, ordered=ordered, progress=progress)


def doubt(error: JobError, *, wait: float, **progress: Any) -> Verdict:  # noqa: ANN401 - JSON values
    """Nobody knows yet whether the ERP took it: waits for news, then looks, and counts as a failed start."""
    return Verdict(State.WAITING, f"unclear: {error.message}", wait=wait, error=error, counts=True, progress={**progress, "doubt": True})


def done(cause: str, result: Any = None, *, follow: tuple[NewJob, ...] = ()) -> Verdict:  # noqa: ANN401 - JSON value
    """Read back and seen."""
    return Verdict(State.SUCCEEDED, cause, result=result, follow=follow)


def failed(error: JobError, **progress: Any) -> Verdict:  # noqa: ANN401 - JSON values
    """Nothing more is tried by itself."""
    return Verdict(State.FAILED, error.message, error=error, counts=True, progress=progress)


def retry(error: JobError, *, ordered: float | None = None, **progress: Any) -> Verdict:  # noqa: ANN401 - JSON values
    """This start failed; another can help. `ordered` is the least wait, in seconds."""
    return Verdict(State.RETRYING, error.message, wait=ordered, ordered=ordered, error=error, counts=True, progress=progress)


def again(
    cause: str,
    *,
    wait: float = 0.0,
    ordered: float | None = None,
    error: JobError | None = None,
    erp: str | None = None,
    **progress: Any,  # noqa: ANN401 - JSON values
) -> Verdict:
    """To be started again without counting an attempt, in `wait` seconds: a slot was refused, a stop came, or a look found nothing.

    `erp`: the next start is in that ERP's lane.
    """
    return Verdict(State.QUEUED, cause, wait=wait, ordered=ordered, error=error, progress=progress, erp=erp)


def after(job: Job, verdict: Verdict, now: datetime, rules: Retries, chance: float) -> Job:
    """The job as the verdict makes it. `chance` in [0, 1) jitters the wait. A job out of attempts fails with its last error."""
    counts = verdict.counts and not _counted(job)
    attempt = job.attempt + counts
    state = verdict.state
    if state is State.RETRYING and attempt >= job.max_attempts:
        state = State.FAILED
    progress = _merged(job, verdict, now, counts=counts)
    final = state in FINAL
    error = verdict.error if (verdict.error is not None or state is State.SUCCEEDED) else job.error
    return replace(
        job,
        state=state,
        attempt=attempt,
        progress=progress,
        error=error,
        result=verdict.result if verdict.result is not None else job.result,
        erp_id=verdict.erp_id or job.erp_id,
        reference=verdict.reference or job.reference,
        subject=verdict.subject or job.subject,
        erp=verdict.erp or job.erp,
        due_at=_due(state, verdict, now, progress, rules, chance),
        finished_at=now if final else None,
        owner=None,
        lease_until=None,
    )


def _counted(job: Job) -> bool:
    """Whether the job's last start counted as failed already: when its end became unclear, or its worker died."""
    return job.state is State.WAITING and bool(job.progress.get("doubt"))


def _merged(job: Job, verdict: Verdict, now: datetime, *, counts: bool) -> dict[str, Any]:
    news = {**verdict.progress, "ordered_until": _ordered_until(job, verdict, now)}
    merged = {key: value for key, value in {**job.progress, **news}.items() if value is not None}
    if counts:
        merged["failed_at"] = [*job.progress.get("failed_at", ()), now.timestamp()][-_KEPT_FAILURES:]
    return merged


def _ordered_until(job: Job, verdict: Verdict, now: datetime) -> float | None:
    """Until when the ERP of the job's next step ordered a wait, in epoch seconds: what it ordered now, and before."""
    if verdict.state in FINAL or verdict.erp not in {None, job.erp}:
        return None
    ordered = min(max(verdict.ordered or 0.0, 0.0), LONGEST_ORDER)
    until = max(now.timestamp() + ordered, float(job.progress.get("ordered_until", 0.0)))
    return until if until > now.timestamp() else None


def _due(state: State, verdict: Verdict, now: datetime, progress: dict[str, Any], rules: Retries, chance: float) -> datetime:
    if state is State.RETRYING:
        at = next_attempt(now.timestamp(), progress.get("failed_at", ()), rules, chance, verdict.wait)
        return datetime.fromtimestamp(at, UTC)
    return now + timedelta(seconds=verdict.wait or 0.0)
