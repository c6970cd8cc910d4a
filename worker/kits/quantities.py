"""Exact arithmetic on quantities, with a decimal context of our own: what a thread has set for itself changes nothing here."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from typing import Final

CONTEXT: Final = Context(
    prec=1000,  # quantities multiply along a nest of kits: no digit of theirs is lost
    rounding=ROUND_HALF_EVEN,
    Emin=-999_999,
    Emax=999_999,
    capitals=1,
    clamp=0,
    flags=[],
    traps=[InvalidOperation, DivisionByZero, Overflow],
)
"""Threads share it: nothing reads its flags."""

LARGEST: Final = Decimal("1e15")
"""No kit holds so many of anything: such a number was misread."""

ZERO: Final = Decimal(0)
ONE: Final = Decimal(1)


def times(one: Decimal, other: Decimal) -> Decimal:
    """The product."""
    return CONTEXT.multiply(one, other)


def plus(one: Decimal, other: Decimal) -> Decimal:
    """The sum."""
    return CONTEXT.add(one, other)


def minus(one: Decimal, other: Decimal) -> Decimal:
    """What is left."""
    return CONTEXT.subtract(one, other)


def over(one: Decimal, other: Decimal) -> Decimal:
    """The quotient; `other` is not zero."""
    return CONTEXT.divide(one, other)


def quantised(quantity: Decimal, places: int, rounding: str = ROUND_HALF_EVEN) -> Decimal:
    """Rounded to so many decimal places: what quantities are compared as."""
    return quantity.quantize(Decimal((0, (1,), -places)), rounding=rounding, context=CONTEXT)


def is_whole(quantity: Decimal) -> bool:
    """Whether nothing stands behind the point."""
    return quantity == quantity.to_integral_value(context=CONTEXT)


def plain(quantity: Decimal) -> str:
    """As people write it: no exponent, no zeros at the end. 1, 1.0 and 1.000000 are all `1`."""
    return format(quantity.normalize(CONTEXT), "f")


def why_not(quantity: Decimal) -> str | None:
    """Why this can't be the quantity of a line; None: it can."""
    if not quantity.is_finite():
        return f"the quantity {quantity} is no number"
    if quantity <= ZERO:
        return f"the quantity {plain(quantity)} is not above zero"
    if quantity >= LARGEST:
        return f"the quantity {quantity} is too large"
    return None
