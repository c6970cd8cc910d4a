"""The forms Visma shows (its OpenAPI). Nothing is wrapped here.

Traps: `itemID` on the document but `itemId` on lines; `uoM` on documents and lines but `uom` on allocations; `location` is an object on
allocations and text elsewhere.
"""

from __future__ import annotations

from marshmallow import fields

from worker.clients.visma import records
from worker.clients.visma.fields import ReadSchema, Tuple, flag, number, read, text, whole


class MetadataSchema(ReadSchema):
    """MetadataDto."""

    record = records.Metadata
    total_count = whole()
    max_page_size = whole()


class LocationSchema(ReadSchema):
    """LocationDescriptionDto."""

    record = records.Location
    country_id = text()
    id = text()
    name = text()


class AllocationSchema(ReadSchema):
    """INAllocationsDto."""

    record = records.Allocation
    line_nbr = whole()
    location = read(LocationSchema)
    lot_serial_number = text()
    quantity = number()
    uom = text()
    expiration_date = text()


class NonStockLineSchema(ReadSchema):
    """KitAssemblyNonStockComponentDto."""

    record = records.NonStockLine
    line_nbr = whole()
    item_id = text()
    description = text()
    uom = text(data_key="uoM")
    quantity = number()
    unit_cost = number()
    reason_code = text()
    component_qty = number()
    allow_component_qty_variance = flag()
    min_component_qty = number()
    max_component_qty = number()
    error_info = text()
    metadata = read(MetadataSchema)


class StockLineSchema(NonStockLineSchema):
    """KitAssemblyStockComponentsDto."""

    record = records.StockLine
    location = text()
    allow_component_substitution = flag()
    disassembly_coeff = number()
    allocations = Tuple(fields.Nested(AllocationSchema), allow_none=True)


class KitAssemblySchema(ReadSchema):
    """KitAssemblyDto."""

    record = records.KitAssembly
    type = text()
    ref_no = text()
    status = text()
    hold = flag()
    date = text()
    post_period = text()
    item_id = text(data_key="itemID")
    revision = text()
    reason_code = text()
    description = text()
    warehouse = text()
    location = text()
    uom = text(data_key="uoM")
    quantity = number()
    created_date_time = text()
    last_modified_date_time = text()
    sales_order_link = text()
    stock_component_lines = Tuple(fields.Nested(StockLineSchema), allow_none=True)
    non_stock_component_lines = Tuple(fields.Nested(NonStockLineSchema), allow_none=True)
    kit_allocations = Tuple(fields.Nested(AllocationSchema), allow_none=True)
    timestamp = text()
    error_info = text()
    metadata = read(MetadataSchema)


class KitAssemblyPageSchema(ReadSchema):
    """BasePaginationDtoOfKitAssemblyDto."""

    record = records.KitAssemblyPage
    page_number = whole()
    page_size = whole()
    total_count = whole()
    records = Tuple(fields.Nested(KitAssemblySchema), allow_none=True)


class AcceptedSchema(ReadSchema):
    """BackgroundApiAcceptedDto."""

    record = records.AcceptedForm
    id = text()
    state_location = text()


class BackgroundStateSchema(ReadSchema):
    """BackgroundRequestStateDto. Its `responseHeaders` may be null (captured)."""

    record = records.BackgroundState
    id = text()
    status = text()
    status_code = whole()
    received_utc = text()
    started_utc = text()
    finished_utc = text()
    webhook_address = text()
    error_message = text()
    reference = text()
    original_uri = text()
    has_response_content = flag()
    has_request_content = flag()
    content_location = text()
    response_headers = fields.Dict(keys=fields.String(), allow_none=True)


class ReleaseResultSchema(ReadSchema):
    """ReleaseInventoryDocumentActionResultDto: what sibling documents answer; a kit's release may answer it too (inferred)."""

    record = records.ReleaseResult
    action_id = text()
    action_result = text()
    error_info = text()
