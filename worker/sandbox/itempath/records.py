"""What Power Pick keeps, and how ItemPath shows it: clean in lists, as padded texts in the answers to writes (seen)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from worker.sandbox.ids import make_id
from worker.sandbox.itempath.times import time_text

if TYPE_CHECKING:
    from worker.sandbox.itempath.powerpick import PowerPick

INFOS: Final = ("Info1", "Info2", "Info3", "Info4", "Info5")
_ZEROS: Final = (
    *("pickQuantity", "putQuantity", "expectedQuantity", "currentValue", "valuePerUnit", "weightPerUnit"),
    *("reOrderPoint", "canOrderPoint", "isCounted", "locationCount"),
)


def new_id() -> str:
    """An upper-case UUID."""
    return make_id().upper()


@dataclass(slots=True)
class Material:
    """Something in stock; `stock` pieces of it."""

    name: str
    unit: str = ""
    stock: float = 0.0
    created: float = 0.0
    codes: list[str] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    blocked: int = 0
    id: str = field(default_factory=new_id)


@dataclass(slots=True)
class Line:
    """A line of a kit. `origin`: what the create sent (material, number, quantity), until the line is changed; None for a person's."""

    kit_id: str
    material_id: str
    number: int
    quantity: float
    target: str | None = None
    origin: tuple[str, int | None, float] | None = None
    id: str = field(default_factory=new_id)

    @property
    def place(self) -> str:
        """Where it comes when nobody asks for an order: anywhere."""
        return self.id[::-1]


@dataclass(slots=True)
class Kit:
    """A kit; its lines by id."""

    name: str
    target: str = "Target"
    lines: dict[str, Line] = field(default_factory=dict)
    id: str = field(default_factory=new_id)

    @property
    def place(self) -> str:
        """As a line's."""
        return self.id[::-1]


def line_json(line: Line, power_pick: PowerPick, *, old: bool) -> dict[str, Any]:
    """A line in a list. `old`: as older installations have it."""
    shown: dict[str, Any] = {"hasStock": power_pick.has_stock(line), "id": line.id}
    if old:
        shown["materialName"] = power_pick.name_of(line.material_id)
    else:
        shown["kitId"] = line.kit_id
    return {**shown, "materialId": line.material_id, "number": line.number, "quantity": line.quantity}


def kit_json(kit: Kit, power_pick: PowerPick) -> dict[str, Any]:
    """A kit with its lines, which do not name it again."""
    lines = sorted(kit.lines.values(), key=lambda line: line.place)
    return {
        "id": kit.id,
        "name": kit.name,
        "hasStock": int(all(power_pick.has_stock(line) for line in lines)),
        "target": kit.target,
        "lines": [
            {
                "id": line.id,
                "hasStock": power_pick.has_stock(line),
                "materialId": line.material_id,
                "number": line.number,
                "quantity": line.quantity,
            }
            for line in lines
        ],
    }


def material_json(material: Material) -> dict[str, Any]:
    """A material."""
    return {
        "id": material.id,
        "name": material.name,
        "codes": material.codes,
        "unitOfMeasure": material.unit,
        **{name: material.texts.get(name, "") for name in INFOS},
        "isBlocked": material.blocked,
        "blockReason": material.texts.get("blockReason", ""),
        "currentQuantity": material.stock,
        "netQuantity": material.stock,
        **dict.fromkeys(_ZEROS, 0),
        "materialPropertyId": None,
        "creationDate": time_text(material.created),
    }


def padded(value: Any) -> Any:  # noqa: ANN401 - JSON in, JSON out
    """The same with every single value as a text with a blank on either side (seen: `" 2.0 "`)."""
    if isinstance(value, dict):
        return {name: padded(each) for name, each in value.items()}
    if isinstance(value, list):
        return [padded(each) for each in value]
    return f" {value} "
