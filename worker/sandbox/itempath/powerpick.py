"""Power Pick's own tables: materials, kits and their lines as they are imported. Everything is in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker.sandbox.itempath.records import Kit, Line, Material


class PowerPick:
    """One installation's tables. Ids are upper case; a name may stand for a material and for a kit."""

    __slots__ = ("kits", "kits_by_name", "lines", "materials", "materials_by_name")

    def __init__(self) -> None:
        self.materials: dict[str, Material] = {}
        self.materials_by_name: dict[str, Material] = {}
        self.kits: dict[str, Kit] = {}
        self.kits_by_name: dict[str, Kit] = {}
        self.lines: dict[str, Line] = {}

    def add_material(self, material: Material) -> Material:
        """A new material; its name is free."""
        self.materials[material.id] = self.materials_by_name[material.name] = material
        return material

    def add_kit(self, kit: Kit) -> Kit:
        """A new kit with its lines; its name is free."""
        self.kits[kit.id] = self.kits_by_name[kit.name] = kit
        self.lines.update(kit.lines)
        return kit

    def rename_kit(self, kit: Kit, name: str) -> None:
        """The same kit under another name, which is free."""
        del self.kits_by_name[kit.name]
        kit.name = name
        self.kits_by_name[name] = kit

    def remove_kit(self, kit: Kit) -> None:
        """The kit and its lines are gone."""
        for line in kit.lines:
            del self.lines[line]
        del self.kits[kit.id], self.kits_by_name[kit.name]

    def add_line(self, line: Line) -> None:
        """A new line of a kit that there is."""
        self.lines[line.id] = self.kits[line.kit_id].lines[line.id] = line

    def remove_line(self, line: Line) -> None:
        """The line is gone."""
        del self.lines[line.id], self.kits[line.kit_id].lines[line.id]

    def move_line(self, line: Line, kit_id: str) -> None:
        """The line belongs to another kit."""
        del self.kits[line.kit_id].lines[line.id]
        line.kit_id = kit_id
        self.kits[kit_id].lines[line.id] = line

    def knows(self, material_id: str) -> bool:
        """Whether a material or a kit has this id."""
        return material_id in self.materials or material_id in self.kits

    def name_of(self, material_id: str) -> str:
        """The name of the material or kit; empty when there is none."""
        found = self.materials.get(material_id) or self.kits.get(material_id)
        return found.name if found is not None else ""

    def has_stock(self, line: Line) -> int:
        """1 when there is enough for one kit; inner kits always have enough."""
        material = self.materials.get(line.material_id)
        return int(material is None or material.stock >= line.quantity)


def next_number(lines: Iterable[Line]) -> int:
    """The number that a line without one gets."""
    return max((line.number for line in lines), default=0) + 1
