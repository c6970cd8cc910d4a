"""However ItemPath writes a value, we read the same."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from worker.clients.codec import read_json, write_json
from worker.clients.itempath.fields import decimal_of, their_name
from worker.clients.itempath.records import KitLine, key_of
from worker.clients.itempath.schemas import KitLineForm, KitLineSchema

BLANKS = st.text(" \t", max_size=3)
NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**9), max_value=10**9)


def read(**fields: Any) -> KitLine:
    """A line with these fields."""
    line = KitLineSchema().load({"id": "A", **fields})
    assert isinstance(line, KitLine)
    return line


@given(number=NUMBERS, before=BLANKS, after=BLANKS)
def test_quantities_are_exact(number: Decimal, before: str, after: str) -> None:
    """A number in JSON, and the same as padded text, are the same decimal."""
    plain, padded = read_json(f'{{"quantity": {number:f}}}'.encode())["quantity"], f"{before}{number:f}{after}"

    assert read(quantity=plain).quantity == read(quantity=padded).quantity == number


@given(number=st.integers(0, 2**31), before=BLANKS, after=BLANKS)
def test_numbers_are_whole(number: int, before: str, after: str) -> None:
    """1, "1", " 1 " and 1.0 are one number."""
    texts = [number, f"{before}{number}{after}", f"{before}{number}.0{after}", Decimal(number)]

    assert {read(number=text).number for text in texts} == {number}


@pytest.mark.parametrize(("value", "flag"), [(1, True), ("1", True), (" 1 ", True), ("true", True), (True, True), (Decimal("0.0"), False)])
def test_flags(value: object, flag: object) -> None:
    """0 and 1, in whatever notation."""
    assert read(hasStock=value).has_stock is flag


@pytest.mark.parametrize(
    "fields",
    [
        {"quantity": "two"},
        {"quantity": "NaN"},
        {"quantity": "1_0"},
        {"quantity": True},
        {"number": "1.5"},
        {"hasStock": 2},
        {"materialId": []},
    ],
)
def test_strange_value(fields: dict[str, Any]) -> None:
    """What is no number, flag or id is told, not guessed."""
    with pytest.raises(ValidationError):
        read(**fields)


def test_blank_is_nothing() -> None:
    """Blank numbers are none; unknown fields do no harm."""
    line = read(quantity=" ", number="", hasStock=" ", newField={"a": 1})

    assert (line.quantity, line.number, line.has_stock) == (None, None, None)


@given(value=st.uuids(), before=BLANKS, after=BLANKS)
def test_ids_are_one(value: object, before: str, after: str) -> None:
    """Padding and capitals do not make another id; the id is kept as it was sent."""
    text = str(value)

    assert read(materialId=f"{before}{text}{after}").material_id == text
    assert key_of(f"{before}{text}{after}") == key_of(text.upper())


@given(number=NUMBERS)
def test_written_quantities_are_exact(number: Decimal) -> None:
    """A quantity goes out as the JSON number that it is."""
    body = write_json(KitLineForm().dump({"quantity": number}))

    assert read_json(body)["quantity"] == number


@given(value=st.text(max_size=12) | st.floats() | st.none() | st.lists(st.integers(), max_size=1))
def test_decimal_or_fault(value: object) -> None:
    """Whatever stands there: a finite decimal, nothing, or a fault."""
    try:
        number = decimal_of(value)
    except ValidationError:
        return
    assert number is None or number.is_finite()


def test_names() -> None:
    """Their names are ours in camel case, but for the five Info fields."""
    assert [their_name(name) for name in ("kit_id", "info1", "has_stock", "id")] == ["kitId", "Info1", "hasStock", "id"]
