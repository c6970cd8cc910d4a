"""Marshmallow fields for what stands in the settings. Messages say what is expected and never repeat what was found."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from marshmallow import ValidationError, fields

from worker.configuration.origins import FromEnvironment, Unset
from worker.settings import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")

UNITS: Final = {"ms": Decimal("0.001"), "s": Decimal(1), "m": Decimal(60), "h": Decimal(3_600), "d": Decimal(86_400)}
LONGEST: Final = 3_650 * 86_400.0
FLAGS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_DURATION: Final = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?) ?(ms|s|m|h|d)")
_NUMBER: Final = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,12})?")
LEAST: Final = Decimal("1e-12")
MOST: Final = Decimal("1e12")
_SHARE: Final = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?) ?%")


class Value(fields.Field[T], ABC, Generic[T]):
    """A value of the settings. A subclass says what it takes in `convert`, which raises ValidationError."""

    default_error_messages = {  # noqa: RUF012 - as marshmallow declares it
        "required": "is required",
        "null": "is required",
    }

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> T:  # noqa: ANN401, ARG002 - marshmallow's
        return self.take(value)

    def take(self, value: object) -> T:
        """The converted value of whatever stood there."""
        if isinstance(value, Unset):
            raise ValidationError(f"the environment variable {value.variable} is not set")
        return self.convert(value)

    @abstractmethod
    def convert(self, value: object) -> T:
        """The converted value; raises ValidationError."""


class Text(Value[str]):
    """Text that is not empty, unless `empty`; `pattern` describes what it must look like, `looks` says so."""

    def __init__(self, *, empty: bool = False, pattern: str = "", looks: str = "", least: int = 0, **options: Any) -> None:  # noqa: ANN401
        super().__init__(**options)
        self.empty = empty
        self.pattern = re.compile(pattern) if pattern else None
        self.looks = looks
        self.least = least

    def convert(self, value: object) -> str:
        """The text itself."""
        if not isinstance(value, str):
            raise ValidationError("must be text")
        if not value and not self.empty:
            raise ValidationError("must not be empty")
        if len(value) < self.least:
            raise ValidationError(f"must have at least {self.least} characters")
        if self.pattern and value and not self.pattern.fullmatch(value):
            raise ValidationError(f"must be {self.looks}")
        return str(value)


class SecretText(Value[Secret]):
    """Text that must not be seen."""

    def __init__(self, *, least: int = 1, pattern: str = "", looks: str = "", **options: Any) -> None:  # noqa: ANN401
        super().__init__(**options)
        self.text = Text(least=least, pattern=pattern, looks=looks)

    def convert(self, value: object) -> Secret:
        """The text, covered."""
        return Secret(self.text.convert(value))


class Choice(Value[str]):
    """One of a few words."""

    def __init__(self, *words: str, **options: Any) -> None:  # noqa: ANN401
        super().__init__(**options)
        self.words = words

    def convert(self, value: object) -> str:
        """The word."""
        if not isinstance(value, str) or value not in self.words:
            raise ValidationError(f"must be one of {', '.join(self.words)}")
        return str(value)


class Whole(Value[int]):
    """A whole number within bounds."""

    def __init__(self, *, least: int = 1, most: int = 10**9, **options: Any) -> None:  # noqa: ANN401
        super().__init__(**options)
        self.least = least
        self.most = most

    def convert(self, value: object) -> int:
        """The number."""
        if isinstance(value, FromEnvironment) and re.fullmatch(r"-?[0-9]{1,12}", value):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValidationError("must be a whole number")
        if not self.least <= value <= self.most:
            raise ValidationError(f"must be at least {self.least}" if value < self.least else f"must be at most {self.most}")
        return value


class Number(Value[Decimal]):
    """A decimal number, exactly as it is written: as a number or as text. Above zero, unless `zero`."""

    def __init__(self, *, zero: bool = False, most: Decimal = MOST, **options: Any) -> None:  # noqa: ANN401
        super().__init__(**options)
        self.least = Decimal(0) if zero else LEAST
        self.most = most

    def convert(self, value: object) -> Decimal:
        """The number."""
        number = _decimal(value)
        if number is None:
            raise ValidationError('must be a number, such as 12, 0.25 or "0.25"')
        if not number.is_finite() or not self.least <= number <= self.most:
            raise ValidationError(f"must be from 0 to {self.most:f}" if not self.least else "must be above 0, and neither tiny nor huge")
        return number


def _decimal(value: object) -> Decimal | None:
    if isinstance(value, str):
        return Decimal(value) if _NUMBER.fullmatch(value) else None
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    return value if isinstance(value, Decimal) else None


class Flag(Value[bool]):
    """True or false."""

    def convert(self, value: object) -> bool:
        """The flag."""
        if isinstance(value, FromEnvironment):
            value = FLAGS.get(value.lower())
        if not isinstance(value, bool):
            raise ValidationError("must be true or false")
        return value


class Duration(Value[float]):
    """A time such as "250ms", "5s", "15m", "22h" or "90d", in seconds; longer than nothing, and not shorter than `least`."""

    def __init__(self, *, least: str = "", **options: Any) -> None:  # noqa: ANN401 - marshmallow's own options
        super().__init__(**options)
        self.least = least

    def convert(self, value: object) -> float:
        """Seconds."""
        found = _DURATION.fullmatch(value) if isinstance(value, str) else None
        if not found:
            raise ValidationError('must be a time with its unit, such as "250ms", "5s", "15m", "22h" or "90d"')
        seconds = float(Decimal(found[1]) * UNITS[found[2]])
        if not 0 < seconds <= LONGEST:
            raise ValidationError("must be longer than nothing and at most ten years")
        if self.least and seconds < Duration().convert(self.least):
            raise ValidationError(f"must be at least {self.least}")
        return seconds


class DurationOrNever(Value[float | None]):
    """A time, or "never", which is None."""

    def convert(self, value: object) -> float | None:
        """Seconds or None."""
        return None if value == "never" else Duration().convert(value)


class Share(Value[float]):
    """A percentage such as "30%", as a share from 0 to 1."""

    def convert(self, value: object) -> float:
        """The share."""
        found = _SHARE.fullmatch(value) if isinstance(value, str) else None
        share = Decimal(found[1]) / 100 if found else None
        if share is None or share > 1:
            raise ValidationError('must be a percentage from "0%" to "100%"')
        return float(share)


class Items(Value[tuple[T, ...]], Generic[T]):
    """An array of values of one sort; from the environment: with commas between them."""

    def __init__(self, item: Value[T], *, least: int = 0, **options: Any) -> None:  # noqa: ANN401
        super().__init__(**options)
        self.item = item
        self.least = least

    def convert(self, value: object) -> tuple[T, ...]:
        """The items, in order; the error names the place of each bad one."""
        if isinstance(value, FromEnvironment):
            value = [FromEnvironment(part.strip()) for part in value.split(",") if part.strip()]
        if not isinstance(value, list):
            raise ValidationError("must be an array")
        if len(value) < self.least:
            raise ValidationError("must not be empty")
        taken: list[T] = []
        bad: dict[str | int, Any] = {}
        for index, item in enumerate(value):
            try:
                taken.append(self.item.take(item))
            except ValidationError as error:
                bad[index] = error.messages
        if bad:
            raise ValidationError([bad])
        return tuple(taken)


class Named(Value[dict[str, T]], Generic[T]):
    """A table with free keys and values of one sort."""

    def __init__(self, item: Value[T], **options: Any) -> None:  # noqa: ANN401
        super().__init__(**options)
        self.item = item

    def convert(self, value: object) -> dict[str, T]:
        """The table; the error names each bad key."""
        if not isinstance(value, dict):
            raise ValidationError("must be a table")
        taken: dict[str, T] = {}
        bad: dict[str, Any] = {}
        for key, item in value.items():
            try:
                taken[key] = self.item.take(item)
            except ValidationError as error:
                bad[key] = error.messages
        if bad:
            raise ValidationError([bad])
        return taken
