"""Generated kits, and numbers as texts."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.sandbox.kits import checked_lines, definitions, quantity_text


@given(st.integers(1, 40), st.integers(1, 20), st.integers(1, 5))
def test_definitions_are_fixed(count: int, lines_each: int, seed: int) -> None:
    """The same question has the same answer; a kit names no component twice, numbers its lines from 1, and all quantities are above 0."""
    made = list(definitions(count, lines_each, seed))
    assert made == list(definitions(count, lines_each, seed))
    assert [kit.code for kit in made] == [f"KIT-{number:05}" for number in range(1, count + 1)]
    for kit in made:
        assert len({line["component"] for line in kit.lines}) == lines_each
        assert [line["number"] for line in kit.lines] == list(range(1, lines_each + 1))
        assert all(Decimal(line["quantity"]) > 0 for line in kit.lines)


def test_kits_share_components() -> None:
    """Kits have components in common, and are not alike."""
    made = list(definitions(100, 12))
    shared = [{line["component"] for line in kit.lines} for kit in made]
    assert len(set().union(*shared)) <= 100
    assert len({tuple(sorted(each)) for each in shared}) > 50


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-1_000_000, max_value=1_000_000, places=6))
def test_quantity_keeps_its_value(number: Decimal) -> None:
    """The text has the number's value, and neither exponent nor trailing zeros."""
    text = quantity_text(number)
    assert Decimal(text) == number
    assert "E" not in text
    assert not ("." in text and text.endswith(("0", ".")))


@pytest.mark.parametrize(("value", "text"), [(2.0, "2"), ("2.50", "2.5"), (0.1, "0.1"), ("1E3", "1000"), (100, "100")])
def test_quantity_text(value: object, text: str) -> None:
    """Floats by what they print as."""
    assert quantity_text(value) == text


@pytest.mark.parametrize("value", ["x", "", None, float("nan"), "Infinity"])
def test_no_quantity(value: object) -> None:
    """What is no number is refused."""
    with pytest.raises(ValueError, match="is no number"):
        quantity_text(value)


def test_lines_are_numbered() -> None:
    """A line without a number has its place; what else it says stays."""
    lines = checked_lines([{"component": "A", "quantity": 1.0, "colour": "red"}, {"component": "B", "quantity": "2", "number": 20}])
    assert lines == [
        {"component": "A", "quantity": "1", "number": 1, "colour": "red"},
        {"component": "B", "quantity": "2", "number": 20},
    ]
