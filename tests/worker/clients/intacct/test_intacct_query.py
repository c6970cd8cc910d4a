"""Queries: every operator, parameter, aggregate and bound."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.worker.clients.intacct.samples import body
from worker.clients.intacct.query import KIT_COMPONENT, LARGEST, OPERATORS, Filter, Parameters, Query

GOOD: dict[str, list[Any]] = {
    "$eq": ["active", 1, True, None, Decimal("0.1"), date(2026, 1, 31)],
    "$ne": ["active", None],
    "$lt": ["1000", 5, date(2026, 1, 31)],
    "$lte": [5, True],
    "$gt": ["1000", Decimal("2.50")],
    "$gte": [datetime(2026, 1, 31, 12, tzinfo=UTC), False],
    "$in": [["A", "B"], (1, 2), [True]],
    "$notIn": [["A"]],
    "$between": [[1, 2], ("2026-01-01", "2026-01-31"), (date(2026, 1, 1), date(2026, 1, 31))],
    "$notBetween": [[Decimal("0.5"), 2]],
    "$contains": ["Acme", 7],
    "$notContains": ["Acme"],
    "$has": ["red"],
    "$startsWith": ["A"],
    "$notStartsWith": ["A"],
    "$endsWith": ["Z"],
    "$notEndsWith": ["Z"],
}
BAD: list[tuple[str, Any]] = [
    ("$lt", None),
    ("$lt", True),
    ("$gt", [1]),
    ("$eq", ["A"]),
    ("$eq", float("nan")),
    ("$gt", Decimal("Infinity")),
    ("$in", []),
    ("$in", "AB"),
    ("$in", [None]),
    ("$notIn", [["A"]]),
    ("$between", [1]),
    ("$between", [1, 2, 3]),
    ("$between", [1, "b"]),
    ("$between", [None, 2]),
    ("$notBetween", "12"),
    ("$contains", None),
    ("$contains", True),
    ("$contains", date(2026, 1, 1)),
    ("$has", 1),
    ("$has", ""),
    ("$like", "A"),
    ("eq", "A"),
]


def test_operators_are_known() -> None:
    """All seventeen."""
    assert set(GOOD) == set(OPERATORS)
    assert len(OPERATORS) == 17


@pytest.mark.parametrize(("operator", "value"), [(operator, value) for operator, values in GOOD.items() for value in values])
def test_filter_is_sent(operator: str, value: Any) -> None:
    """The operator around the field around the value; dates as text."""
    said = Filter(operator, "component.id", value).body()

    sent = said[operator]["component.id"]
    assert list(said) == [operator]
    assert isinstance(sent, list) is isinstance(value, (list, tuple))
    assert not isinstance(sent, date)


@pytest.mark.parametrize(("operator", "value"), BAD)
def test_filter_is_refused(operator: str, value: Any) -> None:
    """A value of another shape is never sent."""
    with pytest.raises(ValueError, match=r"takes|operator"):
        Filter(operator, "component.id", value)


@pytest.mark.parametrize("field", ["audit.modifiedDateTime", "postingDate", "date"])
def test_words_refuse_dates(field: str) -> None:
    """Text operators do not go with date fields (documented)."""
    with pytest.raises(ValueError, match="dates"):
        Filter("$contains", field, "2026")


@pytest.mark.parametrize("field", ["", "a b", "*", "kit.", ".kit", "kit.href", "href", "count:key"])
def test_field_is_refused(field: str) -> None:
    """No wildcard, no href, no aggregate in a filter."""
    with pytest.raises(ValueError, match=r"field|href"):
        Filter("$eq", field, "x")


def test_dates_are_written() -> None:
    """A day, and a moment in UTC."""
    assert Filter("$gte", "audit.modifiedDateTime", datetime(2026, 1, 31, 12, tzinfo=UTC)).body() == {
        "$gte": {"audit.modifiedDateTime": "2026-01-31T12:00:00Z"}
    }
    assert Filter("$eq", "startDate", date(2026, 1, 31)).body() == {"$eq": {"startDate": "2026-01-31"}}


def test_documented_query() -> None:
    """The documented request."""
    query = Query(
        object="accounts-payable/vendor",
        fields=("id", "name", "status", "href"),
        filters=(Filter("$eq", "status", "active"), Filter("$gt", "totalDue", "1000")),
        expression="1 and 2",
        order=(("id", "asc"),),
        size=100,
    )

    assert query.body() == body("query.request.json")


def test_parameters_and_aggregates() -> None:
    """All four parameters, aggregates beside the fields that group them, two orders."""
    query = Query(
        object=KIT_COMPONENT,
        fields=("kit.id", "count:key", "max:numberOfUnits", "avg:component.standardCost", "sum:numberOfUnits", "min:lineNumber"),
        parameters=Parameters(as_of=date(2022, 4, 1), hierarchy=True, case_sensitive=False, private=True),
        order=(("kit.id", "asc"), ("lineNumber", "desc")),
        start=101,
    )

    assert query.body() == {
        "object": KIT_COMPONENT,
        "fields": ["kit.id", "count:key", "max:numberOfUnits", "avg:component.standardCost", "sum:numberOfUnits", "min:lineNumber"],
        "filterParameters": {
            "asOfDate": "2022-04-01",
            "includeHierarchyFields": True,
            "caseSensitiveComparison": False,
            "includePrivate": True,
        },
        "orderBy": [{"kit.id": "asc"}, {"lineNumber": "desc"}],
        "start": 101,
        "size": LARGEST,
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"object": "kit-component"},
        {"fields": ()},
        {"fields": ("*",)},
        {"fields": ("median:numberOfUnits",)},
        {"fields": ("count:",)},
        {"order": (("href", "asc"),)},
        {"order": (("key", "up"),)},
        {"start": 0},
        {"size": 0},
        {"size": LARGEST + 1},
        {"expression": "1"},
        {"filters": (Filter("$eq", "key", "1"),), "expression": "1 or 2"},
    ],
)
def test_query_is_refused(changes: dict[str, Any]) -> None:
    """What Intacct would refuse costs no call."""
    with pytest.raises(ValueError, match=r"."):
        Query(**{"object": KIT_COMPONENT, "fields": ("key",), **changes})
