"""The forms of arguments: Visma's write forms in snake case, with nothing wrapped. Unknown fields are refused.

Visma marks no field as required (its OpenAPI); what is required here is what a document can't do without.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from marshmallow import RAISE, Schema, ValidationError, fields, validates_schema

from worker.kinds.fields import Amount, Day, Flag, OneOf, Text, Whole

if TYPE_CHECKING:
    from collections.abc import Mapping

OPERATIONS: Final = ("Insert", "Update", "Delete")
NAMES: Final = ("type", "ref_no")


class Form(Schema):
    """A form that refuses what it does not know."""

    error_messages = {"unknown": "is not known here", "type": "must be an object"}  # noqa: RUF012 (marshmallow's own name)

    class Meta:
        """Strict: a misspelt field would be silently lost."""

        unknown = RAISE


def many(form: type[Form]) -> fields.List[Any]:
    """A list of forms, with messages like the other fields'."""
    each = fields.Nested(form, error_messages={"null": "must not be null"})
    return fields.List(each, error_messages={"null": "must not be null", "invalid": "must be a list"})


class Line(Form):
    """What every line and allocation has: its number in the document, and what shall become of it."""

    operation = OneOf(*OPERATIONS)
    line_nbr = Whole()

    @validates_schema(skip_on_field_errors=True)
    def _names_its_line(self, data: Mapping[str, Any], **_options: object) -> None:
        operation = data.get("operation")
        if operation in ("Update", "Delete") and "line_nbr" not in data:
            raise ValidationError(f"is required to {str(operation).lower()} a line", "line_nbr")


class KitAllocation(Line):
    """Where, and of which lot or serial number, the kit itself lies."""

    location = Text()
    lot_serial_number = Text(most=100)
    quantity = Amount(allow_none=True)
    uom = Text(most=12)
    expiration_date = Day(allow_none=True)


class ComponentAllocation(KitAllocation):
    """The same of a stock component."""

    item_id = Text()


class Component(Line):
    """What stock and non-stock component lines share."""

    item_id = Text()
    uom = Text(most=12)
    quantity = Amount()
    unit_cost = Amount()
    reason_code = Text(most=40)

    @validates_schema(skip_on_field_errors=True)
    def _names_its_item(self, data: Mapping[str, Any], **_options: object) -> None:
        if data.get("operation") == "Insert" and "item_id" not in data:
            raise ValidationError("is required to insert a line", "item_id")
        if "item_id" not in data and "line_nbr" not in data:
            raise ValidationError("needs item_id or line_nbr")


class StockComponent(Component):
    """A component that is kept in stock."""

    location = Text()
    stock_component_line_allocations = many(ComponentAllocation)


class NonStockComponent(Component):
    """A component that is not kept in stock, such as labour."""


class Link(Form):
    """The sales order line that the assembly is made for."""

    order_type = Text(most=15)
    order_number = Text(most=40)
    order_line_number = Whole()

    @validates_schema(skip_on_field_errors=True)
    def _links_something(self, data: Mapping[str, Any], **_options: object) -> None:
        if not data:
            raise ValidationError("must name an order")


class Document(Form):
    """Every field that can be written on insert and on update. An empty text clears a field (seen in an SDK)."""

    hold = Flag()
    date = Day()
    post_period = Text(most=10)
    item_id = Text()
    revision = Text(least=0, most=20)
    reason_code = Text(least=0, most=40)
    description = Text(least=0, most=500)
    warehouse = Text(least=0)
    location = Text(least=0)
    uom = Text(most=12)
    quantity = Amount(above_zero=True)
    stock_component_lines = many(StockComponent)
    stock_component_allocations = many(ComponentAllocation)  # deprecated by Visma, and still taken
    non_stock_component_lines = many(NonStockComponent)
    kit_allocations = many(KitAllocation)


class CreateKitAssembly(Document):
    """A new document. `type` is P (production) unless said; `release` asks for its release too."""

    type = OneOf("P", "D", load_default="P")
    ref_no = Text(most=15)
    item_id = Text(required=True)
    quantity = Amount(above_zero=True, required=True)
    kit_assembly_link = fields.Nested(Link, error_messages={"null": "must not be null"})
    release = Flag()


class NamedKitAssembly(Form):
    """A document by its names: P or D, and its number."""

    type = OneOf("P", "D", required=True)
    ref_no = Text(most=15, required=True)


class UpdateKitAssembly(Document):
    """A document by its names, and what to change."""

    type = OneOf("P", "D", required=True)
    ref_no = Text(most=15, required=True)

    @validates_schema(skip_on_field_errors=True)
    def _changes_something(self, data: Mapping[str, Any], **_options: object) -> None:
        if not set(data) - set(NAMES):
            raise ValidationError("names no field to change")
