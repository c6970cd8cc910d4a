"""Quantities in base units: what is converted, what is refused."""

from __future__ import annotations

import decimal
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.errors import KitFault
from worker.kits.units import Units, normal
from worker.settings import WHOLE_UNITS, UnitRule

RULES = (
    UnitRule("visma", "PACK", "EA", Decimal(10)),
    UnitRule("visma", "PACK", "EA", Decimal(12), item="bolt"),
    UnitRule("itempath", "stk", "EA"),
    UnitRule("itempath", "BOX", "KG", Decimal("2.5")),
    UnitRule("itempath", "DOZEN", "EA", Decimal(12)),
    UnitRule("itempath", "THIRD", "KG", Decimal(3)),
    UnitRule("itempath", "BROKEN", "KG", Decimal(0)),
)
UNITS = Units(RULES, WHOLE_UNITS)
factors = st.sampled_from([Decimal(each) for each in ("1", "2", "2.5", "10", "12", "0.5", "3", "7")])


@pytest.mark.parametrize(
    ("erp", "item", "quantity", "unit", "expected"),
    [
        ("visma", "NUT", "3", "PACK", ("30", "EA")),
        ("visma", "Bolt", "3", " pack ", ("36", "EA")),
        ("itempath", "NUT", "3", "PACK", ("3", "PACK")),
        ("itempath", "NUT", "4", "Stk", ("4", "EA")),
        ("itempath", "OIL", "3", "box", ("7.5", "KG")),
        ("intacct", "NUT", "1.25", "10  Pack", ("1.25", "10 PACK")),
        ("intacct", "NUT", "1.25", None, ("1.25", None)),
        ("intacct", "NUT", "1.25", "  ", ("1.25", None)),
    ],
)
def test_canonical(erp: str, item: str, quantity: str, unit: str | None, expected: tuple[str, str | None]) -> None:
    """A component's own rule goes before the general one; a text without a rule is its own unit; none stays none."""
    assert UNITS.canonical(erp, item, Decimal(quantity), unit) == (Decimal(expected[0]), expected[1])


@pytest.mark.parametrize(
    ("quantity", "canonical", "there", "expected"),
    [
        ("24", "EA", "DOZEN", "2"),
        ("6", "EA", "DOZEN", "0.5"),
        ("7.5", "KG", "BOX", "3"),
        ("4", "ea", "EA", "4"),
        ("4", "EA", None, "4"),
        ("4", None, "EA", "4"),
        ("24", None, "DOZEN", "2"),
        ("0.30000000000000004", "KG", "KG", "0.3"),
    ],
)
def test_into(quantity: str, canonical: str | None, there: str | None, expected: str) -> None:
    """The number to write. Where one side shows no unit, the number is in the base unit."""
    assert UNITS.into("itempath", "NUT", Decimal(quantity), canonical, there) == Decimal(expected)


@pytest.mark.parametrize(
    ("quantity", "canonical", "there", "why"),
    [
        ("1", "EA", "PACK", "no unit rule"),
        ("1", "KG", "DOZEN", "no unit rule"),
        ("4", "EA", "DOZEN", "can't be written exactly in DOZEN of 12 with 6 decimal places"),
        ("1", "KG", "THIRD", "can't be written exactly"),
        ("1.5", "EA", "EA", "can't be split"),
        ("1.5", None, "stk", "can't be split"),
        ("1.5", "STK", None, "can't be split"),
        ("1", "KG", "BROKEN", "factor 0"),
        ("0", "EA", "EA", "not above zero"),
        ("0.0000001", "KG", "KG", "zero to 6 decimal places"),
    ],
)
def test_into_refuses(quantity: str, canonical: str | None, there: str | None, why: str) -> None:
    """An unknown pair of units, a third of a pack, a split piece: named, never rounded away."""
    with pytest.raises(KitFault, match=why) as caught:
        UNITS.into("itempath", "NUT", Decimal(quantity), canonical, there)
    assert (caught.value.error_class, caught.value.faults[0].path) == ("validation", "NUT")


@pytest.mark.parametrize("quantity", ["0", "-1", "NaN", "sNaN", "Infinity", "-Infinity", "1e15", "1e999999", "0.0000001"])
@pytest.mark.parametrize("unit", [None, "KG", "EA"])
def test_canonical_refuses(quantity: str, unit: str | None) -> None:
    """Zero, negative, not a number, endless, and what no kit can hold."""
    with pytest.raises(KitFault):
        UNITS.canonical("visma", "NUT", Decimal(quantity), unit)


def test_split_piece_is_refused() -> None:
    """A third of a pack of ten pieces is no number of pieces."""
    with pytest.raises(KitFault, match=r"0\.333333 PACK is 3\.33333 EA, and EA can't be split"):
        UNITS.canonical("visma", "NUT", Decimal("0.333333"), "PACK")


def test_noise_is_whole() -> None:
    """What a binary float left behind does not split a piece."""
    assert UNITS.canonical("visma", "NUT", Decimal("3.0000000000000004"), "EA") == (Decimal(3), "EA")


@pytest.mark.parametrize("quantity", ["0", "-2", "0.5"])
def test_target_shows_anything(quantity: str) -> None:
    """A target's own line may hold what no source may: a sync is what corrects it."""
    assert UNITS.as_read("itempath", "NUT", Decimal(quantity), "DOZEN") == (Decimal(quantity) * 12, "EA")


def test_target_shows_a_number() -> None:
    """Not even a target may hold what is no number."""
    with pytest.raises(KitFault, match="no number"):
        UNITS.as_read("itempath", "NUT", Decimal("NaN"), "DOZEN")


def test_thread_context_is_not_used() -> None:
    """A thread that counts with two digits and traps all converts the same."""
    with decimal.localcontext(decimal.Context(prec=2, traps=[decimal.Inexact])):
        assert UNITS.canonical("itempath", "OIL", Decimal("1.2345"), "BOX") == (Decimal("3.08625"), "KG")
        assert UNITS.into("itempath", "OIL", Decimal("3.08625"), "KG", "BOX") == Decimal("1.2345")


@given(st.decimals("0.000001", "99999", places=6), factors)
def test_there_and_back(quantity: Decimal, factor: Decimal) -> None:
    """Whatever is written says exactly what was meant when it is read again; what can't is refused."""
    units = Units([UnitRule("visma", "PACK", "KG", factor)], ())
    try:
        written = units.into("visma", "NUT", quantity, "KG", "PACK")
    except KitFault:
        assert (quantity / factor).quantize(Decimal("0.000001")) * factor != quantity
    else:
        assert units.canonical("visma", "NUT", written, "PACK") == (quantity, "KG")


@given(st.text(max_size=8))
def test_normal_is_stable(unit: str) -> None:
    """A canonical unit is its own canonical unit."""
    once = normal(unit)
    assert normal(once) == once
