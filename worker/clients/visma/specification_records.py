"""A kit's definition as Visma shows it, as frozen records in snake case. What `worker.clients.visma.records` says of records holds here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from worker.clients.visma.records import Record

if TYPE_CHECKING:
    from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class NonStockSpecificationLine(Record):
    """A component that is not kept in stock. `component_qty` is for one kit, in `uom`."""

    line_nbr: int | None = None
    component_id: str | None = None
    component_qty: Decimal | None = None
    uom: str | None = None
    allow_component_qty_variance: bool | None = None
    min_component_qty: Decimal | None = None
    max_component_qty: Decimal | None = None
    description: str | None = None
    error_info: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StockSpecificationLine(NonStockSpecificationLine):
    """A component that is kept in stock."""

    disassembly_coeff: Decimal | None = None
    allow_component_substitution: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KitSpecification(Record):
    """One revision of what a kit consists of. Its name is `kit_inventory_id` with `revision`."""

    kit_inventory_id: str | None = None
    revision: str | None = None
    description: str | None = None
    is_active: bool | None = None
    allow_component_addition: bool | None = None
    is_non_stock: bool | None = None
    created_date_time: str | None = None
    last_modified_date_time: str | None = None
    stock_component_lines: tuple[StockSpecificationLine, ...] | None = None
    non_stock_component_lines: tuple[NonStockSpecificationLine, ...] | None = None
    timestamp: str | None = None
    error_info: str | None = None

    @property
    def whole(self) -> bool:
        """Whether its lines came along: a list may leave them out (nobody documents it)."""
        return self.stock_component_lines is not None or self.non_stock_component_lines is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class KitSpecificationPage(Record):
    """A page as Visma writes it."""

    page_number: int | None = None
    page_size: int | None = None
    total_count: int | None = None
    records: tuple[KitSpecification, ...] | None = None
