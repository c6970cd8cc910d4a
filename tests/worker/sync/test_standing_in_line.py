"""Many syncs that wait for one slot: what was read long ago is read again, once, and written at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.worker.sync.company import Company
from worker.jobs.states import State
from worker.sync.bringing import STALE

if TYPE_CHECKING:
    from worker.jobs.engine import Database
    from worker.jobs.model import Job


@pytest.fixture
def company(sqlite_db: Database) -> Company:
    """One line differs."""
    company = Company(sqlite_db)
    company.visma.put("KIT", ("A", "1"))
    company.itempath.put("KIT", ("A", "2"))
    return company


def in_line(company: Company) -> Job:
    """A sync that is to write, and has waited for its turn too long."""
    job = company.job()
    while job.progress.get("sync", {}).get("stage") != "write":
        job = company.step(job)
    company.clock.seconds += STALE + 1.0
    return job


def test_read_once_more(company: Company) -> None:
    """It is read again with one call and written in the same turn: it does not stand in line anew."""
    job = in_line(company)
    reads = company.itempath.calls["read"]

    company.step(job)

    assert (company.itempath.log, company.itempath.calls["read"]) == (["update A 1"], reads + 1)


def test_put_right_meanwhile(company: Company) -> None:
    """Somebody wrote the same by hand while it waited: nothing is written."""
    job = in_line(company)
    company.itempath.put("KIT", ("A", "1"))

    job = company.carry(job)

    assert (job.state, company.itempath.log) == (State.SUCCEEDED, [])


def test_gone_meanwhile(company: Company) -> None:
    """The kit was deleted while it waited: said, and nothing is sent."""
    job = in_line(company)
    company.itempath.kits = {}

    job = company.carry(job)

    assert job.error is not None
    assert (job.state, job.error.error_class, company.itempath.log) == (State.FAILED, "missing_reference", [])
