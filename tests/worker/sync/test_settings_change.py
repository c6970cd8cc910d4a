"""Settings that change while a sync is under way: it ends as it began, or says why it can't."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.worker.sync.company import Company
from worker.jobs.states import State
from worker.settings import Sync
from worker.sync.translation import translation_of
from worker.sync.work import SyncWork

if TYPE_CHECKING:
    from worker.jobs.engine import Database
    from worker.jobs.model import Job
    from worker.settings import Tenant


@pytest.fixture
def company(sqlite_db: Database) -> Company:
    """From Visma to ItemPath, then to Intacct."""
    company = Company(sqlite_db, Sync(source="visma", targets=("itempath", "intacct")))
    company.visma.put("KIT", ("A", "1"))
    company.itempath.put("KIT", ("A", "2"))
    company.intacct.put("KIT", ("A", "2"))
    return company


def halfway(company: Company) -> Job:
    """A sync that is done with its first target."""
    job = company.job()
    while job.erp != "intacct":
        job = company.step(job)
    return job


def restart(company: Company, tenant: Tenant) -> None:
    """The workers as they start with other settings."""
    translation = translation_of(tenant.sync)
    company.works = {erp: SyncWork(company.systems[erp], tenant, company.book, translation) for erp in tenant.erps()}


@pytest.mark.parametrize("sync", [Sync("visma", ("intacct", "itempath")), Sync("visma", ("itempath",)), Sync()])
def test_ends_as_it_began(company: Company, sync: Sync) -> None:
    """Targets that stand in another order, or not at all: each of those it began with gets its lines, once."""
    job = halfway(company)
    restart(company, replace(company.tenant, sync=sync))

    job = company.carry(job)

    assert (job.state, set(job.result["targets"])) == (State.SUCCEEDED, {"itempath", "intacct"})
    assert (company.itempath.log, company.intacct.log) == (["update A 1"], ["update A 1"])


def test_connection_gone(company: Company) -> None:
    """A target that can't be reached any more is named, with what was done before; the job does not wait for ever."""
    job = company.job()
    while not company.itempath.log:
        job = company.step(job)
    restart(company, replace(company.tenant, intacct=None))

    job = company.carry(job)

    assert job.error is not None
    assert (job.state, job.error.error_class, "intacct" in job.error.message) == (State.FAILED, "validation", True)
    assert job.result["targets"]["itempath"]["applied"] == ["update A to 1"]


def test_no_source_any_more(company: Company) -> None:
    """One that has not begun, and whose settings name no source now, fails for that reason."""
    job = company.job()
    restart(company, replace(company.tenant, sync=Sync()))

    job = company.carry(job)

    assert job.error is not None
    assert (job.state, job.error.error_class, "source" in job.error.message) == (State.FAILED, "validation", True)
