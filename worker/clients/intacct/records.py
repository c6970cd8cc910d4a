"""What Intacct shows, as frozen records in snake case.

`extras` holds what we do not know, by dotted name; it does not count when records are compared.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - tools that read the records resolve their annotations
from dataclasses import dataclass, field
from decimal import Decimal  # noqa: TC003 - likewise
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

if TYPE_CHECKING:
    from worker.errors import CallError

T = TypeVar("T")
KITS: Final = ("kit", "stockableKit")
"""The item types that have components."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What a write answers. `href` is never called. `cached`: Intacct repeats what it stored for the Idempotency-Key, since this time."""

    key: str | None = None
    id: str | None = None
    href: str | None = None
    cached: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KitComponent:
    """One item in one kit. `id` is the key again. Item codes are `kit_id` and `component_id`; the unit is the component's own, as text."""

    key: str | None = None
    id: str | None = None
    kit_key: str | None = None
    kit_id: str | None = None
    component_key: str | None = None
    component_id: str | None = None
    component_name: str | None = None
    component_type: str | None = None
    cost_method: str | None = None
    standard_cost: Decimal | None = None
    unit_of_measure: str | None = None
    number_of_units: Decimal | None = None
    revenue_percentage: Decimal | None = None
    default_delivery_status: str | None = None
    default_deferral_status: str | None = None
    line_number: int | None = None
    created: str | None = None
    modified: str | None = None
    extras: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class IntacctItem:
    """An item; `id` is its business code."""

    key: str | None = None
    id: str | None = None
    name: str | None = None
    status: str | None = None
    item_type: str | None = None
    fulfillment: bool | None = None
    unit_of_measure: str | None = None
    base_unit: str | None = None
    standard_cost: Decimal | None = None
    posting: str | None = None
    extras: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """One page of answers. `next` is where the next one starts; None: this was the last. `total` counts all."""

    records: tuple[T, ...]
    total: int | None = None
    start: int | None = None
    size: int | None = None
    next: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome(Generic[T]):
    """What became of one record of a batch: what it answered, or its error. `status` is its own."""

    status: int
    value: T | None = None
    error: CallError | None = None
