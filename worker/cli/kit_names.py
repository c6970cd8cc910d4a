"""Names of ItemPath's kits and materials for ids, and ids for names: its lines know ids alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from worker.cli.conditions import LISTS
from worker.cli.group import Failed
from worker.clients.itempath.filters import Condition
from worker.clients.itempath.records import key_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from worker.clients.itempath.finding import Finder
    from worker.clients.itempath.records import Kit, KitLine, Material

NAMED: Final = ("", "[not]", *LISTS)
"""Operators whose values may be names; the others look at ids as they are written."""

_UUID: Final = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Names:
    """What the tenant's ItemPath calls what."""

    finder: Finder

    def with_ids(self, conditions: Sequence[Condition], what: Literal["kit", "material"]) -> tuple[Condition, ...]:
        """The same conditions with ids for names. `what` a material names may be a kit, too. Raises `Failed` for names that are none."""
        wanted = [value for each in conditions if each.operator in NAMED for value in _values(each) if not _UUID.fullmatch(value)]
        found = self._found(list(dict.fromkeys(wanted)), what) if wanted else {}
        return tuple(_replaced(each, found) for each in conditions)

    def of_lines(self, lines: Iterable[KitLine]) -> dict[str, str]:
        """Names by id (`key_of`) of the kits that lines are in, and of what they hold."""
        ids = {key_of(each) for line in lines for each in (line.kit_id, line.material_id) if each}
        kits = self.finder.kits_with(ids)
        materials = self.finder.materials_with(ids - kits.keys())
        return {**{key: kit.name for key, kit in kits.items()}, **{key: material.name for key, material in materials.items()}}

    def _found(self, names: list[str], what: Literal["kit", "material"]) -> dict[str, str]:
        by_name: dict[str, list[Kit | Material]] = {name: list(records) for name, records in self.finder.kits_named(names).items()}
        if what == "material":
            for name, records in self.finder.materials_named(names).items():
                by_name[name] = [*by_name.get(name, []), *records]
        missing = [name for name in names if name not in by_name]
        several = [name for name, records in by_name.items() if len(records) > 1]
        if missing:
            raise Failed(f"there is no {what} {', '.join(map(repr, missing))} in ItemPath")
        if several:
            raise Failed(f"{', '.join(map(repr, several))} names several things in ItemPath: give the id")
        return {name: records[0].id for name, records in by_name.items()}


def _replaced(condition: Condition, found: Mapping[str, str]) -> Condition:
    return Condition(condition.operator, ";".join(found.get(value, value) for value in _values(condition)))


def _values(condition: Condition) -> list[str]:
    return condition.text.split(";") if condition.operator in LISTS else [condition.text]
