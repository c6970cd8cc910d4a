"""The list call's filters and pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.worker.sandbox.harness import Erp


def listed(erp: Erp, **query: Any) -> dict[str, Any]:
    """A page."""
    answer = erp.http.get("/v1/kitassembly", params=query)
    assert answer.status_code == 200
    return dict(answer.json())


def numbers(erp: Erp, **query: Any) -> list[str]:
    """The keys of a page."""
    return [f"{record['type']}/{record['refNo']}" for record in listed(erp, **query)["records"]]


def test_pages_cover_all(erp: Erp) -> None:
    """The pages together hold every document once; the total stands on each."""
    erp.make(5)
    pages = [listed(erp, pageNumber=number, pageSize=2) for number in (1, 2, 3, 4)]
    assert [record["refNo"] for page in pages for record in page["records"]] == [f"{number:06}" for number in range(1, 6)]
    assert [(page["pageNumber"], page["pageSize"], page["totalCount"]) for page in pages] == [(number, 2, 5) for number in (1, 2, 3, 4)]


def test_page_size_cut(erp: Erp) -> None:
    """More than the maximum is cut to it; the maximum stands in the metadata."""
    erp.make(1001)
    page = listed(erp, pageSize=5000)
    assert (len(page["records"]), page["pageSize"], page["totalCount"]) == (1000, 1000, 1001)
    assert page["records"][0]["metadata"] == {"totalCount": 1001, "maxPageSize": 1000}


def test_filters(erp: Erp) -> None:
    """By type, number and status."""
    erp.make(2)
    erp.make(1, type="D", status="H")
    erp.release(2, background=None)
    assert numbers(erp, type="D") == ["D/000001"]
    assert numbers(erp, refNo="000001") == ["D/000001", "P/000001"]
    assert numbers(erp, status="R") == ["P/000002"]
    assert numbers(erp, status="B", type="P") == ["P/000001"]


def test_unknown_parameters_ignored(erp: Erp) -> None:
    """A filter that does not exist filters nothing, with 200."""
    erp.make(2)
    assert len(numbers(erp, state="R", itemId="NONE")) == 2


def test_lines_only_expanded(erp: Erp) -> None:
    """Lines and allocations are there only when asked for."""
    erp.make()
    names = {"stockComponentLines", "nonStockComponentLines", "kitAllocations"}
    assert not names & set(listed(erp)["records"][0])
    record = listed(erp, expandStockComponents="true", expandKitAllocations="false")["records"][0]
    assert names & set(record) == {"stockComponentLines"}


def test_local_times(erp: Erp) -> None:
    """Times carry no zone and are the company's, an hour before UTC's clock shows them; the Date header is UTC."""
    erp.make()
    answer = erp.http.get("/v1/kitassembly/P/000001")
    made = datetime.fromisoformat(answer.json()["createdDateTime"])
    assert made.tzinfo is None
    ahead = made.replace(tzinfo=UTC) - parsedate_to_datetime(answer.headers["Date"])
    assert abs(ahead - timedelta(hours=1)) < timedelta(seconds=5)


@pytest.mark.parametrize("field", ["createdDateTime", "lastModifiedDateTime"])
def test_time_conditions(erp: Erp, field: str) -> None:
    """All four conditions, at the very time of a document, in the accepted formats."""
    erp.make()
    erp.change(advance=10)
    erp.make()
    erp.change(advance=10)
    erp.make()
    at = listed(erp)["records"][1][field]
    keys = ["P/000001", "P/000002", "P/000003"]
    expected = {">": keys[2:], ">=": keys[1:], "<": keys[:1], "<=": keys[:2]}
    for condition, found in expected.items():
        assert numbers(erp, **{field: at, f"{field}Condition": condition}) == found
        assert numbers(erp, **{field: at.replace("T", " "), f"{field}Condition": condition}) == found
    assert numbers(erp, **{field: "2001-01-01", f"{field}Condition": ">"}) == keys


def test_modified_moves(erp: Erp) -> None:
    """A release moves a document's time of change, so that the list call finds what was released since."""
    erp.make(3)
    since = listed(erp)["records"][0]["lastModifiedDateTime"]
    erp.change(advance=10)
    erp.release(2, background=None)
    assert numbers(erp, status="R", lastModifiedDateTime=since, lastModifiedDateTimeCondition=">") == ["P/000002"]


@pytest.mark.parametrize(
    "query",
    [
        {"createdDateTime": "2026-01-01"},
        {"lastModifiedDateTimeCondition": ">"},
        {"createdDateTime": "2026-01-01", "createdDateTimeCondition": "="},
        {"createdDateTime": "2026-01-01T00:00:00Z", "createdDateTimeCondition": ">"},
        {"lastModifiedDateTime": "soon", "lastModifiedDateTimeCondition": ">"},
        {"status": "X"},
        {"pageNumber": "one"},
    ],
)
def test_bad_filters(erp: Erp, query: dict[str, str]) -> None:
    """A time without its condition, the other way round, and values that mean nothing are refused."""
    assert erp.http.get("/v1/kitassembly", params=query).status_code == 400
