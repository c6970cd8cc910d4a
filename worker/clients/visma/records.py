"""What Visma shows, as frozen records in snake case.

Times stay the text that Visma wrote; `parse_time` in the module `times` reads it. `extras` holds fields that we do not know, under Visma's
names; `nulls` names the known fields that Visma wrote as null, so that a record can be written again as it was read. Neither counts when
records are compared.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

R = TypeVar("R")
FINISHED: Final = "Finished"
FAILED: Final = "Failed"
GOOD: Final = range(200, 300)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What every record carries besides its fields."""

    extras: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    nulls: frozenset[str] = field(default=frozenset(), repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata(Record):
    """Paging facts inside each record and line."""

    total_count: int | None = None
    max_page_size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Location(Record):
    """Where an allocation lies; everywhere else a location is plain text."""

    country_id: str | None = None
    id: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation(Record):
    """A part of a quantity at a location, of a lot or serial number."""

    line_nbr: int | None = None
    location: Location | None = None
    lot_serial_number: str | None = None
    quantity: Decimal | None = None
    uom: str | None = None
    expiration_date: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NonStockLine(Record):
    """A component that is not kept in stock."""

    line_nbr: int | None = None
    item_id: str | None = None
    description: str | None = None
    uom: str | None = None
    quantity: Decimal | None = None
    unit_cost: Decimal | None = None
    reason_code: str | None = None
    component_qty: Decimal | None = None
    allow_component_qty_variance: bool | None = None
    min_component_qty: Decimal | None = None
    max_component_qty: Decimal | None = None
    error_info: str | None = None
    metadata: Metadata | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StockLine(NonStockLine):
    """A component that is kept in stock."""

    location: str | None = None
    allow_component_substitution: bool | None = None
    disassembly_coeff: Decimal | None = None
    allocations: tuple[Allocation, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KitAssembly(Record):
    """A document. `type` P (production) or D (disassembly); `status` H (on hold), B (balanced) or R (released)."""

    type: str | None = None
    ref_no: str | None = None
    status: str | None = None
    hold: bool | None = None
    date: str | None = None
    post_period: str | None = None
    item_id: str | None = None
    revision: str | None = None
    reason_code: str | None = None
    description: str | None = None
    warehouse: str | None = None
    location: str | None = None
    uom: str | None = None
    quantity: Decimal | None = None
    created_date_time: str | None = None
    last_modified_date_time: str | None = None
    sales_order_link: str | None = None
    stock_component_lines: tuple[StockLine, ...] | None = None
    non_stock_component_lines: tuple[NonStockLine, ...] | None = None
    kit_allocations: tuple[Allocation, ...] | None = None
    timestamp: str | None = None
    error_info: str | None = None
    metadata: Metadata | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KitAssemblyStatus:
    """What a list tells about a document, without its lines. Times are Visma's text."""

    type: str
    ref_no: str
    status: str
    last_modified: str | None = None
    created: str | None = None
    description: str | None = None
    item_id: str | None = None
    quantity: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KitAssemblyPage(Record):
    """A page as Visma writes it."""

    page_number: int | None = None
    page_size: int | None = None
    total_count: int | None = None
    records: tuple[KitAssembly, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[R]):
    """One page of a list. `received` counts the records Visma sent; `dropped` those that the filter should have kept out and did not."""

    records: tuple[R, ...]
    page_number: int | None = None
    page_size: int | None = None
    total_count: int | None = None
    received: int = 0
    dropped: int = 0
    last: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedForm(Record):
    """The body of a 202 as Visma writes it."""

    id: str | None = None
    state_location: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """Visma has queued the request. `state_location` may name another host: never follow it, ask by `id`."""

    id: str
    state_location: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BackgroundState(Record):
    """An operation of the background API. `status_code` is 0 until done, then the real call's HTTP status.

    `error_message` is about the background processing itself; the endpoint's own words are in the operation's content.
    `webhook_address` holds our own token in url mode.
    """

    id: str | None = None
    status: str | None = None
    status_code: int | None = None
    received_utc: str | None = None  # "Utc" in name only: a captured answer carried +01:00
    started_utc: str | None = None
    finished_utc: str | None = None
    webhook_address: str | None = field(default=None, repr=False)
    error_message: str | None = None
    reference: str | None = None
    original_uri: str | None = None
    has_response_content: bool | None = None
    has_request_content: bool | None = None
    content_location: str | None = None
    response_headers: Mapping[str, str] | None = None

    @property
    def done(self) -> bool:
        """Whether it has ended, in whatever way. Any status that Visma does not document counts as not ended."""
        return self.status in (FINISHED, FAILED)

    @property
    def succeeded(self) -> bool:
        """Whether it finished and the call inside answered 2xx: `Finished` alone is not success (captured with a 400 inside)."""
        return self.status == FINISHED and self.status_code in GOOD


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseResult(Record):
    """What a release answers: an untyped object. The three fields are those of sibling documents; the proof is status R on the document."""

    action_id: str | None = None
    action_result: str | None = None
    error_info: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """A document that exists now. Its names come from the Location header; None when Visma did not tell them."""

    type: str | None = None
    ref_no: str | None = None
