"""The plan of writes, against a target in memory: it gives the source, on a way that no target refuses."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worker.kits.recipes import kits, line, lines, recipe, recipes, same, standing
from tests.worker.kits.target import SYSTEMS, Renumbers, Target
from worker.kits.difference import Difference, difference
from worker.kits.model import CreateLine, DeleteLine, UpdateLine
from worker.kits.plan import plan, too_many_deletes

if TYPE_CHECKING:
    from decimal import Decimal

    from worker.kits.model import Recipe, RemoteKit, Write

Numbering = Literal["own", "unique", "pushing"]
WAYS = [(numbering, renumbers) for numbering, all_ in SYSTEMS.items() for renumbers in all_]
ORDER_KEPT = [("unique", "refuses"), ("pushing", "all_above"), ("pushing", "run")]
every_way = pytest.mark.parametrize(("numbering", "renumbers"), WAYS)
every_documented_way = pytest.mark.parametrize(("numbering", "renumbers"), ORDER_KEPT)


def between(wanted: Recipe, have: RemoteKit, *, order: bool = False) -> Difference:
    """The difference, to six places."""
    return difference(wanted, have, order=order, places=6, same=same)


def planned(wanted: Recipe, have: RemoteKit, numbering: Numbering, *, order: bool) -> tuple[Write, ...]:
    """The writes."""
    return plan(between(wanted, have, order=order), have, numbering=numbering, order=order)


def said(wanted: Recipe) -> list[tuple[str, Decimal]]:
    """What a recipe says, in order."""
    return [(same(each.component), each.quantity) for each in wanted.lines]


@every_way
@given(recipes, kits())
def test_plan_gives_source(numbering: Numbering, renumbers: Renumbers, wanted: Recipe, have: RemoteKit) -> None:
    """For any two recipes, duplicates included, the target holds the source's lines after the plan, and nothing is left to do."""
    target = Target(have, renumbers).take(planned(wanted, have, numbering, order=False))
    assert Counter(target.says()) == Counter(said(wanted))
    assert between(wanted, target.kit()).empty


@every_documented_way
@given(recipes, kits())
def test_plan_gives_order(numbering: Numbering, renumbers: Renumbers, wanted: Recipe, have: RemoteKit) -> None:
    """With order kept in step, the lines stand in the source's order, too."""
    target = Target(have, renumbers).take(planned(wanted, have, numbering, order=True))
    assert target.says() == said(wanted)
    assert between(wanted, target.kit(), order=True).empty


@pytest.mark.parametrize("renumbers", ["swap", "places"])
@given(recipes, kits())
def test_unknown_renumbering_converges(renumbers: Renumbers, wanted: Recipe, have: RemoteKit) -> None:
    """Where a system renumbers in a way that no one documented, reading again and going on gives the order."""
    target = Target(have, renumbers)
    for _ in range(len(wanted.lines) + 2):
        target.take(planned(wanted, target.kit(), "pushing", order=True))
    assert target.says() == said(wanted)


@every_documented_way
@given(recipes, kits(), st.integers(1, 5))
def test_interrupted_plan_goes_on(numbering: Numbering, renumbers: Renumbers, wanted: Recipe, have: RemoteKit, most: int) -> None:
    """A plan that stops after any few writes is made anew from what is read then, and ends with the source."""
    target = Target(have, renumbers)
    for _ in range(60):
        target.take(planned(wanted, target.kit(), numbering, order=True), most)
    assert target.says() == said(wanted)


@every_way
@pytest.mark.parametrize("order", [False, True])
@given(st.lists(lines, min_size=1, max_size=8), kits().filter(lambda kit: bool(kit.lines)))
def test_never_empty_on_the_way(numbering: Numbering, renumbers: Renumbers, order: bool, wanted: list, have: RemoteKit) -> None:  # type: ignore[type-arg]  # noqa: FBT001 - a parameter of the table
    """A kit that has lines before and after has some at every moment."""
    target = Target(have, renumbers).take(planned(recipe("KIT", *wanted), have, numbering, order=order and numbering != "own"))
    assert not target.was_empty


@given(recipes, kits())
def test_each_line_once(wanted: Recipe, have: RemoteKit) -> None:
    """Only a line of a ring is written twice; a ring of two or more costs one write more."""
    writes = planned(wanted, have, "unique", order=True)
    written = Counter(write.remote.id for write in writes if isinstance(write, UpdateLine))
    twice = sum(1 for count in written.values() if count == 2)
    assert all(count <= 2 for count in written.values())
    assert 2 * twice <= len(written)


@given(recipes, kits(), st.booleans())
def test_deletes_come_last(wanted: Recipe, have: RemoteKit, order: bool) -> None:  # noqa: FBT001 - drawn
    """Updates, creates, deletes."""
    writes = planned(wanted, have, "unique", order=order)
    kinds = [(UpdateLine, CreateLine, DeleteLine).index(type(write)) for write in writes]
    assert kinds == sorted(kinds)


@given(recipes, kits())
def test_no_numbers_unless_ordered(wanted: Recipe, have: RemoteKit) -> None:
    """Where order is not kept in step, and wherever a system numbers by itself, no number is written."""
    for writes in (planned(wanted, have, "unique", order=False), planned(wanted, have, "own", order=False)):
        assert all(write.number is None for write in writes if not isinstance(write, DeleteLine))


def test_own_never_numbered() -> None:
    """A system that numbers by itself gets no number even when asked for order; a mere move gives no write."""
    have = standing([line("A"), line("B")])
    assert planned(recipe("KIT", line("B"), line("A")), have, "own", order=True) == ()


