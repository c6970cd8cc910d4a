"""What people and programs see of the records: the contract's JSON shapes, for the API and for `--json`."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from worker.jobs.actions import Action
    from worker.jobs.acts import Act
    from worker.jobs.failures import FailureGroup
    from worker.jobs.filters import JobFilter
    from worker.jobs.model import Attempt, Batch, Delivery, Exchange, Job, JobError, Move
    from worker.jobs.progress import Progress


def at(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC."""
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")


def job_view(job: Job) -> dict[str, Any]:
    """A job without its history."""
    return {
        "id": job.id,
        "tenant": job.tenant,
        "kind": job.kind,
        "state": job.state.value,
        "arguments": job.arguments,
        "reference": job.reference,
        "erp": job.erp,
        "erp_id": job.erp_id,
        "batch": job.batch,
        "attempt": job.attempt,
        "max_attempts": job.max_attempts,
        "priority": job.priority,
        "tags": list(job.tags),
        "unique_key": job.unique_key,
        "created_at": at(job.created_at),
        "started_at": at(job.started_at),
        "due_at": at(job.due_at),
        "finished_at": at(job.finished_at),
        "result": job.result,
        "error": error_view(job.error),
        "closed_by": job.closed_by,
        "closed_at": at(job.closed_at),
    }


def error_view(error: JobError | None) -> dict[str, Any] | None:
    """Why a job stands where it stands."""
    if error is None:
        return None
    return {"class": error.error_class, "message": error.message, "status": error.status, "retry": error.retry}


def story_view(job: Job, moves: Iterable[Move], attempts: Iterable[Attempt]) -> dict[str, Any]:
    """A job with its timeline and attempts."""
    return {**job_view(job), "timeline": [move_view(move) for move in moves], "attempts": [attempt_view(each) for each in attempts]}


def move_view(move: Move) -> dict[str, Any]:
    """A line of the timeline."""
    return {
        "at": at(move.at),
        "from": move.origin.value if move.origin else None,
        "to": move.target.value,
        "cause": move.cause,
        "by": move.by,
    }


def attempt_view(attempt: Attempt) -> dict[str, Any]:
    """One start and its calls."""
    return {
        "number": attempt.number,
        "started_at": at(attempt.started_at),
        "ended_at": at(attempt.ended_at),
        "outcome": attempt.outcome,
        "exchanges": [exchange_view(exchange) for exchange in attempt.exchanges],
    }


def exchange_view(exchange: Exchange) -> dict[str, Any]:
    """One call, redacted."""
    return {
        "at": at(exchange.at),
        "method": exchange.method,
        "url": exchange.url,
        "status": exchange.status,
        "ms": exchange.ms,
        "request": exchange.request,
        "response": exchange.response,
        "headers": exchange.headers,
    }


def batch_view(batch: Batch, progress: Progress) -> dict[str, Any]:
    """A batch with where it stands."""
    return {
        "id": batch.id,
        "tenant": batch.tenant,
        "kind": batch.kind,
        "name": batch.name,
        "state": batch.state.value,
        "message": batch.message,
        "held": batch.held,
        "made_by": batch.made_by,
        "created_at": at(batch.created_at),
        "finished_at": at(batch.finished_at),
        "total": batch.total,
        "counts": progress.counts,
        "rate_per_minute": progress.rate_per_minute,
        "eta": at(progress.eta),
        "eta_range": None if progress.eta_range is None else [at(each) for each in progress.eta_range],
        "failures": [{"error_class": f.error_class, "message": f.message, "count": f.count} for f in progress.failures],
        "calls": progress.calls,
        "calls_per_document": progress.calls_per_document,
    }


def delivery_line(delivery: Delivery) -> dict[str, Any]:
    """A delivery without its headers and body, which may be large."""
    return {
        "id": delivery.id,
        "tenant": delivery.tenant,
        "source": delivery.source,
        "type": delivery.type,
        "received_at": at(delivery.received_at),
        "state": delivery.state,
        "reason": delivery.reason,
        "replay_of": delivery.replay_of,
        "jobs": list(delivery.jobs),
        "outcomes": delivery.outcomes,
    }


def delivery_view(delivery: Delivery) -> dict[str, Any]:
    """A delivery, whole."""
    return {**delivery_line(delivery), "headers": delivery.headers, "body": delivery.body}


def failure_view(group: FailureGroup) -> dict[str, Any]:
    """Jobs that failed for the same reason."""
    mark = group.mark
    return {
        "id": group.id,
        "tenant": group.tenant,
        "kind": group.kind,
        "error_class": group.error_class,
        "message": group.message,
        "count": group.count,
        "open": group.open,
        "standing": group.standing,
        "acknowledged_by": None if mark is None else mark.by,
        "acknowledged_at": None if mark is None else at(mark.at),
        "note": None if mark is None else mark.note,
        "first_at": at(group.first_at),
        "last_at": at(group.last_at),
        "example": group.example,
    }


def action_view(action: Action) -> dict[str, Any]:
    """Something that is done to many jobs, and how far it is."""
    return {
        "id": action.id,
        "action": action.action,
        "total": action.total,
        "done": action.done,
        "state": action.state.value,
        "skipped": counted(action.skipped),
        "filter": filter_view(action.filter),
        "made_by": action.made_by,
        "created_at": at(action.created_at),
        "finished_at": at(action.finished_at),
    }


def act_view(act: Act) -> dict[str, Any]:
    """What somebody did."""
    return {
        "id": act.id,
        "at": at(act.at),
        "by": act.by,
        "tenant": act.tenant,
        "act": act.act,
        "subject": act.subject,
        "before": act.before,
        "after": act.after,
    }


def filter_view(wanted: JobFilter) -> dict[str, Any]:
    """What a filter names; whose tenants it may see is not part of it."""
    given = {each.name: getattr(wanted, each.name) for each in fields(wanted) if each.name != "tenants"}
    return {name: _plain(value) for name, value in given.items() if value is not None}


def counted(skips: Mapping[str, int]) -> list[dict[str, Any]]:
    """What is left out, by reason."""
    return [{"reason": reason, "count": count} for reason, count in skips.items()]


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return at(value)
    return list(value) if isinstance(value, tuple) else value
