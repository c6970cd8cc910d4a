"""Component lines and allocations: Insert, Update and Delete applied to the lines that are there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from worker.sandbox.visma.items import UNIT, Component
from worker.sandbox.visma.records import PLACE, non_stock_line, stock_line
from worker.sandbox.visma.refusals import refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from worker.sandbox.visma.forms import Form
    from worker.sandbox.visma.items import Item

Line: TypeAlias = "dict[str, Any]"
Maker: TypeAlias = "Callable[[int, Form], Line]"
_NOT_FIELDS: Final = frozenset({"operation", "lineNbr", "allocations"})


def changed_components(lines: list[Line], writes: list[Form], items: Mapping[str, Item], *, stock: bool) -> list[Line]:
    """The component lines after the writes. Raises `Refused` when an item or a line does not exist."""
    return _applied(lines, writes, lambda number, form: _new_component(number, form, items, stock=stock))


def changed_allocations(lines: list[Line], writes: list[Form]) -> list[Line]:
    """The allocations after the writes; the read form's location is an object (documented)."""
    return _applied(lines, [_with_place(write) for write in writes], _new_allocation)


def allocated_by_item(lines: list[Line], writes: list[Form]) -> list[Line]:
    """The old, deprecated way to allocate: each write goes to the first line of its item (inferred)."""
    changed = [dict(line) for line in lines]
    for write in writes:
        line = next((line for line in changed if line["itemId"] == write.get("itemId")), None)
        if line is None:
            raise refused(f"There is no component line with item '{write.get('itemId')}'.")
        line["allocations"] = changed_allocations(line["allocations"], [write])
    return changed


def scaled(lines: list[Line] | None, factor: float) -> list[Line] | None:
    """The lines of a document whose quantity has changed by a factor."""
    return None if lines is None else [{**line, "quantity": line["quantity"] * factor} for line in lines]


def _applied(lines: list[Line], writes: list[Form], make: Maker) -> list[Line]:
    """The lines after the writes, in order."""
    changed = [dict(line) for line in lines]
    for write in writes:
        fields = {name: value for name, value in write.items() if name not in _NOT_FIELDS}
        if write["operation"] == "Insert":
            line = make(max((line["lineNbr"] for line in changed), default=0) + 1, fields)
            changed.append(line)
        else:
            line = _find(changed, write.get("lineNbr"))
            line.update({name: value for name, value in fields.items() if name in line})
        if write["operation"] == "Delete":
            changed.remove(line)
        elif "allocations" in write:
            line["allocations"] = changed_allocations(line["allocations"], write["allocations"])
    return changed


def _find(lines: list[Line], number: object) -> Line:
    """The line with this number."""
    for line in lines:
        if line["lineNbr"] == number:
            return line
    raise refused(f"Line number '{number}' cannot be found.")


def _new_component(number: int, form: Form, items: Mapping[str, Item], *, stock: bool) -> Line:
    """A component line that no specification asked for."""
    item = items.get(form.get("itemId") or "")
    if item is None:
        raise refused(f"Inventory ID '{form.get('itemId')}' cannot be found in the system.")
    quantity = form.get("quantity") or 0.0
    part = Component(item.item_id, item.description, quantity, form.get("unitCost") or 0.0)
    line = (stock_line if stock else non_stock_line)(number, part, 1.0)
    return {**line, **{name: value for name, value in form.items() if name in line}, "quantity": quantity}


def _new_allocation(number: int, form: Form) -> Line:
    """An allocation in its read form, `INAllocationsDto`."""
    return {
        "lineNbr": number,
        "location": form.get("location") or _place(PLACE),
        "lotSerialNumber": form.get("lotSerialNumber"),
        "quantity": form.get("quantity") or 0.0,
        "uom": form.get("uom") or UNIT,
        "expirationDate": form.get("expirationDate"),
    }


def _with_place(write: Form) -> Form:
    """The write with its location as the read form shows it."""
    return {**write, "location": _place(write["location"])} if write.get("location") else write


def _place(location: str) -> dict[str, str]:
    """`LocationDescriptionDto`."""
    return {"countryId": "NO", "id": location, "name": f"Location {location}"}
