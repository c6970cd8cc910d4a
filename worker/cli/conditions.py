"""Filters of ItemPath's lists as a person writes them: a value, or ItemPath's own operator before it, such as `[gt]1` or `[or]2;4`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, cast

import click
from marshmallow import ValidationError

from worker.clients.itempath.fields import decimal_of
from worker.clients.itempath.filters import OPERATORS, Condition

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from worker.clients.itempath.filters import Operator

LISTS: Final = ("[or]", "[nor]")
_WRITTEN: Final = re.compile(r"(?P<operator>\[[a-z]*\])?(?P<text>.*)", re.IGNORECASE | re.DOTALL)
_FLAGS: Final[Mapping[str, str]] = {"0": "0", "1": "1", "false": "0", "true": "1", "no": "0", "yes": "1"}


class Written(click.ParamType):  # type: ignore[type-arg] # older ones of click take none
    """Becomes a `Condition`. `check` gives a value as ItemPath writes it; it raises `ValueError`."""

    name = "condition"

    def __init__(self, check: Callable[[str], str]) -> None:
        self._check = check

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Condition:  # noqa: ANN401 - click's signature
        """The condition."""
        if isinstance(value, Condition):
            return value
        found = _WRITTEN.match(value)
        operator = (found["operator"] or "").lower() if found else ""
        if operator and operator not in OPERATORS:
            self.fail(f"{operator} is no operator of ItemPath's; there are {' '.join(OPERATORS)}", param, ctx)
        text = found["text"] if found else ""
        parts = text.split(";") if operator in LISTS else [text]
        try:
            checked = [self._check(part.strip()) for part in parts]
        except ValueError as error:
            self.fail(f"{value!r}: {error}", param, ctx)
        return Condition(cast("Operator", operator), ";".join(checked))


def text(value: str) -> str:
    """Text that is not blank."""
    if not value:
        raise ValueError("a blank value would filter nothing")
    return value


def number(value: str) -> str:
    """A number."""
    try:
        found = decimal_of(value)
    except ValidationError:
        found = None
    if found is None:
        raise ValueError("a number is expected, such as 2 or [gt]0")
    return value


def flag(value: str) -> str:
    """0 or 1."""
    if value.lower() not in _FLAGS:
        raise ValueError("0 or 1 is expected")
    return _FLAGS[value.lower()]


def condition(name: str, check: Callable[[str], str], help_line: str) -> Callable[[Any], Any]:
    """An option that takes such filters; given several times, all hold."""
    return click.option(name, type=Written(check), metavar="[OP]VALUE", multiple=True, help=help_line)
