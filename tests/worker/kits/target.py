"""A target in memory: it takes writes as a system with its way of numbering would, and refuses what must not happen on the way."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from worker.kits.model import CreateLine, DeleteLine, Line, RemoteKit, RemoteLine

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from worker.kits.model import Write

Renumbers = Literal["never", "refuses", "all_above", "run", "swap", "places"]
"""What a taken number does: `never`: numbers can't be written; `refuses`; `all_above`: all from it on move up; `run`: those without a gap
between; `swap`: the other line takes the number left free; `places`: numbers are always 1 to n."""

SYSTEMS: dict[str, tuple[Renumbers, ...]] = {"own": ("never",), "unique": ("refuses",), "pushing": ("all_above", "run", "swap", "places")}


@dataclass
class Row:
    """A line in the target."""

    id: str
    line: Line
    number: int


class Target:
    """Holds the lines of one kit."""

    def __init__(self, kit: RemoteKit, renumbers: Renumbers) -> None:
        self.rows = [Row(each.id, each.line, each.number or 0) for each in kit.lines]
        self.was_empty = not self.rows
        self.writes = 0
        self._kit = kit
        self._renumbers = renumbers
        if renumbers == "places":
            self._close_gaps()

    def take(self, writes: Iterable[Write], most: int | None = None) -> Target:
        """Apply the writes, or the first few; no two lines ever share a number."""
        for write in list(writes)[:most]:
            self._one(write)
            self.writes += 1
            numbers = [row.number for row in self.rows]
            assert len(set(numbers)) == len(numbers)
            self.was_empty = self.was_empty or not self.rows
        return self

    def kit(self) -> RemoteKit:
        """The kit as it is read now."""
        rows = sorted(self.rows, key=lambda row: row.number)
        lines = tuple(
            RemoteLine(row.id, replace(row.line, rank=rank), f"item-{row.line.component}", row.number)
            for rank, row in enumerate(rows, start=1)
        )
        return replace(self._kit, lines=lines)

    def says(self) -> list[tuple[str, Decimal]]:
        """What a recipe of it would say, in order."""
        return [(each.line.component.upper(), each.line.quantity) for each in self.kit().lines]

    def _one(self, write: Write) -> None:
        if isinstance(write, CreateLine):
            highest = max((row.number for row in self.rows), default=0)
            row = Row(f"new-{self.writes}-{len(self.rows)}", write.line, highest + 1)
            self._number(row, write.number)
            self.rows.append(row)
        else:
            row = next(each for each in self.rows if each.id == write.remote.id)
            if isinstance(write, DeleteLine):
                self.rows.remove(row)
            else:
                assert write.quantity is not None or write.number is not None
                row.line = replace(row.line, quantity=write.quantity or row.line.quantity)
                self._number(row, write.number)
        if self._renumbers == "places":
            self._close_gaps()

    def _number(self, row: Row, number: int | None) -> None:
        if number is None:
            return
        assert self._renumbers != "never"
        others = {each.number: each for each in self.rows if each is not row}
        if self._renumbers == "places":
            self._insert(row, number)
            return
        if number in others:
            assert self._renumbers != "refuses"
            self._push(others, row, number)
        row.number = number

    def _push(self, others: dict[int, Row], row: Row, number: int) -> None:
        if self._renumbers == "swap":
            others[number].number = row.number
            return
        end = number
        while end in others:
            end += 1
        for each in others.values():
            if each.number >= number and (self._renumbers == "all_above" or each.number < end):
                each.number += 1

    def _insert(self, row: Row, place: int) -> None:
        ordered = sorted((each for each in self.rows if each is not row), key=lambda each: each.number)
        ordered.insert(place - 1, row)
        for number, each in enumerate(ordered, start=1):
            each.number = number

    def _close_gaps(self) -> None:
        for number, row in enumerate(sorted(self.rows, key=lambda row: row.number), start=1):
            row.number = number
