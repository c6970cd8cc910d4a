"""Lists and single records, read from what Power Pick has imported (documented)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from worker.sandbox.itempath.calllog import COLUMNS as CALLS
from worker.sandbox.itempath.calllog import call_json
from worker.sandbox.itempath.filters import LISTS, Column, kept, split
from worker.sandbox.itempath.paging import count_answer, counts_only, ordered, paged
from worker.sandbox.itempath.records import INFOS, Kit, Line, Material, kit_json, line_json, material_json
from worker.sandbox.itempath.refusals import refused
from worker.sandbox.itempath.times import here
from worker.sandbox.wire import Answer, json_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from worker.sandbox.itempath.filters import Pairs, Row
    from worker.sandbox.itempath.installation import Installation
    from worker.sandbox.world import World


def _info(name: str) -> Callable[[Material], str]:
    """How a free text of a material is read."""
    return lambda material: material.texts.get(name, "")


KITS: Final[dict[str, Column[Kit]]] = {
    "id": Column("uuid", lambda kit: kit.id),
    "name": Column("text", lambda kit: kit.name),
    "target": Column("text", lambda kit: kit.target),
}
MATERIALS: Final[dict[str, Column[Material]]] = {
    "id": Column("uuid", lambda material: material.id),
    "name": Column("text", lambda material: material.name),
    "unitOfMeasure": Column("text", lambda material: material.unit),
    "currentQuantity": Column("number", lambda material: material.stock),
    "isBlocked": Column("number", lambda material: material.blocked),
    "creationDate": Column("date", lambda material: material.created),
} | {name: Column("text", _info(name)) for name in INFOS}


def line_columns(found: Installation) -> dict[str, Column[Line]]:
    """The fields of lines that may be filtered by."""
    return {
        "id": Column("uuid", lambda line: line.id),
        "hasStock": Column("number", found.power_pick.has_stock),
        "kitId": Column("uuid", lambda line: line.kit_id),
        "materialId": Column("uuid", lambda line: line.material_id),
        "number": Column("number", lambda line: line.number),
        "quantity": Column("number", lambda line: line.quantity),
    }


class Reads:
    """The reads of all installations. Every method raises `Refused` for what it can't understand."""

    def __init__(self, world: World) -> None:
        self._world = world

    def lines(self, found: Installation, asked: Pairs) -> Answer:
        """`GET /api/kit_lines`."""
        old = self._world.settings.itempath_old_lines
        return self._list(
            found,
            "kit_lines",
            found.power_pick.lines.values(),
            line_columns(found),
            asked,
            lambda line: line_json(line, found.power_pick, old=old),
        )

    def kits(self, found: Installation, asked: Pairs) -> Answer:
        """`GET /api/kits`: of all levels, with their lines."""

        def shown(kit: Kit) -> dict[str, Any]:
            return kit_json(kit, found.power_pick)

        return self._list(found, "kits", found.power_pick.kits.values(), KITS, asked, shown, lambda kit: kit.place)

    def materials(self, found: Installation, asked: Pairs) -> Answer:
        """`GET /api/materials`."""
        return self._list(found, "materials", found.power_pick.materials.values(), MATERIALS, asked, material_json)

    def calls(self, found: Installation, asked: Pairs) -> Answer:
        """`GET /api/calls`."""
        return self._list(found, "calls", found.log.calls, CALLS, asked, call_json)

    def line(self, found: Installation, line_id: str) -> Answer:
        """`GET /api/kit_lines/{id}`."""
        line = _one(found.power_pick.lines, line_id, "Kit line")
        return json_answer(200, {"kit_line": line_json(line, found.power_pick, old=self._world.settings.itempath_old_lines)})

    def kit(self, found: Installation, kit_id: str) -> Answer:
        """`GET /api/kits/{id}`."""
        return json_answer(200, {"kit": kit_json(_one(found.power_pick.kits, kit_id, "Kit"), found.power_pick)})

    def material(self, found: Installation, material_id: str) -> Answer:
        """`GET /api/materials/{id}`."""
        return json_answer(200, {"material": material_json(_one(found.power_pick.materials, material_id, "Material"))})

    def _list(
        self,
        found: Installation,
        name: str,
        rows: Iterable[Row],
        columns: Mapping[str, Column[Row]],
        asked: Pairs,
        shown: Callable[[Row], dict[str, Any]],
        place: Callable[[Row], Any] = lambda _row: 0,
    ) -> Answer:
        """Rows filtered, ordered and cut to a page; or their number. `place`: their order when none is asked for."""
        settings, faults = self._world.settings, self._world.faults
        lists = faults.active and any(key in columns and split(value)[0] in LISTS for key, value in asked)
        if lists and faults.hits("or-unsupported", found.settings.name, 0):
            raise refused("Invalid filter operator")
        chosen = kept(rows, columns, asked, here(self._world))
        if counts_only(asked):
            return json_answer(200, count_answer(name, len(chosen), settings.itempath_count))
        page = paged(ordered(sorted(chosen, key=place), columns, asked), asked, settings)
        return json_answer(200, {name: [shown(row) for row in page]})


def _one(rows: Mapping[str, Row], row_id: str, kind: str) -> Row:
    """The record with this id, or a refusal with 404."""
    row = rows.get(row_id)
    if row is None:
        raise refused(f"{kind} not found", 404)
    return row
