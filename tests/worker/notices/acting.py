"""What the tests of notices do again and again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.worker.jobs.acting import NOW, wanted
from worker.jobs.making import job_from
from worker.jobs.states import State

if TYPE_CHECKING:
    from worker.jobs.model import Job


def ended(**changes: Any) -> Job:
    """A release that succeeded, unless said otherwise."""
    job = job_from(wanted(1), "ops", NOW)
    return replace(job, **{"state": State.SUCCEEDED, "finished_at": NOW, "erp_id": "op-1", "result": {"ref_no": "000001"}, **changes})
