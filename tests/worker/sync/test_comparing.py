"""All kits of a source against those of its targets, page by page, over systems in memory and a real ledger."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.worker.sync.company import TRAITS, Company
from worker.errors import Rejected
from worker.jobs.making import insert_jobs
from worker.jobs.model import Batch, JobError
from worker.jobs.states import BatchState, State
from worker.jobs.tables import jobs as job_rows
from worker.kits.model import Line
from worker.settings import Sync
from worker.sync import comparing
from worker.sync.comparing import Comparison
from worker.sync.remembering import Remembering
from worker.sync.system import KitPage
from worker.sync.translation import translation_of

if TYPE_CHECKING:
    from worker.jobs.engine import Database
    from worker.jobs.verdicts import NewJob


class Comparing:
    """A comparison that is carried through all its pages."""

    def __init__(self, company: Company, **select: Any) -> None:
        self.company = company
        translation = translation_of(company.sync)
        book = Remembering(company.book, company.sync, translation)
        self.parts = {
            erp: Comparison(system, system, company.tenant, book, translation, company.db, TRAITS, company.clock.moment)
            for erp, system in company.systems.items()
        }
        source = str(select.get("source") or company.sync.source)
        self.batch = Batch(
            "batch", "acme", source, "sync_kit_lines", "all", BatchState.PLANNING, "a test", company.clock.moment(), {"all": True, **select}
        )
        self.places: list[str] = []

    def run(self) -> list[NewJob]:
        """All jobs that it makes."""
        found: list[NewJob] = []
        for _ in range(100):
            self.places.append(self.batch.erp)
            page = self.parts[self.batch.erp].plan(self.batch)
            found += page.news
            self.batch = replace(self.batch, planned=page.planned, erp=page.erp or self.batch.erp)
            if page.last:
                return found
        raise AssertionError(f"it did not end: {self.batch}")


@pytest.fixture
def company(sqlite_db: Database) -> Company:
    """Twenty kits in Visma and ItemPath, of which two differ."""
    company = Company(sqlite_db)
    for number in range(20):
        company.visma.put(f"KIT-{number:02}", ("A", "1"), ("B", "2"))
        company.itempath.put(f"KIT-{number:02}", ("A", "1"), ("B", "9" if number in {3, 7} else "2"))
    return company


def kits(news: list[NewJob]) -> list[str]:
    """The kits of these jobs."""
    return [new.arguments["kit"] for new in news]


def test_finds_what_differs(company: Company) -> None:
    """Only kits that differ get a job, in the source's lane; each system is read by page and no kit alone."""
    comparing = Comparing(company)

    news = comparing.run()

    assert kits(news) == ["KIT-03", "KIT-07"]
    assert {new.erp for new in news} == {"visma"}
    assert (company.visma.calls["page"], company.itempath.calls["page"]) == (1, 1)
    assert (company.visma.calls["read"], company.itempath.calls["read"]) == (0, 0)


def test_pages(company: Company) -> None:
    """Each page is read in its own ERP's lane, and many make the same whole."""
    company.visma.page_size = company.itempath.page_size = 3
    comparing = Comparing(company)

    news = comparing.run()

    assert kits(news) == ["KIT-03", "KIT-07"]
    assert (comparing.places.count("visma"), comparing.places.count("itempath")) == (8, 7)


