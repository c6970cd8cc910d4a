"""The read forms: what GET answers with. Nothing is wrapped (documented)."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any, Final

from worker.sandbox.clock import naive_text
from worker.sandbox.visma.items import UNIT

if TYPE_CHECKING:
    from worker.sandbox.visma.documents import Document
    from worker.sandbox.visma.items import Component, Item

PLACE: Final = "1"
TEXTS: Final[dict[str, str | None]] = {
    "revision": "1",
    "reasonCode": None,
    "description": None,
    "warehouse": PLACE,
    "location": PLACE,
    "uoM": UNIT,
    "salesOrderLink": None,
}
"""The texts of a document to which nothing was written."""


def version_text(document: Document) -> str:
    """The record version, as in `AAAAAE0YIiI=` (documented); also the ETag of a single GET."""
    return b64encode(document.version.to_bytes(8, "big")).decode()


def record(document: Document, total: int, max_page: int) -> dict[str, Any]:
    """`KitAssemblyDto` without its lines: they are there only when asked for."""
    made = naive_text(document.created)
    texts = {**TEXTS, **document.texts} if document.texts else TEXTS
    return {
        "type": document.key[0],
        "refNo": document.key[2:],
        "status": document.status,
        "hold": document.status == "H",
        "date": texts.get("date") or f"{made[:10]}T00:00:00",
        "postPeriod": texts.get("postPeriod") or made[:4] + made[5:7],
        "itemID": document.item_id,
        "revision": texts["revision"],
        "reasonCode": texts["reasonCode"],
        "description": texts["description"],
        "warehouse": texts["warehouse"],
        "location": texts["location"],
        "uoM": texts["uoM"],
        "quantity": document.quantity,
        "createdDateTime": made,
        "lastModifiedDateTime": naive_text(document.modified),
        "salesOrderLink": texts["salesOrderLink"],
        "timestamp": version_text(document),
        "errorInfo": None,
        "metadata": {"totalCount": total, "maxPageSize": max_page},
    }


def stock_lines(document: Document, item: Item) -> list[dict[str, Any]]:
    """The stock components: those written, else those of the kit's specification."""
    if document.stock is not None:
        return document.stock
    return [stock_line(number, part, document.quantity) for number, part in enumerate(item.stock, 1)]


def non_stock_lines(document: Document, item: Item) -> list[dict[str, Any]]:
    """The non-stock components, likewise."""
    if document.non_stock is not None:
        return document.non_stock
    return [non_stock_line(number, part, document.quantity) for number, part in enumerate(item.non_stock, 1)]


def stock_line(number: int, part: Component, kits: float) -> dict[str, Any]:
    """`KitAssemblyStockComponentsDto` for a component of so many kits."""
    return {
        **non_stock_line(number, part, kits),
        "location": PLACE,
        "allowComponentSubstitution": True,
        "disassemblyCoeff": 1.0,
        "allocations": [],
    }


def non_stock_line(number: int, part: Component, kits: float) -> dict[str, Any]:
    """`KitAssemblyNonStockComponentDto` for a component of so many kits."""
    return {
        "lineNbr": number,
        "itemId": part.item_id,
        "description": part.description,
        "uoM": part.unit,
        "quantity": part.quantity * kits,
        "unitCost": part.cost,
        "reasonCode": None,
        "componentQty": part.quantity,
        "allowComponentQtyVariance": True,
        "minComponentQty": 0.0,
        "maxComponentQty": 0.0,
        "errorInfo": None,
        "metadata": None,
    }
