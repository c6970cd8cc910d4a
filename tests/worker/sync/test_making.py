"""Kits and materials that a target lacks are asked for once, whatever goes wrong, and whoever asks."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.worker.sync.company import Company
from worker.errors import BadAnswer, RateLimited, Rejected
from worker.jobs.states import State
from worker.kits.model import Line
from worker.settings import Sync

if TYPE_CHECKING:
    from worker.errors import CallError
    from worker.jobs.engine import Database
    from worker.kits.model import Item


@pytest.fixture
def company(sqlite_db: Database) -> Company:
    """ItemPath makes what it lacks, and shows it after a while."""
    company = Company(sqlite_db, Sync(source="visma", targets=("itempath",), create_missing=True))
    company.visma.put("KIT", ("A", "1"), ("B", "2"))
    company.itempath.import_seconds = 300.0
    return company


def ends(company: Company, monkeypatch: pytest.MonkeyPatch, *errors: CallError | None) -> list[str]:
    """The next calls that make a material end so, done or not; which were done."""
    made: list[str] = []
    create, left = company.itempath.create_item, list(errors)

    def made_or_not(item: Item, job: str, generation: int) -> None:
        error = left.pop(0) if left else None
        if error is None or isinstance(error, BadAnswer):
            made.append(item.code)
            create(item, job, generation)
        if error is not None:
            raise error

    monkeypatch.setattr(company.itempath, "create_item", made_or_not)
    return made


def test_second_refused_for_now(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first material was taken, the second is too much just now: only the second is asked for again."""
    company.itempath.put("KIT")
    made = ends(company, monkeypatch, None, RateLimited("slow down", retry_after=1.0))

    job = company.run()

    assert (job.state, made) == (State.SUCCEEDED, ["A", "B"])


def test_unreadable_answer(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    """A yes that can't be read is taken for a yes."""
    company.itempath.put("KIT")
    made = ends(company, monkeypatch, BadAnswer("<html>"))

    job = company.run()

    assert (job.state, made) == (State.SUCCEEDED, ["A", "B"])


def test_refused_is_asked_anew(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the target refused was not asked for: the next run asks."""
    company.itempath.put("KIT")
    made = ends(company, monkeypatch, Rejected("no such unit"))

    first, second = company.run(), company.run()

    assert (first.state, second.state, made) == (State.FAILED, State.SUCCEEDED, ["A", "B"])


def test_two_kits_one_material(company: Company) -> None:
    """Two kits lack the same material at one time: it is made once, and both wait for it."""
    company.visma.put("OTHER", ("A", "1"))
    company.itempath.put("KIT")
    company.itempath.put("OTHER")
    company.itempath.item("B")
    jobs = [company.job("KIT"), replace(company.job("OTHER"), id="other")]

    for _ in range(100):
        jobs = [company.step(job) if job.finished_at is None else job for job in jobs]

    assert [job.state for job in jobs] == [State.SUCCEEDED, State.SUCCEEDED]
    assert company.itempath.calls["create_item"] == 1


def test_killed_while_making(company: Company) -> None:
    """A worker that dies as it asks for a kit: its import may come, so it is not asked for again."""
    company.itempath.item("A")
    company.itempath.item("B")
    before = job = company.job()
    while not company.itempath.calls["create_kit"]:
        before, job = job, company.step(job)
    progress = {**before.progress, "doubt": True, "sent_at": company.clock()}

    job = company.carry(replace(before, state=State.WAITING, due_at=company.clock.moment(), progress=progress))

    assert (job.state, company.itempath.calls["create_kit"]) == (State.SUCCEEDED, 1)


def test_inner_kit_is_filled(company: Company) -> None:
    """A kit that was made to stand in another has no lines yet: a sync of its own follows, to this target alone."""
    company.visma.put("INNER", ("A", "1"))
    company.visma.put("KIT", Line("INNER", Decimal(2), type="kit"))
    company.itempath.put("KIT")

    job = company.run()

    assert job.state is State.SUCCEEDED
    assert [(new.arguments["kit"], new.arguments["targets"]) for new in company.followers] == [("INNER", ["itempath"])]


@pytest.mark.parametrize("code", ["OTHER", "KIT"], ids=["items", "a kit"])
def test_asked_for_again_and_again(company: Company, code: str) -> None:
    """However often somebody asks, what was made is waited for by the clock: it fails only when its time is over."""
    company.visma.put("OTHER", ("A", "1"))
    company.itempath.put("OTHER")
    job = company.job(code)
    while not company.itempath.calls["create_item"] + company.itempath.calls["create_kit"]:
        job = company.step(job)

    for _ in range(40):
        job = company.step(replace(job, due_at=company.clock.moment()))

    assert job.error is None
    assert company.carry(job).state is State.SUCCEEDED


def test_never_there(company: Company) -> None:
    """What does not come within the time that an import may take is for a person."""
    company.itempath.put("KIT")
    company.itempath.import_seconds = 9_999.0

    job = company.run()

    assert job.error is not None
    assert (job.state, job.error.error_class) == (State.FAILED, "timeout")
    assert 600.0 < company.clock.seconds - job.created_at.timestamp() < 700.0
