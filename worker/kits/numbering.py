"""Which numbers give a target's lines a wanted order, for each way in which systems number them. Ranks are relative: any rising numbers do.

`unique` (ItemPath: documented as unique; what a collision does is unknown): the most lines keep their numbers, the others take free
ones, each in the moment when it is free; only lines in a ring wait at a high free number first. So no two lines ever share a number, and
a line that is not in a ring is written once, not twice as when all moved out of the way first.

`pushing` (Intacct: documented that a taken number renumbers the other lines, not how): from the first line out of place on, each takes
the number after its predecessor's, rising, until the rest follows in order. Right for every way of renumbering that keeps the others'
order and moves none that stands before; for any other, the next reading shows what is left to do, and the part in place grows.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from worker.kits.model import CreateLine, UpdateLine
from worker.kits.ranks import longest_rising

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from decimal import Decimal

    from worker.kits.model import Line, RemoteLine, Write

ASIDE: Final = 1000
"""So far above all numbers in use lines wait that are in each other's way."""


@dataclass(frozen=True, slots=True)
class Step:
    """A line of the wanted order. No `remote`: it is to be created. `quantity`: the one to write, if it differs."""

    line: Line
    remote: RemoteLine | None = None
    quantity: Decimal | None = None

    @property
    def number(self) -> int | None:
        """Its number now."""
        return None if self.remote is None else self.remote.number

    def write(self, number: int | None = None) -> Write:
        """The write that makes it so."""
        if self.remote is None:
            return CreateLine(self.line, number)
        return UpdateLine(self.remote, self.quantity, number)


def without_numbers(steps: Sequence[Step]) -> list[Write]:
    """Updates, then creates; the target keeps and chooses numbers."""
    updates = [step.write() for step in steps if step.remote is not None and step.quantity is not None]
    return [*updates, *(step.write() for step in steps if step.remote is None)]


def pushing(steps: Sequence[Step], leaving: Sequence[RemoteLine]) -> list[Write]:
    """Quantities alone first, then the numbered writes, rising. `steps` in the wanted order; `leaving` are deleted after all."""
    numbers = [step.number for step in steps]
    start, end = _out_of_place(numbers)
    held = [number for number in (*numbers, *(remote.number for remote in leaving)) if number is not None]
    before = numbers[start - 1] if start else None
    first = min(held, default=1) if before is None else before + 1
    alone = [step for index, step in enumerate(steps) if not start <= index < end and step.quantity is not None]
    return [*(step.write() for step in alone), *(step.write(first + index) for index, step in enumerate(steps[start:end]))]


def _out_of_place(numbers: Sequence[int | None]) -> tuple[int, int]:
    """From which line on numbers are to be written, and before which to stop. All, where lines there share or lack numbers."""
    known = sorted(number for number in numbers if number is not None)
    start = next((index for index, number in enumerate(numbers) if number is None or number != known[index]), len(numbers))
    end = len(numbers)
    while end > start and numbers[end - 1] is not None and (end == len(numbers) or _rise(numbers[end - 1], numbers[end])):
        end -= 1
    return (start, end) if len(set(known)) == len(known) else (0, len(numbers))


def _rise(one: int | None, other: int | None) -> bool:
    return one is not None and other is not None and one < other


def unique(steps: Sequence[Step], leaving: Sequence[RemoteLine]) -> list[Write]:
    """Quantities alone first, then lines that move, then creates. `steps` in the wanted order; `leaving` hold their numbers to the end."""
    taken = sorted({remote.number for remote in leaving if remote.number is not None})
    finals = _finals([step.number for step in steps], taken)
    moves = {index: final for index, final in enumerate(finals) if steps[index].remote is not None and steps[index].number != final}
    alone = [step.write() for index, step in enumerate(steps) if step.quantity is not None and index not in moves]
    creates = [step.write(final) for step, final in zip(steps, finals, strict=True) if step.remote is None]
    aside = max([*finals, *taken, *(step.number or 0 for step in steps)], default=0) + ASIDE
    return [*alone, *_moves(steps, moves, aside), *creates]


def _finals(numbers: Sequence[int | None], taken: Sequence[int]) -> list[int]:
    """Rising numbers, none of them taken, the most of them as they are. A number may stay where enough free ones are below it."""
    low = min([1, *(number for number in numbers if number is not None), *taken])
    closed = set(taken)
    room: dict[int, int] = {}
    for index, number in enumerate(numbers):
        if number is not None and number not in closed:
            room[index] = number - low - bisect_left(taken, number) - index
    may_stay = [index for index in room if room[index] >= 0]
    stay = {may_stay[each] for each in longest_rising([room[index] for index in may_stay])}
    finals: list[int] = []
    following = low
    for index, number in enumerate(numbers):
        final = number if number is not None and index in stay else _free(following, closed)
        finals.append(final)
        following = final + 1
    return finals


def _free(number: int, taken: Collection[int]) -> int:
    while number in taken:
        number += 1
    return number


def _moves(steps: Sequence[Step], moves: Mapping[int, int], aside: int) -> list[Write]:
    """Each move when its number is free. Where all that are left wait for each other, one steps aside, and none twice."""
    held = Counter(steps[index].number for index in moves)
    waiting = {final: index for index, final in moves.items()}
    ready = deque(index for index, final in moves.items() if not held[final])
    in_the_way = iter(moves)
    standing = dict.fromkeys(moves)  # those that still hold their old number
    left = len(moves)
    writes: list[Write] = []
    while left:
        if ready:
            index = ready.popleft()
            writes.append(steps[index].write(moves[index]))
            left -= 1
        else:
            index = next(each for each in in_the_way if each in standing and steps[each].number is not None)
            writes.append(replace(steps[index], quantity=None).write(aside))
            aside += 1
        if index not in standing:
            continue
        del standing[index]
        number = steps[index].number
        held[number] -= 1
        if number is not None and number in waiting and not held[number]:
            ready.append(waiting[number])
    return writes
