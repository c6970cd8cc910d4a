"""The lines of a kit specification: Insert, Update and Delete applied to those that are there, all or none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from worker.sandbox.visma.refusals import refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.sandbox.counters import KitTally
    from worker.sandbox.visma.forms import Form
    from worker.sandbox.visma.items import Item

Line: TypeAlias = "dict[str, Any]"
SHOWN_AS: Final = {
    "compInventoryID": "componentID",
    "dfltCompQty": "componentQty",
    "uom": "uom",
    "allowQtyVariation": "allowComponentQtyVariance",
    "minCompQty": "minComponentQty",
    "maxCompQty": "maxComponentQty",
    "disassemblyCoeff": "disassemblyCoeff",
    "allowSubstitution": "allowComponentSubstitution",
}
"""Written name → read name (seen)."""

_PLAIN: Final[Line] = {"allowComponentQtyVariance": False, "minComponentQty": 0.0, "maxComponentQty": 0.0}
_PLAIN_STOCK: Final[Line] = {**_PLAIN, "disassemblyCoeff": 1.0, "allowComponentSubstitution": False}


@dataclass(frozen=True, slots=True)
class Lines:
    """One of the two lists in its read form. `last`: the highest number ever given."""

    lines: tuple[Line, ...] = ()
    last: int = 0


def new_line(number: int, item: Item, quantity: float, unit: str, *, stocked: bool) -> Line:
    """`KitSpecificationStockComponentsDto`, or its shorter sister."""
    return {
        "lineNbr": number,
        "componentID": item.item_id,
        "componentQty": quantity,
        "uom": unit,
        **(_PLAIN_STOCK if stocked else _PLAIN),
        "description": item.description,
        "errorInfo": None,
    }


def changed_lines(lines: Lines, writes: list[Form], items: Mapping[str, Item], kit: str, tally: KitTally, *, stocked: bool) -> Lines:
    """The list after the writes; what took effect is counted in `tally`. Raises `Refused`, which names all unknown components."""
    _check_components(writes, items, kit, stocked=stocked)
    changed, last = [dict(line) for line in lines.lines], lines.last
    for write in writes:
        if write["operation"] == "Insert":
            item = items[write["compInventoryID"].strip()]
            tally.created_twice += any(line["componentID"] == item.item_id for line in changed)
            tally.creates += 1
            last += 1
            changed.append(_written(new_line(last, item, 0.0, item.unit, stocked=stocked), write, items))
            continue
        place = _find(changed, write.get("lineNbr"))
        if write["operation"] == "Delete":
            tally.deletes += 1
            del changed[place]
        else:
            tally.updates += 1
            changed[place] = _written(changed[place], write, items)
    return Lines(tuple(changed), last)


def _written(line: Line, write: Form, items: Mapping[str, Item]) -> Line:
    fields = {SHOWN_AS[name]: value for name, value in write.items() if name in SHOWN_AS and value is not None}
    written = {**line, **{name: value for name, value in fields.items() if name in line}}
    if written["componentQty"] <= 0:
        raise refused("'Component Qty.' must be greater than 0.")
    item = items[written["componentID"].strip()]
    return {**written, "componentID": item.item_id, "description": item.description}


def _check_components(writes: list[Form], items: Mapping[str, Item], kit: str, *, stocked: bool) -> None:
    given = [write for write in writes if write["operation"] == "Insert" or write.get("compInventoryID")]
    named = [(write.get("compInventoryID") or "").strip() for write in given if write["operation"] != "Delete"]
    if "" in named:
        raise refused("'Component ID' cannot be empty.")
    unknown = [code for code in named if code not in items]
    if unknown:
        raise refused(" ".join(f"Inventory ID '{code}' cannot be found in the system." for code in dict.fromkeys(unknown)))
    if kit in named:
        raise refused(f"Kit '{kit}' cannot be a component of itself.")
    wrong = [code for code in named if items[code].stocked is not stocked]
    if wrong:
        raise refused(f"Inventory ID '{wrong[0]}' is {'not ' if stocked else ''}a stock item.")


def _find(lines: list[Line], number: object) -> int:
    """Where the line with this number stands."""
    place = next((place for place, line in enumerate(lines) if line["lineNbr"] == number), None)
    if place is None:
        raise refused(f"Line number '{number}' cannot be found.")
    return place
