"""How ItemPath writes values, and the two kinds of schema.

Lists show numbers as numbers. The answers to a create and an update show them as strings with blanks around them, and ids padded
likewise (seen: `" 2.0 "`, `" 37E7… "`). So every field takes both.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, ClassVar, Final

from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, fields, post_load, pre_dump

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.clients.itempath.records import Record

_OWN_NAMES: Final = {f"info{number}": f"Info{number}" for number in range(1, 6)}
_TRUTHS: Final = {"1": True, "true": True, "0": False, "false": False}
_LONGEST: Final = 64


class PaddedText(fields.Field[str]):
    """Text, or a number for an id (users and calls have such), without the blanks around it."""

    def _deserialize(self, value: object, attr: str | None, data: Mapping[str, Any] | None, **options: object) -> str:  # noqa: ARG002
        if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
            raise ValidationError("must be text")
        return str(value).strip()


class PaddedNumber(fields.Field["Decimal | None"]):
    """A number or a text that names one, exact; blank is none."""

    def _deserialize(self, value: object, attr: str | None, data: Mapping[str, Any] | None, **options: object) -> Decimal | None:  # noqa: ARG002
        return decimal_of(value)

    def _serialize(self, value: object, attr: str | None, obj: object, **options: object) -> Decimal | None:  # noqa: ARG002
        return None if value is None else decimal_of(value)


class PaddedWhole(fields.Field["int | None"]):
    """A whole number, however it is written: 1, "1", " 1 ", 1.0."""

    def _deserialize(self, value: object, attr: str | None, data: Mapping[str, Any] | None, **options: object) -> int | None:  # noqa: ARG002
        number = decimal_of(value)
        if number is None:
            return None
        if number != number.to_integral_value() or number.adjusted() > _LONGEST:
            raise ValidationError("must be a whole number")
        return int(number)


class PaddedFlag(fields.Field["bool | None"]):
    """0 or 1, as a number, as padded text, or as true and false."""

    def _deserialize(self, value: object, attr: str | None, data: Mapping[str, Any] | None, **options: object) -> bool | None:  # noqa: ARG002
        text = str(value).strip().lower().removesuffix(".0")
        if not text:
            return None
        if text not in _TRUTHS:
            raise ValidationError("must be 0 or 1")
        return _TRUTHS[text]


class Tuple(fields.List[Any]):
    """A list that is a tuple in the record."""

    def _deserialize(self, value: object, attr: str | None, data: Mapping[str, Any] | None, **options: object) -> Any:  # noqa: ANN401
        return tuple(super()._deserialize(value, attr, data, **options))


class Camel(Schema):
    """A schema whose fields have ItemPath's names: `kit_id` is `kitId`."""

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Name the field as ItemPath does."""
        field_obj.data_key = their_name(field_name)


class ReadSchema(Camel):
    """What ItemPath shows. Unknown fields are no fault: installations are of several vintages."""

    record: ClassVar[type[Record]]

    class Meta:
        """Leave out what we do not know."""

        unknown = EXCLUDE

    @post_load
    def _make(self, data: dict[str, Any], **_options: object) -> Record:
        return self.record(**data)


class WriteSchema(Camel):
    """What ItemPath takes. Dumps a snake-case dict; only what is given is written, and only keys sent change (documented)."""

    class Meta:
        """We write this form ourselves: an unknown field is our fault."""

        unknown = RAISE

    @pre_dump
    def _refuse_unknown(self, data: Mapping[str, Any], **_options: object) -> Mapping[str, Any]:
        unknown = sorted(set(data) - set(self.fields))
        if unknown:
            raise ValueError(f"{type(self).__name__} has no {', '.join(unknown)}")
        return data


def their_name(field_name: str) -> str:
    """ItemPath's name of a field of ours."""
    if field_name in _OWN_NAMES:
        return _OWN_NAMES[field_name]
    head, *tail = field_name.split("_")
    return head + "".join(part.capitalize() for part in tail)


def decimal_of(value: object) -> Decimal | None:
    """The exact number; None for blank text. Raises `ValidationError` for what names no finite number."""
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal, str)):
        raise ValidationError("must be a number")
    text = repr(value) if isinstance(value, float) else str(value).strip()
    if not text:
        return None
    try:
        number = Decimal(text) if text.isascii() and "_" not in text else None
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite():
        raise ValidationError("must be a finite number")
    return number
