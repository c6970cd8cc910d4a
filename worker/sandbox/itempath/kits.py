"""Kits as people edit them in the warehouse's own screens: no call, no import, no effect counted."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from worker.sandbox.itempath.push import push, push_rename
from worker.sandbox.itempath.records import Kit, Line, Material
from worker.sandbox.itempath.times import here
from worker.sandbox.kits import quantity_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.sandbox.deliveries import Deliveries
    from worker.sandbox.itempath.installation import Installation
    from worker.sandbox.itempath.powerpick import PowerPick
    from worker.sandbox.world import World

LONGEST: Final = 50
PLENTY: Final = 1_000_000.0
"""The stock of materials that people made."""


class ItemPathKits:
    """The kits of all installations."""

    def __init__(self, world: World, installations: dict[str, Installation], deliveries: Deliveries) -> None:
        self._world = world
        self._installations = installations
        self._deliveries = deliveries

    def codes(self, company: str) -> list[str]:
        """The names of all kits."""
        return sorted(self._now(company).power_pick.kits_by_name)

    def kit(self, company: str, code: str) -> dict[str, Any] | None:
        """The kit as Power Pick has it, so without what is not imported yet."""
        power_pick = self._now(company).power_pick
        kit = power_pick.kits_by_name.get(code)
        if kit is None:
            return None
        lines = sorted(kit.lines.values(), key=lambda line: (line.number, line.id))
        return {"code": kit.name, "id": kit.id, "lines": [_told(line, power_pick) for line in lines]}

    def put(self, company: str, code: str, lines: Sequence[dict[str, Any]], *, announce: bool = False, **more: Any) -> None:  # noqa: ANN401 - the protocol's
        """The kit with these lines; `rename=` gives it another name. A line of the same component keeps its id.

        Only a new name is announced; `push_body=` is what Data Push sends for it, where the customer's mapping is not like ours.
        """
        if set(more) - {"rename", "push_body"}:
            raise ValueError(f"rename and push_body are known, not {', '.join(sorted(more))}")
        found, rename, push_body = self._now(company), more.get("rename"), more.get("push_body")
        power_pick = found.power_pick
        _check_names(code, rename, lines, power_pick)
        kit = power_pick.kits_by_name.get(code) or power_pick.add_kit(Kit(code))
        _replace(kit, [(line, self._component(power_pick, line)) for line in lines], power_pick)
        if rename is None or rename == kit.name:
            return
        power_pick.rename_kit(kit, rename)
        if announce and push_body is not None:
            push(self._world, self._deliveries, found, push_body)
        elif announce:
            push_rename(self._world, self._deliveries, found, kit, code)

    def remove(self, company: str, code: str) -> None:
        """The kit is gone. Lines of other kits that name it stay."""
        power_pick = self._now(company).power_pick
        kit = power_pick.kits_by_name.get(code)
        if kit is not None:
            power_pick.remove_kit(kit)

    def _now(self, company: str) -> Installation:
        """The installation with everything imported that is due. Raises `ValueError`."""
        if company not in self._installations:
            raise ValueError(f"unknown company: {company}")
        found = self._installations[company]
        found.imports.import_due()
        return found

    def _component(self, power_pick: PowerPick, line: dict[str, Any]) -> str:
        """The id of a line's kit or material; a material is made if there is none."""
        name, unit = line["component"], line.get("unit")
        kit = power_pick.kits_by_name.get(name)
        if kit is not None:
            return kit.id
        material = power_pick.materials_by_name.get(name)
        if material is None:
            material = power_pick.add_material(Material(name, stock=PLENTY, created=here(self._world)))
        material.unit = str(unit) if unit is not None else material.unit
        return material.id


def _told(line: Line, power_pick: PowerPick) -> dict[str, Any]:
    """One line for the owner."""
    material = power_pick.materials.get(line.material_id)
    return {
        "component": power_pick.name_of(line.material_id),
        "quantity": quantity_text(line.quantity),
        "number": line.number,
        **({"unit": material.unit} if material is not None and material.unit else {}),
        "id": line.id,
    }


def _replace(kit: Kit, wanted: list[tuple[dict[str, Any], str]], power_pick: PowerPick) -> None:
    """Make the kit's lines these, each taking over a line that has its component already."""
    left = sorted(kit.lines.values(), key=lambda line: line.number)
    for line, material_id in wanted:
        quantity, number = float(Decimal(line["quantity"])), line["number"]
        same = next((each for each in left if each.material_id == material_id), None)
        if same is None:
            power_pick.add_line(Line(kit.id, material_id, number, quantity, line.get("target")))
            continue
        left.remove(same)
        same.quantity, same.number, same.origin = quantity, number, None
        same.target = line.get("target", same.target)
    for line_left in left:
        power_pick.remove_line(line_left)


def _check_names(code: str, rename: str | None, lines: Sequence[dict[str, Any]], power_pick: PowerPick) -> None:
    """Names that Power Pick can hold (documented: 50 characters), and a new one that is free."""
    for name in (code, *((rename,) if rename is not None else ()), *(line["component"] for line in lines)):
        if not isinstance(name, str) or not name or len(name) > LONGEST:
            raise ValueError(f"{name!r}: a name of at most {LONGEST} characters is expected")
    if rename is not None and rename != code and rename in power_pick.kits_by_name:
        raise ValueError(f"there is a kit {rename!r} already")
