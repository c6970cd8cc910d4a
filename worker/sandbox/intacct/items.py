"""Items: what kits are, and what they are made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

ITEM_OBJECT: Final = "inventory-control/item"
KITS: Final = frozenset({"kit", "stockableKit"})
NON_INVENTORY: Final = frozenset({"nonInventory", "purchaseOnlyNonInventory", "salesOnlyNonInventory"})
ITEM_TYPES: Final = ("inventory", "nonInventory", "purchaseOnlyNonInventory", "salesOnlyNonInventory", "kit", "stockableKit")
MOST_ID: Final = 30
MOST_NAME: Final = 100


@dataclass(frozen=True, slots=True)
class Audit:
    """Who made a record and who changed it last, and when (seconds since 1970)."""

    created: float
    modified: float
    created_by: str
    modified_by: str


@dataclass(frozen=True, slots=True)
class Item:
    """One item. `key` is the system's, `id` the business code; `cost` in the company's currency for one `unit`."""

    key: str
    id: str
    name: str
    audit: Audit
    type: str = "inventory"
    unit: str = "Each"
    cost: Decimal = Decimal(0)
    cost_method: str | None = "standard"
    status: str = "active"
    fulfilment: bool = True
    posting: str | None = None

    @property
    def printing(self) -> str | None:
        """How a kit is printed: as everywhere by default (documented)."""
        return "individualComponents" if self.type in KITS else None

    @property
    def href(self) -> str:
        """Its path, as answers name it."""
        return f"/objects/{ITEM_OBJECT}/{self.key}"


def moment_text(at: float) -> str:
    """A moment as answers have it, as in `2026-01-15T10:20:53Z`."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def number(value: Decimal | int) -> int | float:
    """A number as JSON has it: without a fraction where there is none."""
    return int(value) if value == int(value) else float(value)


def user_reference(user: str) -> dict[str, str]:
    """A user as audits name it."""
    return {"key": user, "id": user, "href": f"/objects/company-config/user/{user}"}


def audit_record(audit: Audit) -> dict[str, Any]:
    """The audit part of a record."""
    return {
        "createdDateTime": moment_text(audit.created),
        "modifiedDateTime": moment_text(audit.modified),
        "createdByUser": user_reference(audit.created_by),
        "modifiedByUser": user_reference(audit.modified_by),
    }


def item_reference(item: Item) -> dict[str, str]:
    """Key, id and link."""
    return {"key": item.key, "id": item.id, "href": item.href}


def item_record(item: Item) -> dict[str, Any]:
    """The item itself, without its components."""
    return {
        "key": item.key,
        "id": item.id,
        "name": item.name,
        "status": item.status,
        "itemType": item.type,
        "costMethod": item.cost_method,
        "standardCost": str(item.cost),
        "unitOfMeasure": item.unit,
        "enableFulfillment": item.fulfilment,
        "kitRevenuePosting": item.posting,
        "kitRevenuePrinting": item.printing,
        "isEnabledForContracts": False,
        "audit": audit_record(item.audit),
        "href": item.href,
    }
