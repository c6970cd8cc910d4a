"""Kits that hold a changed kit are synced, too, for targets that get its parts: no change is ever seen without that."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.worker.sync.company import Company
from worker.jobs.states import State
from worker.kit_ledger.known import known
from worker.kits.model import Line
from worker.settings import Sync

if TYPE_CHECKING:
    from worker.jobs.engine import Database


@pytest.fixture
def company(sqlite_db: Database) -> Company:
    """Two kits hold an inner one that the target does not know, and that has just changed."""
    company = Company(sqlite_db, Sync(source="intacct", targets=("itempath",), nested={"itempath": "explode"}))
    company.intacct.put("INNER", ("A", "1"))
    for code in ("KIT", "OTHER"):
        company.intacct.put(code, Line("INNER", Decimal(2), type="kit"))
        company.itempath.put(code, ("A", "2"))
        assert company.run(code).state is State.SUCCEEDED
    company.intacct.put("INNER", ("A", "3"))
    company.followers.clear()
    return company


def followers(company: Company) -> list[str]:
    """The kits of syncs that were made."""
    return sorted(str(new.arguments["kit"]) for new in company.followers)


def test_target_lacks_inner(company: Company) -> None:
    """The target has no kit of that name, so its own sync fails; those that hold it are synced all the same."""
    job = company.run("INNER")

    assert (job.state, followers(company)) == (State.FAILED, ["KIT", "OTHER"])


def test_seen_by_parent(company: Company) -> None:
    """Who reads the change first, be it a kit that holds it, tells the others."""
    job = company.run("KIT")

    assert (job.state, followers(company)) == (State.SUCCEEDED, ["OTHER"])


@pytest.mark.parametrize("some", [{"targets": ["visma"]}, {"nested": "preserve"}])
def test_some_targets_first(sqlite_db: Database, some: dict[str, Any]) -> None:
    """A sync of targets that do not get the parts takes no news away from the one of those that do."""
    company = Company(sqlite_db, Sync(source="intacct", targets=("itempath", "visma"), nested={"itempath": "explode"}))
    company.intacct.put("INNER", ("A", "1"))
    company.intacct.put("KIT", Line("INNER", Decimal(2), type="kit"))
    company.run("KIT")
    company.intacct.put("INNER", ("A", "3"))

    company.run("INNER", **some)
    assert followers(company) == []
    company.run("INNER")
    company.run("INNER")

    assert followers(company) == ["KIT"]


def test_dry_run_first(company: Company) -> None:
    """A dry run tells nobody, and takes nothing away from the run that follows."""
    company.run("INNER", dry_run=True)
    assert followers(company) == []

    company.run("INNER")

    assert followers(company) == ["KIT", "OTHER"]


def test_dry_run_is_known(company: Company) -> None:
    """What a dry run read is what is known of the kit from then on, in its source and in its target; nothing is agreed or written."""
    company.itempath.put("KIT", ("A", "5"))
    agreed = company.book.agreed("intacct", "itempath", ["KIT"])
    company.run("KIT", dry_run=True)

    with company.db.read() as connection:
        sides = {side.erp: side for side in known(connection, company.tenant, "KIT").sides}
        inner = {side.erp: side for side in known(connection, company.tenant, "INNER").sides}["intacct"]

    assert [(line.component, line.base_quantity) for line in inner.lines] == [("A", "3")]
    assert [(line.component, line.base_quantity) for line in sides["itempath"].lines] == [("A", "5")]
    assert company.book.agreed("intacct", "itempath", ["KIT"]) == agreed


def test_dry_run_of_revision(company: Company) -> None:
    """A dry run of a named revision says nothing of the kit that is in use."""
    company.run("INNER", dry_run=True, revision="R0")

    assert company.book.snapshots("intacct", ["INNER"])["INNER"].recipe["lines"][0]["quantity"] == "1"


def test_held_is_known(company: Company) -> None:
    """A sync that is held because too many lines would go leaves what it read of the target."""
    company.itempath.put("KIT", *((f"X{place}", "1") for place in range(9)))
    job = company.run("KIT")

    assert (job.state, len(company.book.snapshots("itempath", ["KIT"])["KIT"].recipe["lines"])) == (State.FAILED, 9)


def test_killed_in_between(company: Company) -> None:
    """A worker that dies when the change is stored and nobody told: the next reading tells."""
    job = company.job("INNER")
    company.step(job)
    company.followers.clear()

    company.carry(replace(job, state=State.WAITING, progress={"doubt": True, "sent_at": company.clock()}))

    assert followers(company) == ["KIT", "OTHER"]
