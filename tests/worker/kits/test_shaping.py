"""What a target should hold."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.worker.kits.recipes import book, line, recipe, same
from worker.errors import KitFault
from worker.kits.shaping import Shaped, shape

if TYPE_CHECKING:
    from worker.kits.model import Recipe

A = recipe("A", line("B", "2", type="kit", rank=9), line("N", stocked=False, rank=5), line("C", "1", rank=2))
B = recipe("B", line("C", "3"), line("M", "4", stocked=False))


def shaped(code: str, kits: dict[str, Recipe], **more: Any) -> Shaped:
    """Shaped with nothing special unless said."""
    rules: dict[str, Any] = {"nested": "preserve", "keep": (), "stock_only": False, "merge": False, "stockable_in_stockable_only": False}
    return shape(code, kits, **(rules | more), same=same)


def said(recipe_: Recipe) -> list[tuple[int, str, int]]:
    """Rank, component, quantity."""
    return [(each.rank, each.component, int(each.quantity)) for each in recipe_.lines]


def test_preserved() -> None:
    """Inner kits stay lines; ranks are made 1 to n."""
    assert said(shaped("A", book(A, B)).recipe) == [(1, "C", 1), (2, "N", 1), (3, "B", 2)]


def test_exploded() -> None:
    """Inner kits are taken apart into the kit."""
    assert said(shaped("A", book(A, B), nested="explode").recipe) == [(1, "C", 7), (2, "N", 1), (3, "M", 8)]


def test_keep_whole() -> None:
    """A kit to keep whole stays a line."""
    assert said(shaped("A", book(A, B), nested="explode", keep={"B"}).recipe) == [(1, "C", 1), (2, "N", 1), (3, "B", 2)]


def test_non_stock_is_left_out() -> None:
    """A target of physical things gets none that isn't, and the report lists them; a kit's own lines decide for it."""
    kits = book(recipe("A", line("N", stocked=False), line("B", type="kit", stocked=False), line("C")), B)
    preserved = shaped("A", kits, stock_only=True)
    assert said(preserved.recipe) == [(1, "B", 1), (2, "C", 1)]
    assert [each.component for each in preserved.left_out] == ["N"]
    exploded = shaped("A", kits, stock_only=True, nested="explode")
    assert said(exploded.recipe) == [(1, "C", 4)]
    assert [each.component for each in exploded.left_out] == ["N", "M"]


def test_merged() -> None:
    """Lines of one component and unit are summed; other units stay apart."""
    kits = book(recipe("A", line("X", "0.1"), line("Y"), line("x", "0.2", extras={"share": 1}), line("X", "5", "KG")))
    merged = shaped("A", kits, merge=True).recipe
    assert [(each.rank, each.component, each.quantity, each.unit) for each in merged.lines] == [
        (1, "X", Decimal("0.3"), "EA"),
        (2, "Y", 1, "EA"),
        (3, "X", 5, "KG"),
    ]
    assert len(shaped("A", kits).recipe.lines) == 4


def test_plain_in_stockable_is_refused() -> None:
    """A stockable kit takes no plain kit in Intacct: each is named. Stockable ones it takes, and plain kits take both."""
    stockable = recipe("S", line("B", type="kit"), line("T", type="stockable_kit"), line("X"), type="stockable_kit")
    with pytest.raises(KitFault) as caught:
        shaped("S", book(stockable, B), stockable_in_stockable_only=True)
    assert (caught.value.error_class, [fault.path for fault in caught.value.faults]) == ("validation", ["S → B"])
    assert shaped("S", book(stockable, B)).recipe.type == "stockable_kit"
    assert len(shaped("A", book(A, B), stockable_in_stockable_only=True).recipe.lines) == 3


def test_exploded_into_stockable() -> None:
    """Taken apart, the plain kit is none any more, and the stockable kit may be written."""
    stockable = recipe("S", line("B", type="kit"), type="stockable_kit")
    assert len(shaped("S", book(stockable, B), nested="explode", stockable_in_stockable_only=True).recipe.lines) == 2


@pytest.mark.parametrize("nested", ["preserve", "explode"])
def test_inactive_source(nested: str) -> None:
    """A recipe that was retired is no source."""
    with pytest.raises(KitFault, match="not active") as caught:
        shaped("A", book(recipe("A", line("X"), active=False)), nested=nested)
    assert caught.value.error_class == "conflict"


def test_inactive_inner() -> None:
    """Nor is one inside it that would be taken apart; preserved, it is a kit of its own."""
    kits = book(A, recipe("B", line("C"), active=False))
    with pytest.raises(KitFault, match=r"^B: .*not active"):
        shaped("A", kits, nested="explode")
    assert len(shaped("A", kits).recipe.lines) == 3


def test_unknown_source() -> None:
    """A kit without a recipe is a missing reference."""
    with pytest.raises(KitFault) as caught:
        shaped("Z", book(A))
    assert caught.value.error_class == "missing_reference"


def test_empty_source() -> None:
    """A kit without lines is shaped to one: whether to write that is not decided here."""
    assert shaped("A", book(recipe("A"))).recipe.lines == ()
