"""JSON whose numbers stay what was written: 0.1 is a tenth, and a price of nineteen digits keeps them all."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any, Final

import orjson

DEEPEST: Final = 64
_LONGEST: Final = 60
_WIDEST: Final = 100
_HALF: Final = re.compile(r"\\u[dD][89a-fA-F]")
"""Half of a character that takes two."""


class TooDeep(ValueError):
    """Objects and arrays stand in each other more often than any event of sense."""


def loads(text: str | bytes) -> Any:  # noqa: ANN401 - any JSON value
    """The value, with each number that has a point or an exponent as a Decimal. Raises `ValueError` and, for nesting, `TooDeep`.

    Half a character is no JSON, though Python takes it: no ledger can keep it.
    """
    whole = text.decode() if isinstance(text, bytes) else text
    try:
        value = json.loads(whole, parse_float=_number, parse_int=_whole, parse_constant=_refused)
    except RecursionError:
        raise TooDeep(f"is nested deeper than {DEEPEST}") from None
    _must_be_shallow(value)
    if _HALF.search(whole):
        orjson.loads(whole)  # knows whole characters from halves
    return value


def plain_number(value: Decimal) -> float | str:
    """As JSON takes it: a number where that is exact, else its digits as text."""
    number = float(value)
    return number if Decimal(repr(number)) == value else f"{value:f}"


def text_of(value: Decimal) -> str:
    """The digits, without an exponent."""
    return f"{value:f}"


def _number(text: str) -> Decimal | float:
    """Numbers far beyond any quantity are no more exact: their digits would fill the memory."""
    number = Decimal(text)
    return number if len(text) <= _LONGEST and abs(number.adjusted()) <= _WIDEST else float(text)


def _whole(text: str) -> int | float:
    return int(text) if len(text) <= _LONGEST else float(text)


def _refused(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def _must_be_shallow(value: Any) -> None:  # noqa: ANN401 - any JSON value
    depth, level = 0, [value]
    while level:
        level = [inner for each in level if isinstance(each, (dict, list)) for inner in (each.values() if isinstance(each, dict) else each)]
        depth += 1
        if depth > DEEPEST:
            raise TooDeep(f"is nested deeper than {DEEPEST}")
