"""Writes between acceptance and Power Pick's import (documented: verified and updated asynchronously).

Nothing runs by itself: whoever looks first has imported what is due by then. Writes on one kit keep their order (inferred).
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING, Any

from worker.sandbox.itempath.powerpick import next_number
from worker.sandbox.itempath.records import Kit, Line, Material, new_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from worker.sandbox.counters import KitCounters
    from worker.sandbox.itempath.powerpick import PowerPick
    from worker.sandbox.world import World


@dataclass(frozen=True, slots=True)
class CreateLine:
    """A line to come. `numbered`: its number was sent, so another one will not do."""

    line: Line
    numbered: bool


@dataclass(frozen=True, slots=True)
class UpdateLine:
    """What changes of a line: members of `Line` by name."""

    line_id: str
    changes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class DeleteLine:
    """A line to go."""

    line_id: str


Write = CreateLine | UpdateLine | DeleteLine | Kit | Material


@dataclass(order=True, slots=True)
class Pending:
    """An accepted write: when it is imported, into which kits, and whether Power Pick will refuse it (the fault)."""

    due: float
    number: int
    write: Write = field(compare=False)
    kits: tuple[str, ...] = field(compare=False, default=())
    doomed: bool = field(compare=False, default=False)


class Imports:
    """What one installation has accepted and not imported yet."""

    def __init__(self, world: World, power_pick: PowerPick, counters: KitCounters) -> None:
        self._world = world
        self._power_pick = power_pick
        self._counters = counters
        self._next = count(1).__next__
        self._heap: list[Pending] = []
        self._last: dict[str, float] = {}
        self.imported = self.refused = 0
        self._by_kind: dict[type, Callable[[Any], bool]] = {
            CreateLine: self._create,
            UpdateLine: self._update,
            DeleteLine: self._delete,
            Kit: self._kit,
            Material: self._material,
        }

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._heap)

    def accept(self, write: Write, kits: tuple[str, ...], *, key: str, nth: int) -> None:
        """Take a write in: it is imported after the import's time, and after those before it on the same kits."""
        settings, faults = self._world.settings, self._world.faults
        wait = settings.import_ms / 1000 * (1 + settings.jitter * (2 * faults.part("import", key, nth) - 1))
        if faults.active and faults.hits("import-slow", key, nth):
            wait += settings.slow_import_seconds
        doomed = faults.active and faults.hits("import-refused", key, nth)
        due = max(self._world.clock.now() + wait, *(self._last.get(kit, 0.0) for kit in kits), 0.0)
        self._last.update(dict.fromkeys(kits, due))
        heapq.heappush(self._heap, Pending(due, self._next(), write, kits, doomed))

    def import_due(self) -> None:
        """Import what is due by now."""
        now = self._world.clock.now()
        while self._heap and self._heap[0].due <= now:
            pending = heapq.heappop(self._heap)
            if not pending.doomed and self._by_kind[type(pending.write)](pending.write):
                self.imported += 1
                continue
            self.refused += 1
            for kit in pending.kits:
                self._counters.tally(kit).refused += 1

    def expected(self, kit_id: str) -> list[Line]:
        """The lines of a kit as they will be when all that was accepted is imported; copies."""
        kit = self._power_pick.kits[kit_id]
        lines = {line.id: replace(line) for line in kit.lines.values()}
        for pending in sorted(pending for pending in self._heap if kit_id in pending.kits):
            _foresee(lines, kit_id, pending.write, self._power_pick.lines)
        return list(lines.values())

    def all_expected(self) -> list[Line]:
        """The same for all kits."""
        return [line for kit_id in self._power_pick.kits for line in self.expected(kit_id)]

    def names(self, kind: type[Kit | Material]) -> set[str]:
        """The names of kits or materials that wait."""
        return {pending.write.name for pending in self._heap if isinstance(pending.write, kind)}

    def _create(self, write: CreateLine) -> bool:
        line, power_pick = write.line, self._power_pick
        kit = power_pick.kits.get(line.kit_id)
        if kit is None or not power_pick.knows(line.material_id):
            return False
        if self._taken(line.number, line, kit):
            if write.numbered:
                return False
            line.number = next_number(power_pick.lines.values() if self._whole_table else kit.lines.values())
        if not self._world.settings.itempath_keeps_ids:
            line.id = new_id()
        power_pick.add_line(line)
        self._counters.tally(kit.id).creates += 1
        return True

    def _update(self, write: UpdateLine) -> bool:
        power_pick, changes = self._power_pick, dict(write.changes)
        line = power_pick.lines.get(write.line_id)
        kit = power_pick.kits.get(changes.pop("kit_id", line.kit_id if line is not None else ""))
        if line is None or kit is None or not power_pick.knows(changes.get("material_id", line.material_id)):
            return False
        numbered = "number" in changes or kit.id != line.kit_id
        if numbered and self._taken(changes.get("number", line.number), line, kit):
            return False
        if kit.id != line.kit_id:
            power_pick.move_line(line, kit.id)
        for name, value in changes.items():
            setattr(line, name, value)
        line.origin = None
        self._counters.tally(kit.id).updates += 1
        return True

    def _delete(self, write: DeleteLine) -> bool:
        line = self._power_pick.lines.get(write.line_id)
        if line is None:
            return False
        self._power_pick.remove_line(line)
        self._counters.tally(line.kit_id).deletes += 1
        return True

    def _kit(self, kit: Kit) -> bool:
        if kit.name in self._power_pick.kits_by_name:
            return False
        self._power_pick.add_kit(kit)
        self._counters.made["kits"] += 1
        return True

    def _material(self, material: Material) -> bool:
        if material.name in self._power_pick.materials_by_name:
            return False
        self._power_pick.add_material(material)
        self._counters.made["items"] += 1
        return True

    @property
    def _whole_table(self) -> bool:
        """Whether a number is taken when any line has it, not only one of the same kit."""
        return self._world.settings.itempath_number_scope == "table"

    def _taken(self, number: int, own: Line, kit: Kit) -> bool:
        """Whether another line has this number."""
        if self._world.settings.itempath_taken_number == "never":
            return False
        lines: Iterable[Line] = self._power_pick.lines.values() if self._whole_table else kit.lines.values()
        return any(line.number == number and line is not own for line in lines)


def _foresee(lines: dict[str, Line], kit_id: str, write: Write, known: dict[str, Line]) -> None:
    """What a write will make of a kit's lines."""
    if isinstance(write, CreateLine):
        lines[write.line.id] = replace(write.line)
    elif isinstance(write, DeleteLine):
        lines.pop(write.line_id, None)
    elif isinstance(write, UpdateLine):
        before = lines.get(write.line_id) or known.get(write.line_id)
        if before is None:
            return
        after = replace(before, **write.changes, origin=None)
        lines.pop(write.line_id, None)
        if after.kit_id == kit_id:
            lines[write.line_id] = after
