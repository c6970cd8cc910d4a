"""Kits taken apart: multiplication along paths, cycles, what stays whole, and bounds."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from math import prod
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worker.kits.recipes import book, line, quantities, recipe, same
from worker.errors import KitFault
from worker.kits.explosion import PATHS, explode
from worker.kits.nesting import inner, inner_first

if TYPE_CHECKING:
    from worker.kits.model import Line, Recipe

A = recipe("A", line("B", "2", None, type="kit"))
B = recipe("B", line("C", "3"), line("D", "1"))


def summed(lines: tuple[Line, ...]) -> dict[str, Decimal]:
    """Component and quantity."""
    return {each.component: each.quantity for each in lines}


@st.composite
def books(draw: st.DrawFn) -> dict[str, Recipe]:
    """Kits K0 to K5, each holding only later ones, and items; duplicates and diamonds included."""
    names = [f"K{index}" for index in range(draw(st.integers(1, 6)))]
    made = []
    for index, name in enumerate(names):
        kits = (
            [st.builds(line, st.sampled_from(names[index + 1 :]), quantities, st.none(), type=st.just("kit"))] if names[index + 1 :] else []
        )
        items = st.builds(line, st.sampled_from("XYZ"), quantities, st.sampled_from(["EA", "KG", None]))
        made.append(recipe(name, *draw(st.lists(st.one_of(items, *kits), max_size=4))))
    return book(*made)


def paths(kit: Recipe, kits: dict[str, Recipe], keep: set[str]) -> list[tuple[list[Decimal], Line, tuple[str, ...]]]:
    """Every way down, one by one, with the quantities on it: independent of the code under test."""
    found: list[tuple[list[Decimal], Line, tuple[str, ...]]] = []
    for each in kit.lines:
        way = (kit.code, each.component)
        if each.component in kits and each.component not in keep:
            below = paths(kits[each.component], kits, keep)
            found += [([each.quantity, *amounts], leaf, (kit.code, *rest)) for amounts, leaf, rest in below]
        else:
            found.append(([each.quantity], each, way))
    return found


@given(books(), st.sets(st.sampled_from(["K1", "K2", "K3"])))
def test_multiplies_along_paths(kits: dict[str, Recipe], keep: set[str]) -> None:
    """Each leaf is the sum, over all ways to it, of the product of the quantities on the way."""
    expected: dict[tuple[str, str | None], Decimal] = defaultdict(Decimal)
    ways: dict[tuple[str, str | None], list[tuple[str, ...]]] = defaultdict(list)
    for amounts, leaf, way in paths(kits["K0"], kits, keep):
        expected[leaf.component, leaf.unit] += prod(amounts, start=Decimal(1))
        ways[leaf.component, leaf.unit].append(way)
    exploded = explode("K0", kits, keep, same=same)
    assert {(each.line.component, each.line.unit): each.line.quantity for each in exploded.leaves} == expected
    assert {(each.line.component, each.line.unit): list(each.paths) for each in exploded.leaves} == {
        key: found[:PATHS] for key, found in ways.items()
    }
    assert [each.count for each in exploded.leaves] == [len(ways[each.line.component, each.line.unit]) for each in exploded.leaves]
    assert [each.rank for each in exploded.lines] == list(range(1, len(exploded.leaves) + 1))


def test_nested_kit() -> None:
    """A of two B, B of three C and one D: six C and two D."""
    exploded = explode("A", book(A, B), (), same=same)
    assert summed(exploded.lines) == {"C": 6, "D": 2}
    assert exploded.leaves[0].paths == (("A", "B", "C"),)
    assert [each.code for each in exploded.taken] == ["B", "A"]


def test_codes_by_case_rule() -> None:
    """A kit is found whichever way its code is written."""
    assert summed(explode("a", book(A, recipe("b", line("C"))), (), same=same).lines) == {"C": 2}


def test_stockable_stays_whole() -> None:
    """A stockable kit holds stock of its own, and a kit to keep is kept; neither needs a recipe."""
    stockable = recipe("A", line("B", "2", type="stockable_kit"), line("K", type="kit"))
    exploded = explode("A", book(stockable), {"k"}, same=same)
    assert [(each.component, each.type) for each in exploded.lines] == [("B", "stockable_kit"), ("K", "kit")]


def test_recipe_says_type() -> None:
    """A line may call a kit an item; its recipe knows better, and whether it is stockable, too."""
    kits = book(recipe("A", line("B", "2"), line("S", type="kit")), B, recipe("S", line("X"), type="stockable_kit"))
    assert summed(explode("A", kits, (), same=same).lines) == {"C": 6, "D": 2, "S": 1}


@pytest.mark.parametrize(
    ("kits", "path"),
    [
        (book(A, recipe("B", line("A", type="kit"))), "A → B → A"),
        (book(recipe("A", line("A", type="kit"))), "A → A"),
        (book(A, recipe("B", line("C", type="kit")), recipe("C", line("B", type="kit"))), "B → C → B"),
        (book(recipe("A", line("B", type="kit"), type="stockable_kit"), recipe("B", line("A", type="stockable_kit"))), "A → B → A"),
    ],
)
def test_cycle(kits: dict[str, Recipe], path: str) -> None:
    """A kit that holds itself is refused with the way round, whether taken apart or put in order."""
    with pytest.raises(KitFault, match="holds itself") as caught:
        explode("A", kits, (), same=same)
    assert (caught.value.error_class, caught.value.faults[0].path) == ("validation", path)
    with pytest.raises(KitFault, match="holds itself"):
        inner_first(["A"], kits, same)


def test_all_missing_are_named() -> None:
    """Every kit without a recipe is named, with the way to it."""
    kits = book(recipe("A", line("B", type="kit"), line("M", type="kit")), recipe("B", line("N", type="kit"), line("M", type="kit")))
    with pytest.raises(KitFault) as caught:
        explode("A", kits, (), same=same)
    assert caught.value.error_class == "missing_reference"
    assert [fault.path for fault in caught.value.faults] == ["A → B → N", "A → B → M"]
    with pytest.raises(KitFault, match="no recipe"):
        explode("Z", kits, (), same=same)


def chain(length: int, width: int = 1) -> dict[str, Recipe]:
    """K0 of K1 of K2 and so on, each `width` times, the last of an item."""
    kits = [recipe(f"K{index}", *[line(f"K{index + 1}", "2", type="kit")] * width) for index in range(length - 1)]
    return book(*kits, recipe(f"K{length - 1}", line("X")))


def test_depth_has_a_bound() -> None:
    """Twenty kits within each other are taken apart, twenty-one are not."""
    assert summed(explode("K0", chain(20), (), same=same).lines) == {"X": 2**19}
    with pytest.raises(KitFault, match="nest 21 deep; 20 "):
        explode("K0", chain(21), (), same=same)


def test_depth_needs_no_recursion() -> None:
    """Ten thousand kits within each other are a fault like any other, and can be put in order."""
    with pytest.raises(KitFault, match="nest 10000 deep"):
        explode("K0", chain(10_000), (), same=same)
    assert inner_first(["K0"], chain(10_000), same)[0] == "K9999"


def test_leaves_have_a_bound() -> None:
    """More components than a kit may have are refused; as many are not."""
    kits = book(recipe("A", line("B", type="kit"), line("X")), recipe("B", *(line(f"C{index}") for index in range(9))))
    assert len(explode("A", kits, (), same=same, leaves=10).leaves) == 10
    with pytest.raises(KitFault, match="more than 9 components"):
        explode("A", kits, (), same=same, leaves=9)


def test_diamonds_do_not_explode() -> None:
    """Nineteen layers of ten ways each: 10^19 paths, counted but never walked."""
    exploded = explode("K0", chain(20, width=10), (), same=same)
    assert exploded.leaves[0].count == 10**19
    assert exploded.leaves[0].line.quantity == 20**19
    assert len(exploded.leaves[0].paths) == PATHS


def test_extras_of_own_lines() -> None:
    """What a system knows of a line is kept for the kit's own lines, and dropped where lines were summed or brought from inside."""
    kits = book(recipe("A", line("B", type="kit"), line("X", extras={"share": 1}), line("Y", extras={"share": 2})), recipe("B", line("Y")))
    assert {each.component: dict(each.extras) for each in explode("A", kits, (), same=same).lines} == {"Y": {}, "X": {"share": 1}}


def test_stock_on_any_line() -> None:
    """A component that is stock on one line is stock."""
    kits = book(recipe("A", line("X", stocked=False), line("B", type="kit"), line("Y", stocked=False)), recipe("B", line("X")))
    assert [(each.component, each.stocked) for each in explode("A", kits, (), same=same).lines] == [("X", True), ("Y", False)]


def test_inner_codes() -> None:
    """The kits on a recipe's lines, each once, in order."""
    assert inner(recipe("A", line("C", type="kit"), line("X"), line("B", type="stockable_kit"), line("C", type="kit"))) == ("C", "B")


@given(books())
def test_inner_first(kits: dict[str, Recipe]) -> None:
    """Each kit comes once, after every kit inside it."""
    ordered = inner_first(list(kits), kits, same)
    assert sorted(ordered) == sorted(kits)
    for code in ordered:
        assert all(ordered.index(each) < ordered.index(code) for each in inner(kits[code]))


def test_inner_first_keeps_stockable() -> None:
    """A nest that is preserved needs its stockable kits first, too."""
    kits = book(recipe("A", line("S", type="stockable_kit")), recipe("S", line("X"), type="stockable_kit"))
    assert inner_first(["A"], kits, same) == ["S", "A"]
