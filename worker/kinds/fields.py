"""Fields of arguments: strict about types, plain in their messages, JSON in and JSON out."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final, TypeVar

from marshmallow import ValidationError, fields

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_DIGITS: Final = 28
MOST_PLACES: Final = 10
BELOW: Final = Decimal("1E15")
INT32: Final = 2**31
HUNDRED: Final = 100
_OF_DATES: Final = re.compile(r"[0-9TtZzW:.,+ -]+")
"""What dates and times are written with: Python takes any character at all between the two."""

T = TypeVar("T")


class Strict(fields.Field[T], ABC):
    """A field whose messages read after its path: `quantity: is required`."""

    default_error_messages = {"required": "is required", "null": "must not be null"}  # noqa: RUF012 (marshmallow's own name)

    @abstractmethod
    def _parse(self, value: object) -> T:
        """The normalised value. Raises `ValidationError` with what it must be."""

    def _deserialize(self, value: object, attr: str | None, data: Mapping[str, Any] | None, **options: object) -> T:  # noqa: ARG002
        return self._parse(value)


class Text(Strict[str]):
    """One line of text, stripped; between `least` and `most` characters, no control characters."""

    def __init__(self, *, least: int = 1, most: int = 60, **options: Any) -> None:  # noqa: ANN401 (marshmallow's own options)
        super().__init__(**options)
        self.least = least
        self.most = most

    def _parse(self, value: object) -> str:
        if not isinstance(value, str):
            raise ValidationError("must be text")
        text = value.strip()
        if not text.isprintable():
            raise ValidationError("must not contain control characters")
        if not self.least <= len(text) <= self.most:
            raise ValidationError(f"must have {self.least} to {self.most} characters")
        return text


class Flag(Strict[bool]):
    """True or false, nothing that merely looks like it."""

    def _parse(self, value: object) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("must be true or false")
        return value


class OneOf(Strict[str]):
    """One of a few exact words."""

    def __init__(self, *words: str, **options: Any) -> None:  # noqa: ANN401 (marshmallow's own options)
        super().__init__(**options)
        self.words = words

    def _parse(self, value: object) -> str:
        if value not in self.words:
            raise ValidationError(f"must be one of {', '.join(self.words)}")
        return str(value)


class Whole(Strict[int]):
    """A whole number from 0 to the largest of Visma's int32."""

    def _parse(self, value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValidationError("must be a whole number")
        if not 0 <= value < INT32:
            raise ValidationError(f"must be from 0 to {INT32 - 1}")
        return value


class Amount(Strict["int | float | str"]):
    """A finite decimal, kept as it was given: a JSON number, or a decimal string such as "2.50" (a `Decimal` becomes one).

    `above_zero` refuses zero; below zero is always refused. At most 28 digits and 10 decimal places, less than 1E15.
    """

    def __init__(self, *, above_zero: bool = False, **options: Any) -> None:  # noqa: ANN401 (marshmallow's own options)
        super().__init__(**options)
        self.above_zero = above_zero

    def _parse(self, value: object) -> int | float | str:
        number = decimal_of(value)
        if number is None or not number.is_finite():
            raise ValidationError("must be a finite number")
        if number < 0 or (self.above_zero and not number):
            raise ValidationError("must be greater than 0" if self.above_zero else "must not be below 0")
        if number >= BELOW or not _fits(number):
            raise ValidationError(f"must be below 1E15, with at most {MOST_DIGITS} digits and {MOST_PLACES} decimal places")
        if isinstance(value, (int, float)):
            return value
        return f"{number:f}"


class Percent(Amount):
    """A share in percent, from 0 to 100, kept as it was given."""

    def _parse(self, value: object) -> int | float | str:
        amount = super()._parse(value)
        if Decimal(str(amount)) > HUNDRED:
            raise ValidationError("must be from 0 to 100")
        return amount


class Day(Strict[str]):
    """An ISO 8601 date, or a date and time with or without offset, kept as given."""

    def _parse(self, value: object) -> str:
        if not isinstance(value, str):
            raise ValidationError("must be a date such as 2026-01-31 or 2026-01-31T12:00:00Z")
        text = value.strip()
        try:
            datetime.fromisoformat(text if _OF_DATES.fullmatch(text) else "")
        except ValueError as error:
            raise ValidationError("must be a date such as 2026-01-31 or 2026-01-31T12:00:00Z") from error
        return text


def decimal_of(value: object) -> Decimal | None:
    """The exact number that a JSON number, a decimal string or a Decimal names; None if it names none."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        return None
    if isinstance(value, (int, Decimal)):
        return Decimal(value)
    text = value.strip() if isinstance(value, str) else repr(value)
    if not text.isascii() or "_" in text or len(text) > MOST_DIGITS * 2:
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _fits(number: Decimal) -> bool:
    _, digits, exponent = number.as_tuple()
    return len(digits) <= MOST_DIGITS and isinstance(exponent, int) and exponent >= -MOST_PLACES
