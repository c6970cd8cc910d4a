"""Writes as they are accepted: looked at, handed over for import, answered as if they had been imported already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from worker.sandbox.itempath.forms import KIT, LINE, MATERIAL, read_form, read_members
from worker.sandbox.itempath.imports import CreateLine, DeleteLine, UpdateLine
from worker.sandbox.itempath.powerpick import next_number
from worker.sandbox.itempath.records import Kit, Line, Material, kit_json, line_json, material_json, padded
from worker.sandbox.itempath.refusals import refused
from worker.sandbox.itempath.times import here
from worker.sandbox.wire import Answer, json_answer

if TYPE_CHECKING:
    from worker.sandbox.itempath.installation import Installation
    from worker.sandbox.settings import SandboxSettings
    from worker.sandbox.world import World

_MEMBERS = {"kitId": "kit_id", "materialId": "material_id", "number": "number", "quantity": "quantity", "target": "target"}


class Asked(NamedTuple):
    """A write: what its path names, its body, and what faults are decided by."""

    about: str
    body: bytes
    key: str
    nth: int


class Writes:
    """The writes of all installations. Every method raises `Refused` or hands over for import."""

    def __init__(self, world: World) -> None:
        self._world = world

    def create_line(self, found: Installation, asked: Asked) -> Answer:
        """`POST /api/kit_lines`. An unsent quantity is 1 (inferred), an unsent number the next one."""
        form = read_form(asked.body, LINE, ("kitId", "materialId"))
        settings, power_pick = self._world.settings, found.power_pick
        _check_ids(found, form, settings)
        kit_id, number = form["kitId"], form.get("number")
        lines = found.imports.expected(kit_id) if kit_id in power_pick.kits else []
        if number is not None:
            self._check_number(found, lines, number, None)
        taken = found.imports.all_expected() if settings.itempath_number_scope == "table" and number is None else lines
        quantity = form.get("quantity", 1.0)
        origin = (form["materialId"], number, quantity)
        line = Line(kit_id, form["materialId"], next_number(taken) if number is None else number, quantity, form.get("target"), origin)
        tally = found.counters.tally(kit_id)
        tally.created_twice += any(_is_again(line, number, other) for other in lines)
        found.imports.accept(CreateLine(line, numbered=number is not None), (kit_id,), key=asked.key, nth=asked.nth)
        return _line_answer(line, found)

    def update_line(self, found: Installation, asked: Asked) -> Answer:
        """`PUT /api/kit_lines/{id}`: only keys that are sent change (documented), also the kit and the material."""
        line = _line(found, asked.about)
        form = read_form(asked.body, LINE)
        _check_ids(found, form, self._world.settings)
        home = form.get("kitId", line.kit_id)
        number = form.get("number", line.number if home != line.kit_id else None)
        if number is not None and home in found.power_pick.kits:
            self._check_number(found, found.imports.expected(home), number, line.id)
        changes = {_MEMBERS[name]: value for name, value in form.items()}
        kits = tuple(dict.fromkeys((line.kit_id, home)))
        expected = next((each for each in found.imports.expected(line.kit_id) if each.id == line.id), line)
        found.imports.accept(UpdateLine(line.id, changes), kits, key=asked.key, nth=asked.nth)
        after = {name: changes.get(name, getattr(expected, name)) for name in _MEMBERS.values()}
        return _line_answer(Line(**after, id=line.id), found)

    def delete_line(self, found: Installation, asked: Asked) -> Answer:
        """`DELETE /api/kit_lines/{id}/delete`, or without the last part. A line that is not imported yet is missed."""
        line = _line(found, asked.about)
        found.imports.accept(DeleteLine(line.id), (line.kit_id,), key=asked.key, nth=asked.nth)
        return json_answer(200, {"deleted": "true"})

    def create_kit(self, found: Installation, asked: Asked) -> Answer:
        """`POST /api/kits` with a name and perhaps lines (inferred: the page's text was cut off)."""
        form = read_form(asked.body, KIT, ("name",))
        if form["name"] in found.power_pick.kits_by_name or form["name"] in found.imports.names(Kit):
            raise refused(f"Kit {form['name']} already exists")
        kit = Kit(form["name"], form.get("target", "Target"))
        for place, content in enumerate(form.get("lines", ()), 1):
            members = read_members(content, LINE, ("materialId",))
            _check_ids(found, {"materialId": members["materialId"]}, self._world.settings)
            line = Line(kit.id, members["materialId"], members.get("number", place), members.get("quantity", 1.0), members.get("target"))
            kit.lines[line.id] = line
        found.imports.accept(kit, (), key=asked.key, nth=asked.nth)
        return json_answer(200, {"kit": padded(kit_json(kit, found.power_pick))})

    def create_material(self, found: Installation, asked: Asked) -> Answer:
        """`POST /api/materials`; zeros for quantities (seen)."""
        form = read_form(asked.body, MATERIAL, ("name",))
        if form["name"] in found.power_pick.materials_by_name or form["name"] in found.imports.names(Material):
            raise refused(f"Material {form['name']} already exists")
        texts = {name: value for name, value in form.items() if name.startswith("Info") or name == "blockReason"}
        unit, codes, blocked = form.get("unitOfMeasure", ""), [str(code) for code in form.get("codes", ())], form.get("isBlocked", 0)
        material = Material(form["name"], unit, 0.0, here(self._world), codes, texts, blocked)
        found.imports.accept(material, (), key=asked.key, nth=asked.nth)
        return json_answer(200, {"material": material_json(material)})

    def _check_number(self, found: Installation, lines: list[Line], number: int, own: str | None) -> None:
        """A number that is taken is refused here, if so set."""
        settings = self._world.settings
        if settings.itempath_taken_number != "at-once":
            return
        others = found.imports.all_expected() if settings.itempath_number_scope == "table" else lines
        if any(line.number == number and line.id != own for line in others):
            raise refused(f"Number {number} is already used")


def _line(found: Installation, line_id: str) -> Line:
    """The line as it is imported."""
    line = found.power_pick.lines.get(line_id)
    if line is None:
        raise refused("Kit line not found", 404)
    return line


def _check_ids(found: Installation, form: dict[str, Any], settings: SandboxSettings) -> None:
    """Ids that nothing has are refused here, if so set."""
    if settings.itempath_unknown_id != "at-once":
        return
    if "kitId" in form and form["kitId"] not in found.power_pick.kits:
        raise refused(f"Kit {form['kitId']} not found")
    if "materialId" in form and not found.power_pick.knows(form["materialId"]):
        raise refused(f"Material {form['materialId']} not found")


def _is_again(line: Line, number: int | None, other: Line) -> bool:
    """Whether a create makes a line a second time: the same material at a number that was sent, or the very same content as another's."""
    same_place = number is not None and (other.material_id, other.number) == (line.material_id, number)
    return same_place or other.origin == line.origin


def _line_answer(line: Line, found: Installation) -> Answer:
    """The line as printed: every value a text with blanks around it."""
    return json_answer(200, {"kit_line": padded(line_json(line, found.power_pick, old=False))})