def test_pages_without_end(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system whose pages never end is not read for ever."""
    monkeypatch.setattr(comparing, "MOST_PAGES", 7)
    monkeypatch.setattr(company.visma, "page", lambda _cursor: KitPage((), cursor=1))

    with pytest.raises(Rejected, match="visma"):
        Comparing(company).run()


def test_connection_is_gone(company: Company) -> None:
    """A comparison with a system that the settings no longer have ends, with the reason: nobody would go on with it there."""
    comparing = Comparing(company, targets=["itempath", "intacct"])
    comparing.parts = {erp: replace(part, traits={"visma": TRAITS["visma"]}) for erp, part in comparing.parts.items()}

    with pytest.raises(Rejected, match="itempath"):
        comparing.run()


def test_order_of_places(company: Company) -> None:
    """The source is read first, then the targets, and the jobs are made where they begin."""
    comparing = Comparing(company, targets=["itempath", "intacct"])

    comparing.run()

    assert comparing.places == ["visma", "itempath", "intacct", "visma"]


def test_missing_kit(company: Company) -> None:
    """A kit that a target lacks gets a job when a person asked, which will say so; a schedule leaves it alone."""
    del company.itempath.kits["KIT-05"]

    asked = kits(Comparing(company).run())
    scheduled = kits(Comparing(company, scheduled=True).run())

    assert asked == ["KIT-03", "KIT-05", "KIT-07"]
    assert scheduled == ["KIT-03", "KIT-07"]


def test_failed_is_left(company: Company) -> None:
    """A kit whose last sync failed is left to a person by schedules, for a day."""
    news = Comparing(company, scheduled=True).run()
    now = company.clock.moment()
    with company.db.write() as connection:
        (made,) = insert_jobs(connection, [replace(news[0], batch=None)], "a test", now)
        failed = {"state": State.FAILED.value, "finished_at": now, "error_class": JobError("conflict", "held").error_class}
        connection.execute(job_rows.update().where(job_rows.c.id == made.id).values(**failed))

    soon = kits(Comparing(company, scheduled=True).run())
    company.clock.seconds += timedelta(hours=25).total_seconds()
    later = kits(Comparing(company, scheduled=True).run())

    assert (soon, later) == (["KIT-07"], ["KIT-03", "KIT-07"])


def test_failed_then_succeeded(company: Company) -> None:
    """A kit whose sync failed, and succeeded after that, is compared like any other."""
    news = Comparing(company, scheduled=True).run()
    now = company.clock.moment()
    with company.db.write() as connection:
        first, second = insert_jobs(connection, [replace(news[0], batch=None)] * 2, "a test", now)
        for made, state, ended in ((first, State.FAILED, now), (second, State.SUCCEEDED, now + timedelta(minutes=1))):
            connection.execute(job_rows.update().where(job_rows.c.id == made.id).values(state=state.value, finished_at=ended))

    assert kits(Comparing(company, scheduled=True).run()) == ["KIT-03", "KIT-07"]


def test_exploded(sqlite_db: Database) -> None:
    """Targets that get the parts of inner kits are compared with these: a change in an inner kit shows in all that hold it."""
    company = Company(sqlite_db, Sync(source="intacct", targets=("itempath",), nested={"itempath": "explode"}))
    company.intacct.put("B", ("C", "3"))
    company.intacct.put("KIT", Line("B", Decimal(2), type="kit"))
    company.itempath.put("B", ("C", "3"))
    company.itempath.put("KIT", ("C", "6"))

    before = kits(Comparing(company).run())
    company.intacct.put("B", ("C", "4"))
    after = kits(Comparing(company).run())

    assert (before, sorted(after)) == ([], ["B", "KIT"])


def test_not_understood(company: Company) -> None:
    """A kit that can't be understood gets a job, which says why."""
    company.visma.put("KIT-00", Line("A", Decimal(0)))

    news = kits(Comparing(company).run())

    assert news == ["KIT-00", "KIT-03", "KIT-07"]


def test_options_handed_on(company: Company) -> None:
    """What the comparison was asked, its syncs do."""
    news = Comparing(company, dry_run=True, targets=["itempath"]).run()

    assert {(new.arguments["dry_run"], tuple(new.arguments["targets"])) for new in news} == {(True, ("itempath",))}


@pytest.mark.parametrize(("dry_run", "news"), [(True, ("KIT-00",)), (False, ())])
def test_dry_run_leaves_news(company: Company, dry_run: bool, news: tuple[str, ...]) -> None:  # noqa: FBT001 - a case
    """A comparison whose syncs are dry runs takes no change away from the sync that reads the kit next."""
    company.run("KIT-00")
    company.visma.put("KIT-00", ("A", "5"))

    Comparing(company, dry_run=dry_run).run()

    book = Remembering(company.book, company.sync, translation_of(company.sync))
    assert book.saw_source("visma", company.visma.read(["KIT-00"]), told=True) == news


def test_fresh_source_not_read(company: Company) -> None:
    """A sync that a comparison made does not read the source at its start: it was read a moment ago."""
    comparing = Comparing(company)
    news = comparing.run()
    job = replace(company.job(news[0].arguments["kit"]), batch="batch")

    done = company.carry(job)

    assert (done.state, company.visma.calls["read"]) == (State.SUCCEEDED, 1)
