"""The table of a kit's sides, and what is found between what is known of them. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.webhooks.world import trio
from webhooks.dashboard.kits.codes import sameness
from webhooks.dashboard.kits.comparing import compared
from webhooks.dashboard.kits.rows import rows_of
from webhooks.dashboard.kits.sides import Line, Side, told
from worker.settings import Sync

if TYPE_CHECKING:
    from collections.abc import Mapping

SYNC = Sync(source="intacct", targets=("itempath",))
SAME = sameness(trio(sync=SYNC))

contents = st.dictionaries(st.sampled_from("ABCDE"), st.integers(0, 3), max_size=5)


def side(erp: str, role: str, lines: Mapping[str, int], **more: Any) -> Side:
    """A side as the ledger knows it."""
    made = [
        Line(f"known:{rank}", code, code, str(quantity), "STK", str(quantity), "STK", rank, kit=False, stocked=True)
        for rank, (code, quantity) in enumerate(lines.items())
    ]
    return Side(erp, role, "present", "CHAIR", **{"lines": tuple(made), **more})


def sides_of(wanted: Mapping[str, int], there: Mapping[str, int]) -> tuple[Side, Side]:
    """The source and a target."""
    return side("intacct", "source", wanted), side("itempath", "target", there)


@given(contents, contents)
def test_difference_leads_to_source(wanted: dict[str, int], there: dict[str, int]) -> None:
    """Doing what is said makes of the target what the source is; where nothing is said they are the same."""
    (found,) = compared(sides_of(wanted, there), None, SYNC, SAME)
    made = {code: Decimal(quantity) for code, quantity in there.items()}
    for gone in found.deletes:
        del made[gone.component]
    for new in found.creates:
        assert new.component not in made
        made[new.component] = Decimal(new.quantity)
    for change in found.updates:
        assert change.quantity is not None
        assert made[change.component] == Decimal(change.quantity[0])
        made[change.component] = Decimal(change.quantity[1])
    assert made == {code: Decimal(quantity) for code, quantity in wanted.items()}
    assert (found.state == "same") == (wanted == there)
    assert found.same + found.count == len({*wanted, *there})


@given(contents, contents)
def test_each_line_has_its_cell(wanted: dict[str, int], there: dict[str, int]) -> None:
    """Each component has one row, each line stands in it once under its system, and a row is marked where something differs."""
    sides = sides_of(wanted, there)
    rows = rows_of(sides, compared(sides, None, SYNC, SAME), SAME)
    assert [row.component for row in rows] == list(dict.fromkeys([*wanted, *there]))
    for place, shown in enumerate((wanted, there)):
        lines = [entry.line for row in rows for entry in row.cells[place].entries if entry.line is not None]
        assert {each.component: int(each.quantity) for each in lines} == shown
    assert {row.component for row in rows if row.differs} == {code for code in {*wanted, *there} if wanted.get(code) != there.get(code)}


@pytest.mark.parametrize(
    ("wanted", "there", "held"),
    [
        ({}, {"A": 1}, True),
        ({"F": 1}, {"A": 1}, False),
        ({"A": 1, "F": 1}, {"A": 1, "B": 1, "C": 1, "D": 1, "E": 1}, True),
        ({"A": 1, "B": 1, "F": 1}, {"A": 1, "B": 1, "C": 1, "D": 1, "E": 1}, False),
    ],
)
def test_many_deletes_are_foreseen(wanted: dict[str, int], there: dict[str, int], held: bool) -> None:  # noqa: FBT001 - a parameter
    """As a sync holds: when all lines would go, or more than three and more than the share that is set."""
    (found,) = compared(sides_of(wanted, there), None, SYNC, SAME)
    assert found.held is held


def test_other_units_differ() -> None:
    """A quantity in another unit is another quantity, and both are said with their units."""
    source, _ = sides_of({"A": 4}, {"A": 4})
    boxes = Line("known:0", "A", "A", "4", "BOX", "4", "BOX", 0, kit=False, stocked=True)
    (found,) = compared((source, Side("itempath", "target", "present", "CHAIR", lines=(boxes,))), None, SYNC, SAME)
    assert [each.quantity for each in found.updates] == [("4 BOX", "4 STK")]


def test_unstocked_is_no_lack() -> None:
    """What is not kept in stock and is not in the target may have been left out on purpose: it is told, and is no difference."""
    service = Line("known:0", "WORK", "WORK", "1", "H", "1", "H", 0, kit=False, stocked=False)
    sides = (Side("intacct", "source", "present", "CHAIR", lines=(service,)), Side("itempath", "target", "present", "CHAIR"))
    (found,) = compared(sides, None, SYNC, SAME)
    (row,) = rows_of(sides, [found], SAME)
    assert (found.state, found.left_out, row.differs) == ("same", ("WORK",), False)
    assert [entry.mark for entry in row.cells[1].entries] == ["left_out"]


@pytest.mark.parametrize(
    ("state", "why"),
    [
        ("unknown", "ItemPath was not read yet, or has no such kit"),
        ("unreadable", "ItemPath can't be compared: what"),
        ("ambiguous", "ItemPath can't be compared: what"),
    ],
)
def test_uncomparable_says_why(state: str, why: str) -> None:
    """What can't be compared says why, and offers nothing."""
    (found,) = compared(
        (side("intacct", "source", {"A": 1}), Side("itempath", "target", state, "CHAIR", trouble=("what",))), None, SYNC, SAME
    )
    assert (found.state, found.why, found.count) == ("not_compared", (why,), 0)


def test_absent_is_a_difference() -> None:
    """A target that has no such kit lacks all of it."""
    (found,) = compared((side("intacct", "source", {"A": 1}), Side("itempath", "target", "absent", "CHAIR", fresh=True)), None, SYNC, SAME)
    assert (found.state, [each.component for each in found.creates], found.why) == ("differs", ["A"], ("there is no such kit in ItemPath",))


def test_places_of_lines() -> None:
    """A line that has to move says from where to where; two lines of one component each say their own."""
    look = {
        "comparisons": [
            {
                "target": "itempath",
                "state": "differs",
                "difference": {
                    "update": [{"component": "A", "line": "known:0", "unit": "STK", "rank": {"from": 2, "to": 1}}],
                    "delete": [{"component": "A", "line": "known:1", "quantity": "1", "unit": "STK"}],
                },
            }
        ]
    }
    twice = tuple(Line(f"known:{n}", "A", "A", "1", "STK", "1", "STK", n, kit=False, stocked=True) for n in range(2))
    target = Side("itempath", "target", "present", "CHAIR", fresh=True, lines=twice)
    sides = (side("intacct", "source", {"A": 1}, fresh=True), target)
    (row,) = rows_of(sides, compared(sides, look, SYNC, SAME), SAME)
    assert [(entry.mark, entry.text) for entry in row.cells[1].entries] == [("changed", "place 2 \u2192 1"), ("extra", "")]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("there is no such kit in visma: a sync makes it", "there is no such kit in Visma Net: a sync makes it"),
        ("its component is not known in intacct", "its component is not known in Sage Intacct"),
        ("read from the assembly P/visma-1", "read from the assembly P/visma-1"),
    ],
)
def test_systems_by_name(given: str, said: str) -> None:
    """Words of a worker name the systems as people do; codes stay as they are."""
    assert told(given) == said
