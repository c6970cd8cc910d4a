"""The forms of ItemPath's pages: what it shows, and what it takes."""

from __future__ import annotations

from marshmallow import fields, validate

from worker.clients.itempath import records
from worker.clients.itempath.fields import PaddedFlag, PaddedNumber, PaddedText, PaddedWhole, ReadSchema, Tuple, WriteSchema

_SOME: validate.Length = validate.Length(min=1)


class KitLineSchema(ReadSchema):
    """A kit line, on its own or inside a kit."""

    record = records.KitLine
    id = PaddedText(required=True, validate=_SOME)
    kit_id = PaddedText(allow_none=True)
    material_id = PaddedText(allow_none=True)
    material_name = PaddedText(allow_none=True)
    number = PaddedWhole(allow_none=True)
    quantity = PaddedNumber(allow_none=True)
    has_stock = PaddedFlag(allow_none=True)
    target = PaddedText(allow_none=True)


class KitSchema(ReadSchema):
    """A kit with its lines."""

    record = records.Kit
    id = PaddedText(required=True, validate=_SOME)
    name = PaddedText(required=True)
    lines = Tuple(fields.Nested(KitLineSchema), allow_none=True)
    has_stock = PaddedFlag(allow_none=True)
    target = PaddedText(allow_none=True)


class MaterialSchema(ReadSchema):
    """A material: what a kit needs to know of it."""

    record = records.Material
    id = PaddedText(required=True, validate=_SOME)
    name = PaddedText(required=True)
    codes = Tuple(PaddedText(), allow_none=True)
    unit_of_measure = PaddedText(allow_none=True)
    info1 = PaddedText(allow_none=True)
    info2 = PaddedText(allow_none=True)
    info3 = PaddedText(allow_none=True)
    info4 = PaddedText(allow_none=True)
    info5 = PaddedText(allow_none=True)
    is_blocked = PaddedFlag(allow_none=True)
    block_reason = PaddedText(allow_none=True)
    current_quantity = PaddedNumber(allow_none=True)
    value_per_unit = PaddedNumber(allow_none=True)
    creation_date = PaddedText(allow_none=True)


class CallSchema(ReadSchema):
    """An entry of the call log. What was sent and answered is text or JSON: nothing is said about it."""

    record = records.Call
    id = PaddedText(required=True, validate=_SOME)
    endpoint = PaddedText(allow_none=True)
    code = PaddedWhole(allow_none=True)
    creation_date = PaddedText(allow_none=True)
    duration = PaddedNumber(allow_none=True)
    error = fields.Function(deserialize=lambda value: None if value is None else str(value), allow_none=True)
    body = fields.Raw(allow_none=True)
    response = fields.Raw(allow_none=True)
    username = PaddedText(allow_none=True)


class KitLineForm(WriteSchema):
    """What a line takes, on create and on update. `hasStock` is not ours to write."""

    kit_id = fields.String()
    material_id = fields.String()
    quantity = PaddedNumber()
    number = fields.Integer()
    target = fields.String()


class KitForm(WriteSchema):
    """What a kit takes (inferred: its page was cut off)."""

    name = fields.String()


class MaterialForm(WriteSchema):
    """What a material takes of what we know; the name alone is required (documented)."""

    name = fields.String()
    unit_of_measure = fields.String()
    info1 = fields.String()
    info2 = fields.String()
    info3 = fields.String()
    info4 = fields.String()
    info5 = fields.String()