def numbers(writes: tuple[Write, ...]) -> list[tuple[str, int | None]]:
    """Component and number of each write."""
    return [
        (write.line.component, write.number)
        if isinstance(write, CreateLine)
        else (write.remote.line.component, getattr(write, "number", None))
        for write in writes
    ]


def test_swap_of_unique_numbers() -> None:
    """Two lines in each other's way: one steps aside to max + 1000, then both take their numbers."""
    have = standing([line("A"), line("B"), line("C")])
    writes = planned(recipe("KIT", line("B"), line("A"), line("C")), have, "unique", order=True)
    assert numbers(writes) in ([("A", 1003), ("B", 1), ("A", 2)], [("B", 1003), ("A", 2), ("B", 1)])


def test_swap_by_pushing() -> None:
    """One write: the line that comes first takes the first number and pushes the other."""
    have = standing([line("A"), line("B"), line("C")])
    assert numbers(planned(recipe("KIT", line("B"), line("A"), line("C")), have, "pushing", order=True)) == [("B", 1)]


def test_pushing_rises() -> None:
    """Numbers are written in ascending order, creates among updates, after what is in place."""
    have = standing([line("A"), line("B"), line("C")], [10, 20, 30])
    wanted = recipe("KIT", line("A"), line("N"), line("C"), line("M"), line("B"))
    assert numbers(planned(wanted, have, "pushing", order=True)) == [("N", 11), ("C", 12), ("M", 13)]


def test_leaving_lines_hold_numbers() -> None:
    """A line that is deleted in the end holds its number until then: no other takes it."""
    have = standing([line("X"), line("A"), line("B")])
    wanted = recipe("KIT", line("B"), line("A"))
    assert ("B", 1) not in numbers(planned(wanted, have, "unique", order=True))


@every_documented_way
def test_unnumbered_lines_get_numbers(numbering: Numbering, renumbers: Renumbers) -> None:
    """Lines without a number there are numbered as soon as the order is to change."""
    have = standing([line("A"), line("B")], [None, None])
    writes = planned(recipe("KIT", line("B"), line("A")), have, numbering, order=True)
    assert numbers(writes) == [("B", 1), ("A", 2)]
    assert renumbers != "never"


@every_documented_way
def test_shared_numbers_are_parted(numbering: Numbering, renumbers: Renumbers) -> None:
    """Lines that share a number in the target already are written apart as soon as the order is to change."""
    have = standing([line("A"), line("B"), line("C")], [5, 5, 7])
    target = Target(standing([line("A"), line("B"), line("C")], [5, 6, 7]), renumbers)
    for row, number in zip(target.rows, (5, 5, 7), strict=True):
        row.number = number
    for write in planned(recipe("KIT", line("C"), line("A"), line("B")), have, numbering, order=True):
        target._one(write)
    assert [component for component, _ in target.says()] == ["C", "A", "B"]


def test_shared_with_a_leaving_line() -> None:
    """A line that shares its number with one that is deleted moves off it, and none gets that number."""
    have = standing([line("X"), line("A"), line("B")], [5, 5, 7])
    writes = planned(recipe("KIT", line("N"), line("A"), line("M"), line("B")), have, "unique", order=True)
    assert numbers(writes) == [("A", 2), ("N", 1), ("M", 3), ("X", None)]


def test_quantity_goes_with_number() -> None:
    """A line that moves and changes is written once."""
    have = standing([line("A"), line("B")], [1, 5])
    writes = planned(recipe("KIT", line("B"), line("A", "3")), have, "unique", order=True)
    assert len([write for write in writes if isinstance(write, UpdateLine) and write.quantity is not None]) == 1


def test_foreign_difference_is_refused() -> None:
    """A difference of another reading is no plan for this one."""
    made = between(recipe("KIT", line("A")), standing([line("A")]))
    with pytest.raises(ValueError, match="not one of kit"):
        plan(made, standing([line("A"), line("B")]), numbering="own", order=False)


@pytest.mark.parametrize(
    ("there", "stay", "held"),
    [
        (10, 9, False),
        (10, 7, False),
        (10, 6, True),
        (4, 1, False),
        (20, 14, False),
        (20, 13, True),
        (5, 1, True),
        (3, 0, True),
        (1, 0, True),
    ],
)
def test_many_deletes_are_held(there: int, stay: int, held: bool) -> None:  # noqa: FBT001 - a parameter of the table
    """More than three and more than 30 % are held, and so is a source that came back empty."""
    have = standing([line(f"C{index}") for index in range(there)])
    wanted = recipe("KIT", *(line(f"C{index}") for index in range(stay)))
    assert too_many_deletes(between(wanted, have), have, 0.3) is held


def test_replaced_kit_is_not_empty() -> None:
    """A small kit whose every line is replaced is not an empty source."""
    have = standing([line("A"), line("B")])
    assert not too_many_deletes(between(recipe("KIT", line("C")), have), have, 0.3)


def test_empty_stays_empty() -> None:
    """Nothing there and nothing wanted is nothing to hold."""
    assert not too_many_deletes(between(recipe("KIT"), standing([])), standing([]), 0.3)


def test_large_kit_is_quick() -> None:
    """Five thousand lines turned round are planned in far less than their squares."""
    turned = [line(f"C{index}") for index in range(5000)]
    have = standing(turned)
    writes = planned(recipe("KIT", *reversed(turned)), have, "unique", order=True)
    assert Target(have, "refuses").rows
    assert len(writes) < 3 * len(turned)
