"""From an order to the one form that holds all of it. Pure.

What is not named stays as it is; so a line to change carries its number and what is new, nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from worker.clients.visma.specification_schemas import WRITTEN_AS
from worker.kits.model import CreateLine, UpdateLine
from worker.sync.system import Sent
from worker.sync.visma_reading import NON_STOCK, OWN, STOCK, place_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Literal

    from worker.kits.model import Item, RemoteKit, Write

    Fields = dict[str, Any]

FIRST_REVISION: Final = "1"
"""What a kit's first revision is called, where none is named."""

LISTS: Final = {STOCK: "stock_component_lines", NON_STOCK: "non_stock_component_lines"}
_STOCK_ONLY: Final = ("disassembly_coeff", "allow_component_substitution")


def changes(writes: Sequence[Write], items: Mapping[str, Item]) -> Fields:
    """The lines of a form that makes all these writes at once."""
    form: Fields = {}
    for write in writes:
        kind, fields = _line(write, items)
        form.setdefault(LISTS[kind], []).append(fields)
    return form


def specification(kit: RemoteKit, writes: Sequence[Write], items: Mapping[str, Item]) -> Fields:
    """A form that makes the kit with these lines."""
    revision = kit.revision or FIRST_REVISION
    return {"kit_inventory_id": kit.code, "revision_id": revision, "is_active": True, **changes(writes, items)}


def sent(write: Write, outcome: Literal["accepted", "refused", "unclear", "unsent"], at: float) -> Sent:
    """What a job remembers of the write."""
    if isinstance(write, CreateLine):
        return Sent("create", write.line.component, outcome, at, quantity=str(write.line.quantity))
    if isinstance(write, UpdateLine):
        quantity = None if write.quantity is None else str(write.quantity)
        return Sent("update", write.remote.line.component, outcome, at, line=write.remote.id, quantity=quantity)
    return Sent("delete", write.remote.line.component, outcome, at, line=write.remote.id)


def _line(write: Write, items: Mapping[str, Item]) -> tuple[str, Fields]:
    if isinstance(write, CreateLine):
        return _new_line(write, items.get(write.line.component))
    kind, number = place_of(write.remote.id)
    if not isinstance(write, UpdateLine):
        return kind, {"operation": "Delete", "line_nbr": number}
    fields: Fields = {"operation": "Update", "line_nbr": number}
    if write.quantity is not None:
        fields["dflt_comp_qty"] = write.quantity
    return kind, fields | _own(kind, write.extras)


def _new_line(write: CreateLine, item: Item | None) -> tuple[str, Fields]:
    """Its unit is named only where Visma's own word for it is known; else Visma takes the item's base unit (inferred)."""
    line = write.line
    kind = STOCK if line.stocked and (item is None or item.stocked) else NON_STOCK
    fields: Fields = {"operation": "Insert", "comp_inventory_id": item.id if item else line.component, "dflt_comp_qty": line.quantity}
    if item is not None and item.unit:
        fields["uom"] = item.unit
    return kind, fields | _own(kind, line.extras)


def _own(kind: str, extras: Mapping[str, Any]) -> Fields:
    """Of a line's extras those that are Visma's, by their names for writing."""
    names = [name for name in OWN if name in extras and (kind == STOCK or name not in _STOCK_ONLY)]
    return {WRITTEN_AS.get(name, name): extras[name] for name in names}
