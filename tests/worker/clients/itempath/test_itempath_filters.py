"""Filters: pairs in their order, nothing that ItemPath could misread."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.clients.itempath.filters import (
    CallFilter,
    Condition,
    KitFilter,
    KitLineFilter,
    MaterialFilter,
    above,
    any_of,
    below,
    like,
    pairs,
    query_of,
)

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12).filter(str.strip)
PLAIN = TEXT.filter(lambda text: not text.lstrip().startswith("["))
FILTERS = [KitLineFilter, KitFilter, MaterialFilter, CallFilter]


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (any_of(2, 4), "[or]2;4"),
        (Condition("[nor]", "a;b"), "[nor]a;b"),
        (Condition("[not]", "5"), "[not]5"),
        (above(date(2026, 1, 2)), "[gt]2026-01-02"),
        (below(datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)), "[lt]2026-01-02T03:04:05.000006"),
        (like("valve"), "[like]valve"),
        (Condition("[notlike]", "valve"), "[notlike]valve"),
        (above(Decimal("1E+2")), "[gt]100"),
        (any_of(True), "[or]1"),  # noqa: FBT003 - a value
    ],
)
def test_each_operator(condition: Condition, text: str) -> None:
    """A bracket before the value (documented)."""
    assert pairs(KitLineFilter(number=condition))[0] == ("number", text)


@pytest.mark.parametrize("wanted", FILTERS)
def test_every_field_is_asked(wanted: type[Any]) -> None:
    """Each field of each filter becomes a pair under ItemPath's name; none is lost."""
    names = [field.name for field in fields(wanted)]

    found = pairs(wanted(**dict.fromkeys(names, "x")))

    assert len(found) == len(names) + 2
    assert not [name for name, _ in found if "_" in name]


def test_range_repeats_the_key() -> None:
    """A range is two pairs of one key."""
    assert pairs(CallFilter(creation_date=(above("2022-01-01"), below("today"))), limit=1, page=3) == [
        ("creationDate", "[gt]2022-01-01"),
        ("creationDate", "[lt]today"),
        ("limit", "1"),
        ("page", "3"),
    ]


def test_order_and_count() -> None:
    """One field or several; `countOnly` is the text true."""
    assert pairs(KitFilter(), order_by=("has_stock", "name"), count_only=True) == [
        ("countOnly", "true"),
        ("limit", "1000"),
        ("page", "0"),
        ("orderBy", "hasStock,name"),
    ]
    assert pairs(KitFilter(), order_by="name")[-1] == ("orderBy", "name")


@given(values=st.lists(TEXT, min_size=1, max_size=4))
def test_lists_are_not_split(values: list[str]) -> None:
    """A value with a semicolon is refused in a list; all others come back whole."""
    if any(";" in value for value in values):
        with pytest.raises(ValueError, match="semicolon"):
            any_of(*values)
    else:
        text = dict(parse_qsl(query_of(pairs(KitFilter(name=any_of(*values))))))["name"]
        assert text.removeprefix("[or]").split(";") == values


@given(value=PLAIN)
def test_values_survive_the_query(value: str) -> None:
    """Whatever a name holds, it arrives as it is."""
    assert dict(parse_qsl(query_of(pairs(KitFilter(name=value)))))["name"] == value


@given(wanted=st.builds(KitLineFilter, number=st.integers(), kit_id=PLAIN), limit=st.integers(1, 1000), page=st.integers(0, 99))
def test_limit_and_page_always(wanted: KitLineFilter, limit: int, page: int) -> None:
    """Both are always sent: without them some installations answer everything."""
    found = dict(pairs(wanted, limit=limit, page=page))

    assert (found["limit"], found["page"]) == (str(limit), str(page))


@pytest.mark.parametrize(
    "ask",
    [
        lambda: pairs(KitFilter(name="[or]a;b")),
        lambda: pairs(KitFilter(name=" ")),
        lambda: pairs(KitFilter(), limit=0),
        lambda: pairs(KitFilter(), limit=1001),
        lambda: pairs(KitFilter(), page=-1),
        any_of,
        lambda: any_of("a;b"),
        lambda: like(""),
        lambda: above(Decimal("NaN")),
    ],
)
def test_what_could_be_misread(ask: Any) -> None:
    """A value that looks like an operator, a blank that filters nothing, pages that do not exist: refused before they are sent."""
    with pytest.raises(ValueError, match=r"."):
        ask()
