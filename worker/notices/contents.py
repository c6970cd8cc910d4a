"""What a notice says: `{"type", "timestamp", "data"}`, small, and the same at each try. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from worker.jobs.views import at, error_view

if TYPE_CHECKING:
    from datetime import datetime

    from worker.connections import Breaker
    from worker.jobs.model import Job, Lane

LARGEST_RESULT: Final = 4096
"""A result that takes more bytes as JSON is left out: the API has it."""


def told(kind: str, data: dict[str, Any], now: datetime) -> dict[str, Any]:
    """A notice of this type, about what happened now."""
    return {"type": kind, "timestamp": at(now), "data": data}


def body_of(notice: dict[str, Any]) -> bytes:
    """What is sent, from what was kept: keys in their order, no spaces."""
    return orjson.dumps({name: notice[name] for name in ("type", "timestamp", "data")})


def about_job(job: Job) -> dict[str, Any]:
    """A job that came to its end. `result_omitted` says that there is a result, too large for a notice."""
    large = job.result is not None and len(orjson.dumps(job.result)) > LARGEST_RESULT
    return {
        "id": job.id,
        "tenant": job.tenant,
        "kind": job.kind,
        "state": job.state.value,
        "reference": job.reference,
        "erp": job.erp,
        "erp_id": job.erp_id,
        "unique_key": job.unique_key,
        "batch": job.batch,
        "tags": list(job.tags),
        "finished_at": at(job.finished_at),
        "result": None if large else job.result,
        "result_omitted": large,
        "error": error_view(job.error),
    }


def about_connection(lane: Lane, breaker: Breaker) -> dict[str, Any]:
    """A connection that is called no more for now, or again. Its words are those of `GET /api/connections`."""
    state, why = ("up", None) if breaker.closed else ("broken", breaker.why or "its calls fail")
    return {"tenant": lane.tenant, "erp": lane.erp, "state": state, "why": why}
