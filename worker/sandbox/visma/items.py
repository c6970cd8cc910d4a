"""The kits that exist at the start and what they are made of. Generated, the same in every company: `KIT-0001` and so on.

Each kit has three stock components and one non-stock component for labour (documented: labour-type components carry assembly cost).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

UNIT: Final = "STK"


@dataclass(frozen=True, slots=True)
class Component:
    """One line of a kit's specification: `quantity` for one kit, in `unit`."""

    item_id: str
    description: str
    quantity: float
    cost: float
    unit: str = UNIT


LABOUR: Final = Component("LABOUR", "Assembly labour", 0.5, 40.0, "HOUR")


@dataclass(frozen=True, slots=True)
class Item:
    """Something that is kept in stock, or not. Without components it is no kit. `unit`: its base unit."""

    item_id: str
    description: str
    stock: tuple[Component, ...] = ()
    non_stock: tuple[Component, ...] = ()
    unit: str = UNIT
    stocked: bool = True


def make_items(kits: int) -> dict[str, Item]:
    """All items by id: as many kits as asked, and their parts."""
    parts = [_part(number) for number in range(1, kits + 3)]
    items = {part.item_id: Item(part.item_id, part.description) for part in parts}
    items[LABOUR.item_id] = Item(LABOUR.item_id, LABOUR.description, unit=LABOUR.unit, stocked=False)
    for number in range(1, kits + 1):
        kit = Item(f"KIT-{number:04}", f"Kit {number}", tuple(parts[number - 1 : number + 2]), (LABOUR,))
        items[kit.item_id] = kit
    return items


def _part(number: int) -> Component:
    """A stock component with a quantity and a cost of its own."""
    return Component(f"PART-{number:04}", f"Part {number}", float(number % 3 + 1), 2.5 * (number % 7 + 1))
