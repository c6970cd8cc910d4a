"""What a recipe says, in one short text."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worker.kits.recipes import line, recipe, recipes, same
from worker.kits.codes import normal
from worker.kits.fingerprint import fingerprint

if TYPE_CHECKING:
    from random import Random

    from worker.kits.model import Line, Recipe


def of(*lines: Line, order: bool = False, places: int = 6) -> str:
    """The fingerprint of a recipe of these lines."""
    return fingerprint(recipe("KIT", *lines), places=places, order=order, same=same)


@pytest.mark.parametrize("quantity", ["1", "1.0", "1.000000", "1E+0", "1.0000000001"])
def test_one_is_one(quantity: str) -> None:
    """A quantity counts by its value to so many places, not by how it is written."""
    assert of(line("A", quantity)) == of(line("A"))


def test_ten_is_not_one() -> None:
    """Zeros before the point do count."""
    assert of(line("A", "10")) == of(line("A", "1E+1")) != of(line("A", "1"))


@pytest.mark.parametrize("other", [line("B"), line("A", "2"), line("A", "1", "KG"), line("A", "1", None), line("A", "1.000001")])
def test_says_each_thing(other: Line) -> None:
    """Component, quantity and unit each make another fingerprint, and so does a line more."""
    assert of(line("A")) != of(other)
    assert of(line("A")) != of(line("A"), other)


def test_says_no_more() -> None:
    """Case by the rule, types, ranks' own numbers and what one system knows make none."""
    assert of(line("a", rank=7, extras={"x": Decimal(1)}, stocked=False, type="kit"), order=True) == of(line("A"), order=True)
    assert fingerprint(recipe("K", line("a")), places=6, order=False, same=normal) != of(line("A"))


@given(recipes, st.randoms())
def test_order_only_if_asked(drawn: Recipe, chance: Random) -> None:
    """Lines in another order are another recipe only where order counts."""
    mixed = list(drawn.lines)
    chance.shuffle(mixed)
    assert of(*mixed) == of(*drawn.lines)
    said = [[(same(each.component), each.quantity) for each in lines] for lines in (mixed, drawn.lines)]
    assert (of(*mixed, order=True) == of(*drawn.lines, order=True)) is (said[0] == said[1])
