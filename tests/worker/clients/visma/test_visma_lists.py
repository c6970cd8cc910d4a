"""Lists: the query, and what is believed of the answer."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest

from worker.clients.visma.lists import KitAssemblyFilter, page_of, status_of
from worker.errors import BadAnswer

if TYPE_CHECKING:
    from worker.clients.visma.records import KitAssemblyStatus, Page

NOON = datetime.fromisoformat("2026-11-03T12:00:00.005")


def record(ref_no: str = "1", status: str = "R", **more: Any) -> dict[str, Any]:
    """A record as short as can be."""
    return {"type": "P", "refNo": ref_no, "status": status, **more}


def page(value: object, wanted: KitAssemblyFilter | None = None, number: int = 1, size: int = 2) -> Page[KitAssemblyStatus]:
    """The page of statuses in an answer."""
    return page_of(value, status_of, wanted or KitAssemblyFilter(), number, size)


def test_every_filter_is_sent() -> None:
    """All of the list's parameters, by their documented names."""
    wanted = KitAssemblyFilter(
        type="P",
        ref_no="1 2",
        status="B",
        last_modified=NOON,
        last_modified_condition=">=",
        created=NOON,
        created_condition="<",
        expand_stock_components=True,
        expand_non_stock_components=False,
        expand_kit_allocations=True,
    )

    assert {name: values[0] for name, values in parse_qs(wanted.query(3, 500), strict_parsing=True).items()} == {
        "type": "P",
        "refNo": "1 2",
        "status": "B",
        "lastModifiedDateTime": "2026-11-03T12:00:00.005",
        "lastModifiedDateTimeCondition": ">=",
        "createdDateTime": "2026-11-03T12:00:00.005",
        "createdDateTimeCondition": "<",
        "expandStockComponents": "true",
        "expandNonStockComponents": "false",
        "expandKitAllocations": "true",
        "pageNumber": "3",
        "pageSize": "500",
    }


def test_time_needs_its_condition() -> None:
    """Visma wants both or none; a condition is one of four."""
    with pytest.raises(ValueError, match="together"):
        KitAssemblyFilter(created=NOON)
    with pytest.raises(ValueError, match="together"):
        KitAssemblyFilter(last_modified_condition=">")
    with pytest.raises(ValueError, match="condition is one of"):
        KitAssemblyFilter(created=NOON, created_condition="=")  # type: ignore[arg-type]


def test_unfiltered_rows_are_dropped() -> None:
    """A filter that Visma ignored is applied here, and the page says how many rows it should not have held."""
    found = page([record("1"), record("2", "B"), record("3", type="D")], KitAssemblyFilter(status="R", type="P"))

    assert [one.ref_no for one in found.records] == ["1"]
    assert (found.received, found.dropped) == (3, 2)


@pytest.mark.parametrize(
    ("value", "number", "last"),
    [
        ({"totalCount": 4, "records": [record(), record()]}, 1, False),
        ({"totalCount": 4, "records": [record(), record()]}, 2, True),
        ({"totalCount": 4, "records": []}, 1, True),
        ({"totalCount": 4, "records": None}, 1, True),
        ({"totalCount": 3, "pageSize": 2, "records": [record(metadata={"maxPageSize": 1})]}, 2, False),
        ({"totalCount": 3, "pageSize": 2, "records": [record(metadata={"maxPageSize": 1})]}, 3, True),
        ([record(metadata={"totalCount": 3, "maxPageSize": 2}), record()], 1, False),
        ([record(), record()], 1, False),
        ([record()], 1, True),
        ({}, 1, True),
    ],
)
def test_last_page_is_known(value: object, number: int, *, last: bool) -> None:
    """By the total, with the page size that Visma really grants; without a total by a page that is not full."""
    assert page(value, number=number).last is last


@pytest.mark.parametrize("value", ["text", 7, None, {"records": {}}, {"records": [1]}, [{"refNo": "1"}]])
def test_other_shapes_are_refused(value: object) -> None:
    """What is no list of documents is a bad answer, not the end of a list."""
    with pytest.raises(BadAnswer):
        page(value)
