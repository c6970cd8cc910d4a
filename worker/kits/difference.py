"""What stands between a recipe and a target's kit, as data. What only one system knows of a line is never compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from worker.kits.matching import Pair, match
from worker.kits.quantities import plain, quantised
from worker.kits.ranks import longest_rising

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from decimal import Decimal

    from worker.kits.model import Line, Recipe, RemoteKit, RemoteLine


@dataclass(frozen=True, slots=True)
class Change:
    """A line to change: what is not None differs. `line` is as it should be, `rank` its place from 1; `was` its place there now."""

    remote: RemoteLine
    line: Line
    quantity: Decimal | None = None
    rank: int | None = None
    was: int = 0


class Row(NamedTuple):
    """One line of a table for people."""

    what: str
    component: str
    old: str
    new: str
    unit: str


@dataclass(frozen=True, slots=True)
class Difference:
    """Lines to create, change and delete. Ranks are places in the kit as it should be, 1 to n. `kept` are the lines that agree."""

    creates: tuple[Line, ...] = ()
    updates: tuple[Change, ...] = ()
    deletes: tuple[RemoteLine, ...] = ()
    kept: tuple[Pair, ...] = ()

    @property
    def same(self) -> int:
        """How many lines agree."""
        return len(self.kept)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write."""
        return not (self.creates or self.updates or self.deletes)

    @property
    def size(self) -> int:
        """How many lines are to be made, changed or dropped."""
        return len(self.creates) + len(self.updates) + len(self.deletes)

    def to_json(self) -> dict[str, Any]:
        """As JSON values: quantities are plain strings, before and after."""
        return {
            "create": [_line_json(line) | {"rank": line.rank} for line in self.creates],
            "update": [_change_json(change) for change in self.updates],
            "delete": [_line_json(remote.line) | {"line": remote.id} for remote in self.deletes],
            "same": self.same,
        }

    def rows(self) -> tuple[Row, ...]:
        """For a table: what is done, to which component, from what, to what, in which unit. A line that moves has a row for it."""
        rows = [Row("create", line.component, "", plain(line.quantity), line.unit or "") for line in self.creates]
        for change in self.updates:
            component, unit = change.line.component, change.line.unit or change.remote.line.unit or ""
            if change.quantity is not None:
                rows.append(Row("update", component, plain(change.remote.line.quantity), plain(change.quantity), unit))
            if change.rank is not None:
                rows.append(Row("update", component, f"place {change.was}", f"place {change.rank}", ""))
        deleted = (remote.line for remote in self.deletes)
        rows += [Row("delete", line.component, plain(line.quantity), "", line.unit or "") for line in deleted]
        return tuple(rows)


def difference(wanted: Recipe, have: RemoteKit, *, order: bool, places: int, same: Callable[[str], str]) -> Difference:
    """What to do so that `have` says what `wanted` says.

    Quantities are compared to `places` decimal places, each in its canonical unit. `order`: relative order counts, and the fewest lines
    that break it are said to move. Never ask for order of a system that numbers its lines by itself and never changes it: it can't
    follow. Raises `KitFault` where units differ.
    """
    matched = match(wanted, have, places=places, same=same)
    moved = _moved(matched.pairs) if order else set()
    changes: list[Change] = []
    kept: list[Pair] = []
    for index, pair in enumerate(matched.pairs):
        line = pair.line
        differs = quantised(line.quantity, places) != quantised(pair.remote.line.quantity, places)
        if not differs and index not in moved:
            kept.append(pair)
            continue
        quantity, rank = (line.quantity if differs else None), (line.rank if index in moved else None)
        changes.append(Change(pair.remote, line, quantity, rank, pair.was))
    return Difference(matched.only_wanted, tuple(changes), matched.only_there, tuple(kept))


def _moved(pairs: Sequence[Pair]) -> set[int]:
    return set(range(len(pairs))) - longest_rising([pair.was for pair in pairs])


def _line_json(line: Line) -> dict[str, Any]:
    return {"component": line.component, "quantity": plain(line.quantity), "unit": line.unit}


def _change_json(change: Change) -> dict[str, Any]:
    shown: dict[str, Any] = {"component": change.line.component, "line": change.remote.id, "unit": change.line.unit}
    if change.quantity is not None:
        shown["quantity"] = {"from": plain(change.remote.line.quantity), "to": plain(change.quantity)}
    if change.rank is not None:
        shown["rank"] = {"from": change.was, "to": change.rank}
    return shown
