"""The forms Visma takes (its OpenAPI). Values are wrapped as `{"value": …}`; `type`, `refNo`, `operation`, the link and the lists are not.

Insert and update differ only in `kitAssemblyLink`. What is `allocations` when read is `stockComponentLineAllocations` when written.
"""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from worker.clients.visma.fields import DayText, Number, Wrapped, WriteSchema


def _text(**options: Any) -> Wrapped:  # noqa: ANN401 (marshmallow's own options)
    return Wrapped(fields.String(), **options)


def _number() -> Wrapped:
    return Wrapped(Number())


def _day() -> Wrapped:
    return Wrapped(DayText())


def _whole() -> Wrapped:
    return Wrapped(fields.Integer(strict=True))


class KitAllocationForm(WriteSchema):
    """INAllocationsUpdateDto."""

    operation = fields.String()
    line_nbr = _whole()
    location = _text()
    lot_serial_number = _text()
    quantity = _number()
    uom = _text()
    expiration_date = _day()


class ComponentAllocationForm(KitAllocationForm):
    """KitAssemblyStockComponentAllocationsUpdateDto."""

    item_id = _text()


class NonStockLineForm(WriteSchema):
    """KitAssemblyNonStockComponentsUpdateDto."""

    operation = fields.String()
    line_nbr = _whole()
    item_id = _text()
    uom = _text(data_key="uoM")
    quantity = _number()
    unit_cost = _number()
    reason_code = _text()


class StockLineForm(NonStockLineForm):
    """KitAssemblyStockComponentsUpdateDto."""

    location = _text()
    stock_component_line_allocations = fields.List(fields.Nested(ComponentAllocationForm))


class LinkForm(WriteSchema):
    """KitAssemblyLinkInsertDto."""

    order_type = _text()
    order_number = _text()
    order_line_number = _whole()


class UpdateForm(WriteSchema):
    """KitAssemblyUpdateDto."""

    type = fields.String()
    ref_no = fields.String()
    hold = Wrapped(fields.Boolean(truthy={True}, falsy={False}))
    date = _day()
    post_period = _text()
    item_id = _text()
    revision = _text()
    reason_code = _text()
    description = _text()
    warehouse = _text()
    location = _text()
    uom = _text(data_key="uoM")
    quantity = _number()
    stock_component_lines = fields.List(fields.Nested(StockLineForm))
    stock_component_allocations = fields.List(fields.Nested(ComponentAllocationForm))
    non_stock_component_lines = fields.List(fields.Nested(NonStockLineForm))
    kit_allocations = fields.List(fields.Nested(KitAllocationForm))


class InsertForm(UpdateForm):
    """KitAssemblyInsertDto."""

    kit_assembly_link = fields.Nested(LinkForm)
