"""Rows to records and back: the only place that knows both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from worker.jobs.messages import error_group
from worker.jobs.model import Batch, Delivery, Job, JobError, Move
from worker.jobs.states import BatchState, State

if TYPE_CHECKING:
    from sqlalchemy import Row


def job_of(row: Row[Any]) -> Job:
    """A job from a row of `jobs` with all its columns."""
    error = None if row.error_class is None else JobError(row.error_class, row.error_message or "", row.error_status)
    return Job(
        id=row.id,
        tenant=row.tenant,
        erp=row.erp,
        kind=row.kind,
        arguments=row.arguments,
        reference=row.reference,
        created_at=row.created_at,
        due_at=row.due_at,
        made_by=row.made_by,
        max_attempts=row.max_attempts,
        state=State(row.state),
        subject=row.subject,
        erp_id=row.erp_id,
        batch=row.batch,
        unique_key=row.unique_key,
        priority=row.priority,
        tags=tuple(row.tags),
        attempt=row.attempt,
        deaths=row.deaths,
        starts=row.starts,
        fence=row.fence,
        owner=row.owner,
        lease_until=row.lease_until,
        notified_at=row.notified_at,
        started_at=row.started_at,
        claimed_at=row.claimed_at,
        finished_at=row.finished_at,
        result=row.result,
        error=error,
        progress=row.progress,
        closed_by=row.closed_by,
        closed_at=row.closed_at,
    )


def values_of(job: Job) -> dict[str, Any]:
    """A whole row of `jobs`."""
    return {
        "id": job.id,
        "tenant": job.tenant,
        "kind": job.kind,
        "batch": job.batch,
        "unique_key": job.unique_key,
        "tags": list(job.tags),
        "max_attempts": job.max_attempts,
        "made_by": job.made_by,
        "created_at": job.created_at,
        "notified_at": job.notified_at,
        **naming_values(job),
        **changing_values(job),
    }


NAMING: Final = ("erp", "arguments", "reference", "subject", "priority")
CHANGING: Final = (
    "state",
    "erp_id",
    "attempt",
    "deaths",
    "starts",
    "fence",
    "owner",
    "lease_until",
    "due_at",
    "claimed_at",
    "started_at",
    "finished_at",
    "result",
    "error_class",
    "error_message",
    "error_status",
    "error_group",
    "progress",
)


def naming_values(job: Job) -> dict[str, Any]:
    """The columns of `jobs` that say what it is about; they change when it is replayed with other arguments or goes on to another ERP."""
    return {"erp": job.erp, "arguments": job.arguments, "reference": job.reference, "subject": job.subject, "priority": job.priority}


def changing_values(job: Job) -> dict[str, Any]:
    """The columns of `jobs` that a move may change. `notified_at` is not among them: notifications are written by the receiver alone."""
    return {
        "state": job.state.value,
        "erp_id": job.erp_id,
        "attempt": job.attempt,
        "deaths": job.deaths,
        "starts": job.starts,
        "fence": job.fence,
        "owner": job.owner,
        "lease_until": job.lease_until,
        "due_at": job.due_at,
        "claimed_at": job.claimed_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "result": job.result,
        "error_class": job.error.error_class if job.error else None,
        "error_message": job.error.message if job.error else None,
        "error_status": job.error.status if job.error else None,
        "error_group": error_group(job),
        "progress": job.progress,
    }


def move_of(row: Row[Any]) -> Move:
    """A line of a timeline from a row of `moves`."""
    return Move(row.job, row.at, None if row.origin is None else State(row.origin), State(row.target), row.cause, row.by, row.due_at)


def batch_of(row: Row[Any]) -> Batch:
    """A batch from a row of `batches`."""
    return Batch(
        id=row.id,
        tenant=row.tenant,
        erp=row.erp,
        kind=row.kind,
        name=row.name,
        state=BatchState(row.state),
        made_by=row.made_by,
        created_at=row.created_at,
        select=row.select,
        planned=row.planned,
        total=row.total,
        finished_at=row.finished_at,
        priority=row.priority,
        tags=tuple(row.tags),
        message=row.message,
        held=row.held,
        touched_at=row.touched_at,
    )


def delivery_of(row: Row[Any], jobs: tuple[str, ...] = ()) -> Delivery:
    """A delivery from a row of `deliveries`."""
    return Delivery(
        id=row.id,
        tenant=row.tenant,
        source=row.source,
        type=row.type,
        received_at=row.received_at,
        state=row.state,
        reason=row.reason,
        headers=row.headers,
        body=row.body,
        operation=row.operation,
        jobs=jobs,
        outcomes=row.outcomes,
        replay_of=row.replay_of,
    )
