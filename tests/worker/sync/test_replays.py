"""A sync that a person replays: what may be on its way is looked for first, and what a first run may not do, a replay may not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.worker.sync.company import Company
from worker.errors import Rejected
from worker.jobs.states import State

if TYPE_CHECKING:
    from worker.jobs.engine import Database
    from worker.jobs.model import Job


@pytest.fixture
def company(sqlite_db: Database) -> Company:
    """Ten lines differ, and the second write is refused."""
    company = Company(sqlite_db)
    company.visma.put("KIT", *((f"C{each}", "1") for each in range(10)))
    company.itempath.put("KIT", *((f"C{each}", "2") for each in range(10)))
    company.itempath.tells = False
    company.itempath.next = [None, Rejected("no such material")]
    return company


def replayed(job: Job, **arguments: Any) -> Job:
    """The job as the queue replays it, with edited arguments."""
    progress: dict[str, Any] = {"look_first": True, "sent_at": job.progress.get("sent_at"), "past": []}
    return replace(
        job, erp="visma", state=State.QUEUED, finished_at=None, error=None, arguments={**job.arguments, **arguments}, progress=progress
    )


def test_dry_replay(company: Company) -> None:
    """A failed sync that is replayed as a dry run at once sends nothing."""
    failed = company.run()
    sent = company.itempath.calls["write"]

    job = company.carry(replayed(failed, dry_run=True))

    assert (failed.state, job.state, company.itempath.calls["write"]) == (State.FAILED, State.SUCCEEDED, sent)


def test_hold_in_replay(company: Company) -> None:
    """Most lines are gone from the source when it is replayed: held, as in any run."""
    failed = company.run()
    company.visma.put("KIT", ("C0", "1"))

    job = company.carry(replayed(failed))

    assert job.error is not None
    assert (job.state, job.error.error_class, len(company.itempath.lines("KIT"))) == (State.FAILED, "conflict", 10)
