"""The query service over HTTP: fields, operators, expressions, order, groups, pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.worker.sandbox.intacct.harness import COMPONENT, ITEM, QUERY, fault

if TYPE_CHECKING:
    from tests.worker.sandbox.intacct.harness import Books


@pytest.fixture
def kits(books: Books) -> Books:
    """Two kits with three and one components."""
    books.put(
        "K",
        [
            {"component": "Alpha", "quantity": "1", "percentage": "10", "unit": "Each", "cost": "2.5"},
            {"component": "beta", "quantity": "2.5", "unit": "10 Pack", "cost": "10"},
            {"component": "Gamma", "quantity": "10", "delivery": "undelivered", "cost": "3"},
        ],
    )
    books.put("L", [{"component": "Alpha", "quantity": "4"}], posting="kitLevel")
    return books


def found(books: Books, **query: Any) -> list[str]:
    """The components of the rows, with their quantities."""
    rows = books.rows(fields=["component.id", "numberOfUnits"], orderBy=[{"key": "asc"}], **query)
    return [f"{row['component.id']} {row['numberOfUnits']}" for row in rows]


ALL = ["Alpha 1", "beta 2.5", "Gamma 10", "Alpha 4"]


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        ({"$eq": {"component.id": "Alpha"}}, ["Alpha 1", "Alpha 4"]),
        ({"$eq": {"component.id": "alpha"}}, []),
        ({"$eq": {"numberOfUnits": "2.5"}}, ["beta 2.5"]),
        ({"$eq": {"revenuePercentage": None}}, ["beta 2.5", "Gamma 10", "Alpha 4"]),
        ({"$ne": {"revenuePercentage": None}}, ["Alpha 1"]),
        ({"$ne": {"component.id": "Alpha"}}, ["beta 2.5", "Gamma 10"]),
        ({"$lt": {"numberOfUnits": 2.5}}, ["Alpha 1"]),
        ({"$lte": {"numberOfUnits": 2.5}}, ["Alpha 1", "beta 2.5"]),
        ({"$gt": {"numberOfUnits": 2.5}}, ["Gamma 10", "Alpha 4"]),
        ({"$gte": {"numberOfUnits": 4}}, ["Gamma 10", "Alpha 4"]),
        ({"$gte": {"component.standardCost": "3"}}, ["beta 2.5", "Gamma 10"]),
        ({"$in": {"component.id": ["Alpha", "Gamma"]}}, ["Alpha 1", "Gamma 10", "Alpha 4"]),
        ({"$notIn": {"component.id": ["Alpha", "Gamma"]}}, ["beta 2.5"]),
        ({"$between": {"numberOfUnits": [2.5, 4]}}, ["beta 2.5", "Alpha 4"]),
        ({"$notBetween": {"numberOfUnits": [2.5, 4]}}, ["Alpha 1", "Gamma 10"]),
        ({"$contains": {"component.unitOfMeasure": "0 P"}}, ["beta 2.5"]),
        ({"$notContains": {"component.id": "a"}}, []),
        ({"$startsWith": {"component.id": "Al"}}, ["Alpha 1", "Alpha 4"]),
        ({"$notStartsWith": {"component.id": "Al"}}, ["beta 2.5", "Gamma 10"]),
        ({"$endsWith": {"component.id": "mma"}}, ["Gamma 10"]),
        ({"$notEndsWith": {"component.id": "a"}}, []),
        ({"$eq": {"kit.kitRevenuePosting": "kitLevel"}}, ["Alpha 4"]),
        ({"$eq": {"component.enableFulfillment": "false"}}, []),
        ({"$gte": {"audit.modifiedDateTime": "today"}}, ALL),
        ({"$lt": {"audit.modifiedDateTime": "yesterday"}}, []),
    ],
)
def test_operators(kits: Books, condition: dict[str, Any], rows: list[str]) -> None:
    """Each operator, over texts, numbers, nulls and dates."""
    assert found(kits, filters=[condition]) == rows


def test_keys_compare_as_numbers(kits: Books) -> None:
    """A key is a text that may be asked for as a number, and sorts as one."""
    kits.put("BIG", [{"component": f"P{number}", "quantity": "1"} for number in range(12)])
    keys = [row["key"] for row in kits.rows(orderBy=[{"key": "desc"}])]
    assert keys == sorted(keys, key=int, reverse=True)
    assert kits.rows(filters=[{"$eq": {"key": int(keys[0])}}]) == [{"key": keys[0]}]


@pytest.mark.parametrize(
    ("expression", "rows"),
    [
        ("and", []),
        ("or", ["Alpha 1", "beta 2.5", "Gamma 10", "Alpha 4"]),
        ("(1 and 2) or 3", ["Gamma 10", "Alpha 4"]),
        ("1 and (2 or 3)", ["Alpha 4"]),
        ("1 or 2 and 3", ["Alpha 1", "Alpha 4"]),
        ("((3))", ["Gamma 10"]),
    ],
)
def test_expressions(kits: Books, expression: str, rows: list[str]) -> None:
    """Filters are joined as the expression says; `and` binds more."""
    filters = [{"$eq": {"component.id": "Alpha"}}, {"$between": {"numberOfUnits": [2, 5]}}, {"$eq": {"component.id": "Gamma"}}]
    assert found(kits, filters=filters, filterExpression=expression) == rows


def test_case_ignored(kits: Books) -> None:
    """By a parameter case does not matter, in any operator."""
    loose = {"caseSensitiveComparison": False}
    assert found(kits, filters=[{"$eq": {"component.id": "ALPHA"}}], filterParameters=loose) == ["Alpha 1", "Alpha 4"]
    assert found(kits, filters=[{"$startsWith": {"component.id": "B"}}], filterParameters=loose) == ["beta 2.5"]


def test_modified_since(kits: Books) -> None:
    """What changed after a moment is found by it."""
    moment = (datetime.now(UTC) + timedelta(seconds=100)).isoformat()
    kits.change(advance=200)
    kits.put("L", [{"component": "Alpha", "quantity": "5"}])
    assert found(kits, filters=[{"$gte": {"audit.modifiedDateTime": moment}}]) == ["Alpha 5"]


def test_dates_by_day(kits: Books) -> None:
    """Macros count from a given day."""
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
    filters = [{"$eq": {"audit.createdDateTime": "yesterday"}}]
    assert found(kits, filters=filters, filterParameters={"asOfDate": tomorrow}) == ALL
    assert found(kits, filters=filters) == []


def test_rows_flat(kits: Books) -> None:
    """Related fields stand under dotted keys; costs are texts, quantities numbers."""
    fields = ["key", "kit.id", "component.standardCost", "numberOfUnits", "audit.modifiedByUser.id", "href"]
    (row,) = kits.rows(fields=fields, filters=[{"$eq": {"component.id": "beta"}}])
    assert row == {
        "key": row["key"],
        "kit.id": "K",
        "component.standardCost": "10",
        "numberOfUnits": 2.5,
        "audit.modifiedByUser.id": "ANNA",
        "href": f"/objects/inventory-control/kit-component/{row['key']}",
    }


def test_order(kits: Books) -> None:
    """Several fields, the first matters most; nulls come last."""
    order = [{"component.id": "desc"}, {"numberOfUnits": "asc"}]
    rows = kits.rows(fields=["component.id", "numberOfUnits"], orderBy=order)
    assert [tuple(row.values()) for row in rows] == [("beta", 2.5), ("Gamma", 10), ("Alpha", 1), ("Alpha", 4)]
    shares = kits.rows(fields=["revenuePercentage"], orderBy=[{"revenuePercentage": "asc"}])
    assert [row["revenuePercentage"] for row in shares] == [10, None, None, None]


def test_pages(kits: Books) -> None:
    """Pages start at 1; the next one's start stands on each, null on the last."""
    pages = [kits.query(start=start, size=3).json() for start in (1, 4, 7)]
    metas = [page["ia::meta"] for page in pages]
    assert [(len(page["ia::result"]), meta["next"], meta["previous"]) for page, meta in zip(pages, metas, strict=True)] == [
        (3, 4, None),
        (1, None, 1),
        (0, None, 4),
    ]
    assert [(meta["totalCount"], meta["pageSize"]) for meta in metas] == [(4, 3)] * 3
    assert kits.query().json()["ia::meta"]["pageSize"] == 100


