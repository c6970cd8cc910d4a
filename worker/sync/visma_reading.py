"""From what Visma shows to a kit as we say it. Pure.

A specification's line says how much goes into one kit. An assembly's line says both: `componentQty` for one kit, `quantity` for the whole
document; only the first is a recipe (read from the names, seen in no sentence of Visma's).
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, TypeVar

from worker.errors import BadAnswer
from worker.kits.codes import normal
from worker.kits.model import Line, RemoteKit, RemoteLine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from worker.clients.visma.records import KitAssembly, NonStockLine
    from worker.clients.visma.specification_records import KitSpecification, NonStockSpecificationLine
    from worker.kits.model import ItemType

    Shown = NonStockSpecificationLine | NonStockLine

T = TypeVar("T")
STOCK: Final = "stock"
NON_STOCK: Final = "nonstock"
OWN: Final = (
    "allow_component_qty_variance",
    "min_component_qty",
    "max_component_qty",
    "disassembly_coeff",
    "allow_component_substitution",
)
"""What only Visma knows of a line, by read name: the extras of a line."""


def line_id(kind: str, number: int) -> str:
    """A line's name within its kit: Visma counts its two lists apart."""
    return f"{kind}:{number}"


def place_of(line: str) -> tuple[str, int]:
    """List and number of a line's name. Raises `ValueError`."""
    kind, _, number = line.partition(":")
    if kind not in (STOCK, NON_STOCK):
        raise ValueError(f"no line of Visma's: {line!r}")
    return kind, int(number)


def kit_of_specification(shown: KitSpecification, others: Iterable[str], is_kit: Callable[[str], bool]) -> RemoteKit:
    """The kit by its specification. `others`: further active revisions, which do not count. Raises `BadAnswer`."""
    code = _told(shown.kit_inventory_id, "kitInventoryID")
    lines = _lines(shown.stock_component_lines, shown.non_stock_component_lines, lambda line: getattr(line, "component_id", None), is_kit)
    facts: dict[str, Any] = {
        "kit": code,
        "revision": shown.revision or "",
        "other_revisions": list(others),
        "modified": shown.last_modified_date_time,
        "timestamp": shown.timestamp,
        "non_stock": shown.is_non_stock is True,
    }
    name = f"{code}/{shown.revision or ''}"
    return RemoteKit(name, normal(code), lines, shown.revision, active=shown.is_active is not False, facts=facts)


def kit_of_assembly(shown: KitAssembly, is_kit: Callable[[str], bool]) -> RemoteKit:
    """The kit by a document that built some. Lines that are the document's own (nothing for one kit) are none of the recipe's.

    `deviations` in its facts tell them, and lines of which the document used more or less than its recipe says.
    """
    code, name = _told(shown.item_id, "itemID"), f"{shown.type}/{shown.ref_no}"
    lists = [
        [line for line in found or () if line.component_qty] for found in (shown.stock_component_lines, shown.non_stock_component_lines)
    ]
    lines = _lines(lists[0], lists[1], lambda line: getattr(line, "item_id", None), is_kit)
    facts = {"assembly": name, "deviations": list(_deviations(shown)), "modified": shown.last_modified_date_time}
    return RemoteKit(name, normal(code), lines, shown.revision, facts=facts)


def _lines(
    stock: Iterable[Shown] | None, other: Iterable[Shown] | None, component: Callable[[Shown], str | None], is_kit: Callable[[str], bool]
) -> tuple[RemoteLine, ...]:
    """Both lists as one: what is kept in stock first, each by its numbers."""
    ordered = [(kind, line) for kind, found in ((STOCK, stock), (NON_STOCK, other)) for line in sorted(found or (), key=_number)]
    return tuple(_line(kind, line, rank, component, is_kit) for rank, (kind, line) in enumerate(ordered, 1))


def _line(kind: str, shown: Shown, rank: int, component: Callable[[Shown], str | None], is_kit: Callable[[str], bool]) -> RemoteLine:
    code = _told(component(shown), "componentID")
    number = _told(shown.line_nbr, "lineNbr")
    extras = {name: value for name in OWN if (value := getattr(shown, name, None)) is not None}
    type_: ItemType = "kit" if is_kit(code) else "item"
    quantity = Decimal(0) if shown.component_qty is None else shown.component_qty
    line = Line(normal(code), quantity, shown.uom or None, type_, stocked=kind == STOCK, rank=rank, extras=extras)
    return RemoteLine(line_id(kind, number), line, item_id=code, number=number)


def _deviations(shown: KitAssembly) -> Iterator[str]:
    kits = shown.quantity or Decimal(1)
    for line in (*(shown.stock_component_lines or ()), *(shown.non_stock_component_lines or ())):
        if not line.component_qty:
            yield f"{line.item_id}: only in this document"
        elif line.quantity is not None and line.quantity != line.component_qty * kits:
            yield f"{line.item_id}: {line.quantity.normalize():f} used, {(line.component_qty * kits).normalize():f} by its recipe"


def _number(shown: Shown) -> int:
    return shown.line_nbr or 0


def _told(value: T | None, name: str) -> T:
    if value is None:
        raise BadAnswer(f"a kit or a line without {name}")
    return value
