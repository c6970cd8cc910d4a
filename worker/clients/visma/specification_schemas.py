"""The forms of kit specifications (seen in an SDK that was generated from Visma's API description): what is shown, and what is taken.

Nothing is wrapped when shown; values are `{"value": …}` when taken, `operation` and the lists are not. The two forms call the same things
by different names; `WRITTEN_AS` is the table of that.
"""

from __future__ import annotations

from typing import Final

from marshmallow import fields

from worker.clients.visma import specification_records as records
from worker.clients.visma.fields import Number, ReadSchema, Tuple, Wrapped, WriteSchema, flag, number, text, whole

WRITTEN_AS: Final = {
    "component_id": "comp_inventory_id",
    "component_qty": "dflt_comp_qty",
    "allow_component_qty_variance": "allow_qty_variation",
    "min_component_qty": "min_comp_qty",
    "max_component_qty": "max_comp_qty",
    "allow_component_substitution": "allow_substitution",
    "revision": "revision_id",
    "description": "descr",
    "allow_component_addition": "allow_comp_addition",
}
"""Read name → write name, both in snake case; what is not here has one name."""


class NonStockSpecificationLineSchema(ReadSchema):
    """KitSpecificationNonStockComponentDto."""

    record = records.NonStockSpecificationLine
    line_nbr = whole()
    component_id = text(data_key="componentID")
    component_qty = number()
    uom = text()
    allow_component_qty_variance = flag()
    min_component_qty = number()
    max_component_qty = number()
    description = text()
    error_info = text()


class StockSpecificationLineSchema(NonStockSpecificationLineSchema):
    """KitSpecificationStockComponentsDto."""

    record = records.StockSpecificationLine
    disassembly_coeff = number()
    allow_component_substitution = flag()


class KitSpecificationSchema(ReadSchema):
    """KitSpecificationDto."""

    record = records.KitSpecification
    kit_inventory_id = text(data_key="kitInventoryID")
    revision = text()
    description = text()
    is_active = flag()
    allow_component_addition = flag()
    is_non_stock = flag()
    created_date_time = text()
    last_modified_date_time = text()
    stock_component_lines = Tuple(fields.Nested(StockSpecificationLineSchema), allow_none=True)
    non_stock_component_lines = Tuple(fields.Nested(NonStockSpecificationLineSchema), allow_none=True)
    timestamp = text()
    error_info = text()


class KitSpecificationPageSchema(ReadSchema):
    """BasePaginationDtoOfKitSpecificationDto."""

    record = records.KitSpecificationPage
    page_number = whole()
    page_size = whole()
    total_count = whole()
    records = Tuple(fields.Nested(KitSpecificationSchema), allow_none=True)


def _flag() -> Wrapped:
    return Wrapped(fields.Boolean(truthy={True}, falsy={False}))


class NonStockSpecificationLineForm(WriteSchema):
    """KitSpecificationNonStockComponentsUpdateDto. `operation`: Insert, Update or Delete; the last two by `line_nbr`."""

    operation = fields.String()
    line_nbr = Wrapped(fields.Integer(strict=True))
    comp_inventory_id = Wrapped(fields.String(), data_key="compInventoryID")
    dflt_comp_qty = Wrapped(Number())
    uom = Wrapped(fields.String())
    allow_qty_variation = _flag()
    min_comp_qty = Wrapped(Number())
    max_comp_qty = Wrapped(Number())


class StockSpecificationLineForm(NonStockSpecificationLineForm):
    """KitSpecificationStockComponentsUpdateDto."""

    disassembly_coeff = Wrapped(Number())
    allow_substitution = _flag()


class KitSpecificationForm(WriteSchema):
    """KitSpecificationUpdateDto: one form for insert and update."""

    operation = fields.String()
    kit_inventory_id = Wrapped(fields.String(), data_key="kitInventoryID")
    revision_id = Wrapped(fields.String(), data_key="revisionID")
    descr = Wrapped(fields.String())
    is_active = _flag()
    allow_comp_addition = _flag()
    is_non_stock = _flag()
    stock_component_lines = fields.List(fields.Nested(StockSpecificationLineForm))
    non_stock_component_lines = fields.List(fields.Nested(NonStockSpecificationLineForm))
