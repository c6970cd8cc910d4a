"""Revenue shares that a sync writes to Intacct."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.worker.sync.company import Company
from worker.jobs.states import State
from worker.kits.model import Line
from worker.settings import Sync

if TYPE_CHECKING:
    from worker.jobs.engine import Database

TABLE = {"A": Decimal(50), "B": Decimal(30), "C": Decimal(20)}


def company_with(db: Database, sync: Sync) -> Company:
    """Visma has three lines, Intacct one with a share of 100, and all items."""
    company = Company(db, sync)
    company.visma.put("KIT", ("A", "1"), ("B", "1"), ("C", "2"))
    company.intacct.put("KIT", Line("A", Decimal(1), extras={"revenue_percentage": Decimal(100)}), posting="componentLevel")
    for code, cost in (("A", "10"), ("B", "20"), ("C", "35")):
        company.intacct.item(code, cost=Decimal(cost))
    return company


def shares_in(company: Company) -> dict[str, str]:
    """What Intacct's lines have."""
    return {each.line.component: str(each.line.extras.get("revenue_percentage")) for each in company.intacct.kits["KIT"].lines}


@pytest.mark.parametrize(
    ("sync", "expected"),
    [
        (Sync(revenue="equal"), {"A": "33.34", "B": "33.33", "C": "33.33"}),
        (Sync(revenue="by_cost"), {"A": "10.00", "B": "20.00", "C": "70.00"}),
        (Sync(revenue="from_table", revenue_table=TABLE), {"A": "50.00", "B": "30.00", "C": "20.00"}),
    ],
)
def test_policies(sqlite_db: Database, sync: Sync, expected: dict[str, str]) -> None:
    """With a policy all lines are shared anew when lines come, to exactly 100; lines that stay get their share by an update."""
    company = company_with(sqlite_db, sync)

    job = company.run(source="visma", targets=["intacct"])

    assert (job.state, shares_in(company)) == (State.SUCCEEDED, expected)
    assert "revenue_total_off" not in job.result["targets"]["intacct"]


def test_omit(sqlite_db: Database) -> None:
    """Without a policy no share is written; a total that is off is named."""
    company = company_with(sqlite_db, Sync())
    company.intacct.put("KIT", Line("A", Decimal(1), extras={"revenue_percentage": Decimal(90)}), posting="componentLevel")

    job = company.run(source="visma", targets=["intacct"])

    assert (job.state, shares_in(company)) == (State.SUCCEEDED, {"A": "90", "B": "None", "C": "None"})
    assert job.result["targets"]["intacct"]["revenue_total_off"] == "90"


def test_kit_level(sqlite_db: Database) -> None:
    """A kit whose revenue is posted as one needs no shares."""
    company = company_with(sqlite_db, Sync(revenue="equal"))
    company.intacct.put("KIT", ("A", "1"), posting="kitLevel")

    job = company.run(source="visma", targets=["intacct"])

    assert (job.state, shares_in(company)) == (State.SUCCEEDED, {"A": "None", "B": "None", "C": "None"})


def test_no_cost(sqlite_db: Database) -> None:
    """A policy that lacks a number names every component that has none, before anything is written."""
    company = company_with(sqlite_db, Sync(revenue="by_cost"))
    company.intacct.item("B")
    company.intacct.item("C")

    job = company.run(source="visma", targets=["intacct"])

    assert job.error is not None
    assert (job.state, job.error.error_class, company.intacct.log) == (State.FAILED, "validation", [])
    assert "B" in job.error.message
    assert "C" in job.error.message
