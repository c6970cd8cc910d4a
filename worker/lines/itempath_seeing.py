"""Whether ItemPath shows what a kit-line job asked for: the only thing that counts as done.

Names are resolved once: what was found is kept in the job's progress, so that later looks cost one call and a rename does no harm.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from worker.clients.itempath.filters import KitLineFilter
from worker.clients.itempath.identities import BOTH, item_of_kit, item_of_material
from worker.clients.itempath.records import Kit, KitLine, key_of
from worker.errors import Fault, KitFault, Missing
from worker.kinds.fields import decimal_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from worker.clients.itempath.client import ItemPathClient
    from worker.clients.itempath.finding import Finder
    from worker.jobs.model import Job
    from worker.kits.model import Item

CLOSE: Final = Decimal("0.000001")
"""ItemPath's quantities are floats: two closer than this are one."""

_UUID: Final = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Sight:
    """What a look showed: the line that the job means, whether it is as asked, and what is not."""

    kit_id: str
    material_id: str
    line: KitLine | None
    done: bool
    missing: str

    def kept(self) -> dict[str, str | None]:
        """For the job's progress."""
        return {"kit_id": self.kit_id or None, "material_id": self.material_id or None, "line": self.line.id if self.line else None}

    def result(self) -> dict[str, Any]:
        """The line for the job's result."""
        named: dict[str, Any] = {"kit_id": self.kit_id, "material_id": self.material_id}
        if self.line is None:
            return named
        quantity = self.line.quantity
        return {**named, "id": self.line.id, "number": self.line.number, "quantity": f"{quantity:f}" if quantity is not None else None}


class Eyes:
    """Looks for the lines of jobs. Every method raises `CallError`, and `KitFault` for what a person must put right."""

    def __init__(self, client: ItemPathClient, finder: Finder) -> None:
        self._client = client
        self._finder = finder

    def see(self, job: Job, operation: str) -> Sight:
        """How the job's line stands now."""
        asked = job.arguments
        if asked.get("id") is not None:
            return self._see_one(str(asked["id"]), asked, operation)
        kit = self._kit(job)
        material_id = job.progress.get("material_id") or self._material(str(asked["material"])).id
        same = tuple(line for line in self._lines(kit) if key_of(line.material_id or "") == key_of(material_id))
        if operation == "create":
            return _created(kit.id, material_id, same, asked)
        return _sight(kit.id, material_id, _chosen(same, job.progress.get("line")), asked, operation)

    def _see_one(self, line_id: str, asked: Mapping[str, Any], operation: str) -> Sight:
        try:
            line = self._client.get_kit_line(line_id)
        except Missing:
            return _sight("", "", None, asked, operation)
        return _sight(line.kit_id or "", line.material_id or "", line, asked, operation)

    def _kit(self, job: Job) -> Kit:
        name = str(job.arguments["kit"])
        known = job.progress.get("kit_id")
        if known or _UUID.fullmatch(name):
            found = self._finder.kits_with([known or name])
            if found:
                return next(iter(found.values()))
        kits = self._finder.kits_named([name]).get(name, [])
        if len(kits) != 1:
            raise _fault("kit", name, [each.name for each in kits])
        return kits[0]

    def _lines(self, kit: Kit) -> tuple[KitLine, ...]:
        return kit.lines if kit.lines is not None else tuple(self._client.kit_lines(KitLineFilter(kit_id=kit.id)))

    def _material(self, name: str) -> Item:
        """The material, or the kit, that is meant."""
        if _UUID.fullmatch(name) and (item := self._with_id(name)) is not None:
            return _fit(item)
        materials = self._finder.materials_named([name]).get(name, [])
        kits = self._finder.kits_named([name]).get(name, [])
        if materials and kits:
            raise KitFault("validation", (Fault("material", f"{name} {BOTH}"),))
        items = [*(item_of_material(each) for each in materials), *(item_of_kit(each) for each in kits)]
        if len(items) != 1:
            raise _fault("material", name, [each.code for each in items])
        return _fit(items[0])

    def _with_id(self, item_id: str) -> Item | None:
        if materials := self._finder.materials_with([item_id]):
            return item_of_material(next(iter(materials.values())))
        kits = self._finder.kits_with([item_id])
        return item_of_kit(next(iter(kits.values()))) if kits else None


def quantity_of(asked: Mapping[str, Any]) -> Decimal | None:
    """The quantity that was asked for, exact."""
    return decimal_of(asked.get("quantity"))


def _created(kit_id: str, material_id: str, same: tuple[KitLine, ...], asked: Mapping[str, Any]) -> Sight:
    line = next((each for each in same if not _unlike(each, asked)), None)
    missing = "no such line is in the kit" if not same else "the kit has the material, but not as asked"
    return Sight(kit_id, material_id, line, line is not None, missing)


def _sight(kit_id: str, material_id: str, line: KitLine | None, asked: Mapping[str, Any], operation: str) -> Sight:
    if operation == "delete":
        return Sight(kit_id, material_id, line, line is None, "there is no such line" if line is None else "the line is still there")
    if line is None:
        return Sight(kit_id, material_id, None, False, "there is no such line")  # noqa: FBT003 - a record's field
    unlike = _unlike(line, asked)
    return Sight(kit_id, material_id, line, not unlike, f"it does not show {', '.join(unlike)}")


def _chosen(same: Sequence[KitLine], known: str | None) -> KitLine | None:
    """The one line that is meant. Two, and none known from before, is for a person."""
    if known is not None:
        return next((line for line in same if key_of(line.id) == key_of(known)), None)
    if len(same) > 1:
        raise KitFault(
            "conflict", (Fault("material", f"several lines hold it: name one by its id: {', '.join(each.id for each in same)}"),)
        )
    return same[0] if same else None


def _unlike(line: KitLine, asked: Mapping[str, Any]) -> list[str]:
    """The fields that differ from what was asked. `target` counts only where it is shown: lists mostly leave it out (seen)."""
    quantity = quantity_of(asked)
    unlike = []
    if quantity is not None and (line.quantity is None or abs(line.quantity - quantity) > CLOSE):
        unlike.append("quantity")
    if asked.get("number") is not None and line.number != asked["number"]:
        unlike.append("number")
    if asked.get("target") is not None and line.target is not None and line.target != asked["target"]:
        unlike.append("target")
    return unlike


def _fit(item: Item) -> Item:
    if item.why_not is not None:
        raise KitFault("validation", (Fault("material", f"{item.code} {item.why_not}"),))
    return item


def _fault(place: str, name: str, found: Sequence[str]) -> KitFault:
    if found:
        return KitFault("conflict", (Fault(place, f"{name} can't be told apart in ItemPath: {', '.join(sorted(found))}"),))
    return KitFault("missing_reference", (Fault(place, f"there is no {name} in ItemPath"),))
