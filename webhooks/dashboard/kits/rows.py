"""The sides of a kit as the rows of one table: a row for each component, a cell for each system, differences marked. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from webhooks.dashboard.kits.comparing import Comparison
    from webhooks.dashboard.kits.sides import Line, Side

MOST_ROWS: Final = 400


@dataclass(frozen=True, slots=True)
class Entry:
    """A line in a cell, or the lack of one. `mark`: `missing`, `extra`, `changed`, `left_out`, or nothing; `text` is for people."""

    line: Line | None
    mark: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """What one system has of a component."""

    erp: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """A component in every system. `kit`: it is a kit itself."""

    component: str
    kit: bool
    cells: tuple[Cell, ...]
    differs: bool


def rows_of(sides: Sequence[Side], comparisons: Iterable[Comparison], same: Callable[[str], str]) -> list[Row]:
    """The source's components in its order, then what others have."""
    by_target = {each.target: each for each in comparisons}
    found: dict[str, str] = {}
    lines: dict[str, dict[str, list[Line]]] = {}
    for side in sides:
        for line in sorted(side.lines, key=lambda each: each.rank):
            found.setdefault(same(line.component), line.component)
            lines.setdefault(same(line.component), {}).setdefault(side.erp, []).append(line)
    for comparison in by_target.values():
        for create in comparison.creates:
            found.setdefault(same(create.component), create.component)
    return [_row(key, name, sides, lines.get(key, {}), by_target, same) for key, name in found.items()]


def _row(
    key: str,
    component: str,
    sides: Sequence[Side],
    lines: Mapping[str, Sequence[Line]],
    comparisons: Mapping[str, Comparison],
    same: Callable[[str], str],
) -> Row:
    cells = tuple(Cell(side.erp, _entries(key, lines.get(side.erp, ()), comparisons.get(side.erp), same)) for side in sides)
    differs = any(entry.mark not in {"", "left_out"} for cell in cells for entry in cell.entries)
    return Row(component, any(line.kit for each in lines.values() for line in each), cells, differs)


def _entries(key: str, lines: Sequence[Line], comparison: Comparison | None, same: Callable[[str], str]) -> tuple[Entry, ...]:
    if comparison is None:
        return tuple(Entry(line) for line in lines)
    entries = [_marked(line, comparison) for line in lines]
    missing = [each for each in comparison.creates if same(each.component) == key]
    entries += [Entry(None, "missing", f"{each.quantity} {each.unit}".strip()) for each in missing]
    if not entries and key in {same(each) for each in comparison.left_out}:
        entries.append(Entry(None, "left_out", "not kept in stock"))
    return tuple(entries)


def _marked(line: Line, comparison: Comparison) -> Entry:
    if any(each.line == line.id for each in comparison.deletes):
        return Entry(line, "extra")
    update = next((each for each in comparison.updates if each.line == line.id), None)
    if update is None:
        return Entry(line)
    unit = f" {line.base_unit}" if line.converted else ""
    told = [f"{update.quantity[0]} \u2192 {update.quantity[1]}{unit}"] if update.quantity else []
    told += [f"place {update.rank[0]} \u2192 {update.rank[1]}"] if update.rank else []
    return Entry(line, "changed", ", ".join(told))
