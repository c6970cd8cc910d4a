"""How Visma writes values: fields and the two kinds of schema, for what it shows and for what it takes."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, fields, post_dump, post_load, pre_dump

if TYPE_CHECKING:
    from worker.clients.visma.records import Record
from worker.clients.visma.times import body_time


class Number(fields.Field[Decimal]):
    """A JSON number, exact. On writing, an int, a float as it is printed, or a decimal string will do too."""

    def _deserialize(self, value: object, attr: str | None, data: Mapping[str, Any] | None, **options: object) -> Decimal:  # noqa: ARG002
        if isinstance(value, bool) or not isinstance(value, (int, Decimal, float)):
            raise ValidationError("must be a number")
        return exact(value)

    def _serialize(self, value: object, attr: str | None, obj: object, **options: object) -> Decimal | None:  # noqa: ARG002
        return None if value is None else exact(value)


class Tuple(fields.List[Any]):
    """A list that is a tuple in the record."""

    def _deserialize(self, value: object, attr: str | None, data: Mapping[str, Any] | None, **options: object) -> Any:  # noqa: ANN401
        return tuple(super()._deserialize(value, attr, data, **options))


class DayText(fields.String):
    """A date or time as text. On writing, a date alone becomes its midnight: Visma's form wants a date-time."""

    def _serialize(self, value: object, attr: str | None, obj: object, **options: object) -> str | None:  # noqa: ARG002
        return None if value is None else body_time(str(value))


class Wrapped(fields.Field[Any]):
    """A value that is sent as `{"value": …}`."""

    def __init__(self, inner: fields.Field[Any], **options: Any) -> None:  # noqa: ANN401 (marshmallow's own options)
        super().__init__(**options)
        inner.allow_none = True
        self.inner = inner

    def _deserialize(self, value: object, attr: str | None, data: Mapping[str, Any] | None, **options: object) -> Any:  # noqa: ANN401
        if not isinstance(value, Mapping) or set(value) != {"value"}:
            raise ValidationError('must be {"value": …}')
        return self.inner.deserialize(value["value"], attr, data, **options)

    def _serialize(self, value: object, attr: str | None, obj: object, **options: object) -> dict[str, Any]:
        return {"value": self.inner._serialize(value, attr, obj, **options)}  # noqa: SLF001 (fields call each other so)


class Camel(Schema):
    """A schema whose fields have Visma's names: `ref_no` is `refNo`. A field with a name of its own says so."""

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Name the field as Visma does."""
        if field_obj.data_key is None:
            head, *tail = field_name.split("_")
            field_obj.data_key = head + "".join(part.capitalize() for part in tail)


class ReadSchema(Camel):
    """What Visma shows: every field may be absent or null, unknown fields are kept aside. Loads a record, and dumps what was loaded."""

    record: ClassVar[type[Record]]

    class Meta:
        """The contract grows without a version change: unknown fields are no fault."""

        unknown = EXCLUDE

    @post_load(pass_original=True)
    def _make(self, data: dict[str, Any], original: Mapping[str, Any], **_options: object) -> Record:
        keys = {bound.data_key for bound in self.fields.values()}
        extras = {name: value for name, value in original.items() if name not in keys}
        nulls = frozenset(name for name, value in data.items() if value is None)
        return self.record(**data, extras=extras, nulls=nulls)

    @post_dump(pass_original=True)
    def _unmake(self, data: dict[str, Any], original: Record, **_options: object) -> dict[str, Any]:
        shown = {
            str(bound.data_key): data[str(bound.data_key)]
            for name, bound in self.fields.items()
            if data.get(str(bound.data_key)) is not None or name in original.nulls
        }
        return {**shown, **original.extras}


class WriteSchema(Camel):
    """What Visma takes. Loads the JSON form to a snake-case dict, and dumps such a dict; only what is given is written.

    Omitting a field leaves it as it is (seen in an SDK); so nothing is ever filled in.
    """

    class Meta:
        """We write this form ourselves: an unknown field is our fault."""

        unknown = RAISE

    @pre_dump
    def _refuse_unknown(self, data: Mapping[str, Any], **_options: object) -> Mapping[str, Any]:
        unknown = sorted(set(data) - set(self.fields))
        if unknown:
            raise ValueError(f"{type(self).__name__} has no {', '.join(unknown)}")
        return data


def read(schema: type[ReadSchema], **options: Any) -> fields.Nested:  # noqa: ANN401 (marshmallow's own options)
    """A nested object of a read form."""
    return fields.Nested(schema, allow_none=True, **options)


def text(**options: Any) -> fields.String:  # noqa: ANN401 (marshmallow's own options)
    """Text of a read form, or null."""
    return fields.String(allow_none=True, **options)


def number(**options: Any) -> Number:  # noqa: ANN401 (marshmallow's own options)
    """A number of a read form, or null."""
    return Number(allow_none=True, **options)


def whole(**options: Any) -> fields.Integer:  # noqa: ANN401 (marshmallow's own options)
    """A whole number of a read form, or null."""
    return fields.Integer(strict=True, allow_none=True, **options)


def flag(**options: Any) -> fields.Boolean:  # noqa: ANN401 (marshmallow's own options)
    """True, false or null of a read form."""
    return fields.Boolean(truthy={True}, falsy={False}, allow_none=True, **options)


def exact(value: object) -> Decimal:
    """The number as it is printed: 0.1 is 0.1. Raises `ValueError` for what names no finite number."""
    number = Decimal(repr(value) if isinstance(value, float) else str(value).strip())
    if not number.is_finite():
        raise ValueError("must be a finite number")
    return number