def test_groups(kits: Books) -> None:
    """Aggregates are for each group of the plain fields; without any, for all."""
    fields = ["kit.id", "sum:numberOfUnits", "count:defaultDeliveryStatus", "max:component.standardCost", "min:revenuePercentage"]
    assert kits.rows(fields=fields, orderBy=[{"kit.id": "desc"}]) == [
        dict(zip(fields, ("L", 4, 1, "2.5", None), strict=True)),
        dict(zip(fields, ("K", 13.5, 3, "10", 10), strict=True)),
    ]
    assert kits.rows(fields=["avg:numberOfUnits", "max:audit.modifiedDateTime"])[0]["avg:numberOfUnits"] == 4.375
    assert kits.rows(fields=["count:defaultDeliveryStatus"], filters=[{"$eq": {"kit.id": "none"}}]) == [{"count:defaultDeliveryStatus": 0}]


def test_several(kits: Books) -> None:
    """An array of queries is answered by an array; one that fails has its status."""
    good = {"object": ITEM, "fields": ["id"], "filters": [{"$eq": {"itemType": "kit"}}]}
    answer = kits.http.post(QUERY, json=[good, {"object": COMPONENT, "fields": ["key"]}])
    assert (answer.status_code, [len(one["ia::result"]) for one in answer.json()["ia::result"]]) == (200, [2, 4])
    mixed = kits.http.post(QUERY, json=[good, {"object": COMPONENT, "fields": ["nothing"]}])
    assert (mixed.status_code, [one["ia::status"] for one in mixed.json()["ia::result"]]) == (207, [200, 400])


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"object": "accounts-payable/vendor"}, "REST-1064"),
        ({"fields": []}, "REST-1064"),
        ({"fields": ["*"]}, "REST-1043"),
        ({"fields": ["kit"]}, "REST-1043"),
        ({"fields": ["kit.kitComponents.key"]}, "REST-1107"),
        ({"object": ITEM, "fields": ["kitComponents"]}, "REST-1107"),
        ({"fields": ["count:key"]}, "REST-1064"),
        ({"fields": ["sum:component.id"]}, "REST-1064"),
        ({"fields": ["median:numberOfUnits"]}, "REST-1064"),
        ({"color": 1}, "REST-1043"),
        ({"filters": {"$eq": {"key": "1"}}}, "REST-1064"),
        ({"filters": [{"$like": {"key": "1"}}]}, "REST-1064"),
        ({"filters": [{"field": "key", "operator": "$eq", "value": "1"}]}, "REST-1064"),
        ({"filters": [{"$eq": {"key": "1", "id": "1"}}]}, "REST-1064"),
        ({"filters": [{"$eq": {"nothing": "1"}}]}, "REST-1043"),
        ({"filters": [{"$eq": {"href": "/x"}}]}, "REST-1064"),
        ({"filters": [{"$eq": {"numberOfUnits": "many"}}]}, "REST-1064"),
        ({"filters": [{"$gt": {"numberOfUnits": None}}]}, "REST-1064"),
        ({"filters": [{"$in": {"key": "1"}}]}, "REST-1064"),
        ({"filters": [{"$in": {"key": []}}]}, "REST-1064"),
        ({"filters": [{"$between": {"numberOfUnits": [1]}}]}, "REST-1064"),
        ({"filters": [{"$contains": {"audit.createdDateTime": "2026"}}]}, "REST-1064"),
        ({"filters": [{"$has": {"component.id": "A"}}]}, "REST-1064"),
        ({"filters": [{"$gte": {"audit.createdDateTime": "soon"}}]}, "REST-1064"),
        ({"filters": [{"$eq": {"component.enableFulfillment": "maybe"}}]}, "REST-1064"),
        ({"filterExpression": "1"}, "REST-1064"),
        ({"filterExpression": 1}, "REST-1064"),
        ({"filterParameters": {"case": True}}, "REST-1043"),
        ({"filterParameters": {"caseSensitiveComparison": "no"}}, "REST-1064"),
        ({"filterParameters": {"asOfDate": "now"}}, "REST-1064"),
        ({"orderBy": {"key": "asc"}}, "REST-1064"),
        ({"orderBy": [{"key": "up"}]}, "REST-1064"),
        ({"orderBy": [{"href": "asc"}]}, "REST-1064"),
        ({"start": 0}, "REST-1064"),
        ({"size": 4001}, "REST-1064"),
        ({"size": "10"}, "REST-1064"),
    ],
)
def test_refused(books: Books, query: dict[str, Any], code: str) -> None:
    """What can't be asked is 400 with its code."""
    assert fault(books.query(**query)) == (400, code)
