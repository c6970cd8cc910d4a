"""Looks that fail: no job ends for one bad moment, none waits for ever for what a person must put right, and no kit stops another."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.worker.sync.company import Company
from worker.errors import AuthRefused, BadAnswer, LedgerUnavailable, Unclear
from worker.jobs.states import State

if TYPE_CHECKING:
    from collections.abc import Collection

    from worker.jobs.engine import Database
    from worker.kits.model import RemoteKit


@pytest.fixture
def company(sqlite_db: Database) -> Company:
    """One line differs."""
    company = Company(sqlite_db)
    company.visma.put("KIT", ("A", "1"))
    company.itempath.put("KIT", ("A", "2"))
    return company


def test_unreadable_once(company: Company) -> None:
    """A page of a proxy in place of an answer: the next look goes on."""
    company.itempath.fails = [BadAnswer("<html>")]

    assert company.run().state is State.SUCCEEDED


def test_ledger_away(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    """An adapter that asks the ledger for ids while it is away costs a moment, and no job."""
    read, times = company.itempath.read, iter([LedgerUnavailable("away")] * 2)

    def away(codes: Collection[str], revision: str | None = None) -> dict[str, RemoteKit]:
        for error in times:
            raise error
        return read(codes, revision)

    monkeypatch.setattr(company.itempath, "read", away)

    assert company.run().state is State.SUCCEEDED


def test_unreadable_always(company: Company) -> None:
    """What can never be understood is for a person, after a few looks."""
    company.itempath.fails = [BadAnswer("a line without a number") for _ in range(100)]

    job = company.run()

    assert job.error is not None
    assert (job.state, job.error.message, company.itempath.calls["read"]) == (State.FAILED, "a line without a number", 5)


def test_unreadable_asked_for(company: Company) -> None:
    """Looks that somebody asks for, one upon the other, bring a bad minute to no early end."""
    company.itempath.fails = [BadAnswer("<html>") for _ in range(20)]
    job = company.job()

    while company.itempath.fails:
        job = company.step(replace(job, due_at=company.clock.moment()))

    assert job.error is None
    job = company.carry(job)
    assert (job.state, job.progress.get("failing_since")) == (State.SUCCEEDED, None)


def test_forbidden(company: Company) -> None:
    """No right to read kits: the job says so at once."""
    company.itempath.fails = [AuthRefused("no right to kits", status=403)]

    job = company.run()

    assert job.error is not None
    assert (job.state, job.error.error_class, job.result["kit"]) == (State.FAILED, "auth", "KIT")


def test_away_for_hours(company: Company) -> None:
    """An ERP that is away is waited for, in looks that come later and later."""
    company.itempath.fails = [Unclear("no answer") for _ in range(60)]

    job = company.run()

    assert (job.state, job.progress.get("failed_looks")) == (State.SUCCEEDED, None)
    assert company.clock.seconds - job.created_at.timestamp() > 4 * 3600


def test_one_stops_no_other(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ERP breaks over one kit of those that are read together: the others go on."""
    company.visma.put("BAD", ("A", "1"))
    read = company.itempath.read

    def breaks(codes: Collection[str], revision: str | None = None) -> dict[str, RemoteKit]:
        if "BAD" in codes:
            raise Unclear("internal error", status=500)
        return read(codes, revision)

    monkeypatch.setattr(company.itempath, "read", breaks)
    jobs = {job.id: company.step(job) for job in (company.job(), replace(company.job("BAD"), id="bad"))}
    work = company.works["itempath"]

    for _ in range(3):
        company.clock.seconds += 600.0
        jobs = {job.id: company.moved(job, verdict) for job, verdict in work.looks(list(jobs.values()), company.clock())}

    assert [job.state for job in jobs.values()] == [State.QUEUED, State.WAITING]
