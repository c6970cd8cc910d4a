"""The difference between a recipe and a target's kit."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given

from tests.worker.kits.recipes import kits, line, recipe, recipes, same, standing
from worker.errors import KitFault
from worker.kits.difference import Difference, difference

if TYPE_CHECKING:
    from worker.kits.model import Line, Recipe, RemoteKit


def between(wanted: list[Line], have: list[Line], *, order: bool = False, places: int = 6) -> Difference:
    """The difference of two lists of lines."""
    return difference(recipe("KIT", *wanted), standing(have), order=order, places=places, same=same)


def test_each_kind() -> None:
    """A line to create, one to change, one to delete, one that agrees."""
    found = between([line("A"), line("B", "4"), line("N", "2.50")], [line("a"), line("B", "3.0"), line("X")])
    assert [each.component for each in found.creates] == ["N"]
    assert [(each.remote.id, each.quantity, each.rank) for each in found.updates] == [("line-1", Decimal(4), None)]
    assert [each.id for each in found.deletes] == ["line-2"]
    assert (found.same, found.empty) == (1, False)


def test_shown_to_people() -> None:
    """What is done, to what, from what, to what: quantities without noise, moves as places."""
    found = between(
        [line("B", "4.000", None), line("A"), line("N", "2.50")], [line("A"), line("B", "1E+1"), line("X", "7", "KG")], order=True
    )
    assert set(found.rows()) >= {("create", "N", "", "2.5", "EA"), ("update", "B", "10", "4", "EA"), ("delete", "X", "7", "", "KG")}
    moves = [row for row in found.rows() if row.old.startswith("place")]
    assert moves in ([("update", "B", "place 2", "place 1", "")], [("update", "A", "place 1", "place 2", "")])


def test_shown_as_json() -> None:
    """JSON values with the quantities before and after as plain strings."""
    shown = between([line("B", "4.000"), line("N", "2.50")], [line("B", "1E+1"), line("X", "7", "KG")]).to_json()
    assert json.loads(json.dumps(shown)) == {
        "create": [{"component": "N", "quantity": "2.5", "unit": "EA", "rank": 2}],
        "update": [{"component": "B", "line": "line-0", "unit": "EA", "quantity": {"from": "10", "to": "4"}}],
        "delete": [{"component": "X", "quantity": "7", "unit": "KG", "line": "line-1"}],
        "same": 0,
    }


def test_move_in_json() -> None:
    """A move shows the place before and after."""
    (update,) = between([line("B"), line("C"), line("A")], [line("A"), line("B"), line("C")], order=True).to_json()["update"]
    assert update == {"component": "A", "line": "line-0", "unit": "EA", "rank": {"from": 1, "to": 3}}


@pytest.mark.parametrize(("there", "same_"), [("0.3", True), ("0.30000000000000004", True), ("0.3000004", True), ("0.300001", False)])
def test_compared_to_places(there: str, same_: bool) -> None:  # noqa: FBT001 - a parameter of the table
    """0.1 + 0.2 is 0.3, whatever a binary float made of it."""
    assert between([line("A", Decimal("0.1") + Decimal("0.2"))], [line("A", there)]).empty is same_


def test_places_are_a_setting() -> None:
    """To two places, 0.301 is 0.3."""
    assert between([line("A", "0.301")], [line("A", "0.3")], places=2).empty


def test_duplicates_are_matched_once() -> None:
    """Two lines of one component: the ones that agree are found first, the rest is changed, created or deleted."""
    found = between([line("A", "1"), line("A", "2"), line("A", "3")], [line("A", "3"), line("A", "1")])
    assert [each.quantity for each in found.creates] == [2]
    assert (found.same, found.updates, found.deletes) == (2, (), ())
    assert [each.id for each in between([line("A", "2")], [line("A", "1"), line("A", "2")]).deletes] == ["line-0"]
    assert [each.remote.id for each in between([line("A", "5"), line("A", "6")], [line("A"), line("A", "2")]).updates] == [
        "line-0",
        "line-1",
    ]


def test_order_only_if_asked() -> None:
    """Two lines that changed places differ only where order is kept in step; the one or the other moves, not both."""
    wanted, have = [line("B"), line("A"), line("C")], [line("A"), line("B"), line("C")]
    assert between(wanted, have).empty
    assert [each.rank is not None for each in between(wanted, have, order=True).updates] == [True]


def test_twins_do_not_cross() -> None:
    """Of two lines that say the same the first is the first: only the one line that really moved is said to."""
    found = between([line("A"), line("A"), line("B")], [line("B"), line("A"), line("A")], order=True)
    assert [(each.line.component, each.was, each.rank) for each in found.updates] == [("B", 1, 3)]


def test_numbers_are_relative() -> None:
    """Lines in the same order are the same, whatever their numbers and ranks are."""
    have = standing([line("A"), line("B")], [70, 900])
    wanted = recipe("KIT", line("B", rank=30), line("A", rank=20))
    assert difference(wanted, have, order=True, places=6, same=same).empty


def test_extras_are_never_compared() -> None:
    """What one system alone knows of a line is no difference."""
    assert between([line("A", extras={"share": 5}, stocked=False)], [line("A", extras={"hasStock": True})]).empty


@pytest.mark.parametrize(("mine", "there"), [("EA", None), (None, "EA"), ("ea", "EA"), (None, None)])
def test_units_that_agree(mine: str | None, there: str | None) -> None:
    """Where one side shows no unit, no texts differ."""
    assert between([line("A", "1", mine)], [line("A", "1", there)]).empty


def test_units_that_differ() -> None:
    """Numbers in different units are not compared: every such component is named."""
    with pytest.raises(KitFault) as caught:
        between([line("A"), line("B"), line("C")], [line("A", "1", "KG"), line("B", "1", "KG"), line("C")])
    assert (caught.value.error_class, [fault.path for fault in caught.value.faults]) == ("validation", ["A", "B"])


def test_two_units_of_one_component() -> None:
    """A component that stands in two units on both sides is matched by its unit."""
    wanted = [line("A", "2", "EA"), line("A", "1", "KG")]
    assert between(wanted, [line("A", "1", "KG"), line("A", "2", "EA")]).empty


def test_empty_source() -> None:
    """All lines are to be deleted: the safety valve decides."""
    found = between([], [line("A"), line("B")])
    assert (len(found.deletes), found.creates, found.updates) == (2, (), ())


@given(kits())
def test_nothing_to_itself(kit: RemoteKit) -> None:
    """A kit does not differ from what it says, in order or not."""
    assert difference(kit.recipe(), kit, order=True, places=6, same=same).empty
    shuffled = replace(kit, lines=kit.lines[::-1])
    assert difference(kit.recipe(), shuffled, order=True, places=6, same=same).empty


@given(recipes, kits())
def test_each_line_counts_once(wanted: Recipe, have: RemoteKit) -> None:
    """Every line of the source is created, changed or kept; every line of the target changed, kept or deleted."""
    found = difference(wanted, have, order=True, places=6, same=same)
    matched = [(each.line.rank, each.remote.id) for each in found.updates] + [(each.line.rank, each.remote.id) for each in found.kept]
    ranks = [each.rank for each in found.creates] + [rank for rank, _ in matched]
    ids = [each.id for each in found.deletes] + [id_ for _, id_ in matched]
    assert sorted(ranks) == list(range(1, len(wanted.lines) + 1))
    assert sorted(ids) == sorted(remote.id for remote in have.lines)
