"""Revenue percentages."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worker.kits.recipes import line, same
from worker.errors import KitFault
from worker.kits.ranks import renumbered
from worker.kits.revenue import Policy, hundred, shares, total_off

if TYPE_CHECKING:
    from worker.kits.model import Line

weights = st.dictionaries(st.integers(1, 50), st.decimals("0", "1000", places=4), min_size=1).filter(lambda drawn: any(drawn.values()))


def lines(*components: str) -> tuple[Line, ...]:
    """Lines of these components, one each, ranks 1 to n."""
    return renumbered(line(each) for each in components)


def strings(found: dict[int, Decimal] | None) -> dict[int, str]:
    """Percentages as they are written."""
    return {rank: str(each) for rank, each in (found or {}).items()}


def test_thirds_make_hundred() -> None:
    """Three equal shares are 33.33, and what is left goes to the first of the largest."""
    assert strings(shares("equal", lines("A", "B", "C"), {}, {}, same)) == {1: "33.34", 2: "33.33", 3: "33.33"}
    table = {each: Decimal("33.33") for each in "ABC"}
    assert strings(shares("from_table", lines("A", "B", "C"), {}, table, same)) == {1: "33.34", 2: "33.33", 3: "33.33"}


def test_omit_leaves_out() -> None:
    """The default policy writes none; nor is there any for a kit without lines."""
    assert shares("omit", lines("A"), {}, {}, same) is None
    assert shares("equal", (), {}, {}, same) is None


def test_by_cost() -> None:
    """Quantity times cost, and what rounding leaves goes to the largest."""
    given_lines = renumbered([line("A", "2"), line("b", "0.5"), line("FREE")])
    costs = {"a": Decimal(10), "B": Decimal(20), "FREE": Decimal(0)}
    assert strings(shares("by_cost", given_lines, costs, {}, same)) == {1: "66.67", 2: "33.33", 3: "0.00"}


def test_from_table() -> None:
    """A component's entry is shared by its lines; entries are weights, so a kit of some of them makes 100, too."""
    table = {"A": Decimal(40), "B": Decimal(10), "OTHER": Decimal(50)}
    assert strings(shares("from_table", lines("A", "A", "B"), {}, table, same)) == {1: "40.00", 2: "40.00", 3: "20.00"}


@pytest.mark.parametrize("policy", ["by_cost", "from_table"])
def test_missing_weights_are_named(policy: Policy) -> None:
    """Every component without a cost or an entry, or with one that is no share, is named."""
    known = {"B": Decimal(1), "D": Decimal(-1), "E": Decimal("NaN")}
    with pytest.raises(KitFault) as caught:
        shares(policy, lines("A", "B", "C", "D", "E"), known, known, same)
    assert caught.value.error_class == "validation"
    assert [fault.path for fault in caught.value.faults] == ["A", "C", "D", "E"]


def test_nothing_to_share_by() -> None:
    """Costs that are all zero say nothing."""
    with pytest.raises(KitFault, match="all weights are zero"):
        shares("by_cost", lines("A", "B"), {"A": Decimal(0), "B": Decimal(0)}, {}, same)


@given(weights)
def test_always_hundred(drawn: dict[int, Decimal]) -> None:
    """Exactly 100 in all, two places each, none below zero, each within its rounding but the largest."""
    found = hundred(drawn)
    assert sum(found.values()) == 100
    assert all(each >= 0 and each.as_tuple().exponent == -2 for each in found.values())
    largest = min(drawn, key=lambda rank: (-drawn[rank], rank))
    total = sum(drawn.values())
    assert all(abs(found[rank] - drawn[rank] * 100 / total) <= Decimal("0.0051") for rank in drawn if rank != largest)


def test_many_lines() -> None:
    """So many lines that rounding up would take more than there is."""
    found = hundred(dict.fromkeys(range(1, 15_001), Decimal(1)))
    assert sum(found.values()) == 100
    assert min(found.values()) >= 0


@pytest.mark.parametrize(
    ("percentages", "off"),
    [(["33.33", "33.33", "33.33"], "99.99"), (["60", "40.00"], None), ([], None), (["60", "60"], "120"), (["0"], "0")],
)
def test_total_off(percentages: list[str], off: str | None) -> None:
    """The present total, where it is not 100; a kit that has no percentages has no total."""
    assert total_off(Decimal(each) for each in percentages) == (None if off is None else Decimal(off))
