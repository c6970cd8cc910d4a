"""Which line of a target is which line of the source: by component; lines of one component in passes, the most alike first."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from worker.errors import Fault, KitFault
from worker.kits.quantities import quantised
from worker.kits.ranks import in_order, ranked
from worker.kits.units import normal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from decimal import Decimal

    from worker.kits.model import Line, Recipe, RemoteKit, RemoteLine


@dataclass(frozen=True, slots=True)
class Pair:
    """A line as it should be, rank 1 to n, and as it stands in the target, at place `was`."""

    remote: RemoteLine
    line: Line
    was: int


@dataclass(frozen=True, slots=True)
class Matched:
    """Every line of both sides, once."""

    pairs: tuple[Pair, ...]
    only_wanted: tuple[Line, ...]
    only_there: tuple[RemoteLine, ...]


_Wanted = tuple["Line", "Decimal"]
_There = tuple[int, "RemoteLine", "Decimal"]
_Test = tuple[bool, bool]  # same quantity, same place

_PASSES: Final[tuple[_Test, ...]] = ((True, True), (False, True), (False, False))
_PASSES_WITHOUT_ORDER: Final[tuple[_Test, ...]] = ((True, True), (True, False), (False, True), (False, False))
"""Where places say nothing, equal quantities go first: else a mere change of order would be written as quantities."""


def match(wanted: Recipe, have: RemoteKit, *, order: bool, places: int, same: Callable[[str], str]) -> Matched:
    """Match the lines. Units must agree where both are shown; a component that differs in its unit alone is a `KitFault`."""
    groups: defaultdict[str, tuple[list[_Wanted], list[_There]]] = defaultdict(lambda: ([], []))
    for line in ranked(wanted.lines):
        groups[same(line.component)][0].append((line, quantised(line.quantity, places)))
    for place, remote in enumerate(in_order(have), start=1):
        groups[same(remote.line.component)][1].append((place, remote, quantised(remote.line.quantity, places)))
    pairs: list[Pair] = []
    for mine, theirs in groups.values():
        for test in _PASSES if order else _PASSES_WITHOUT_ORDER:
            pairs += _pass(mine, theirs, test)
    _check_units(groups.values())
    return Matched(
        tuple(sorted(pairs, key=lambda pair: pair.line.rank)),
        tuple(sorted((line for mine, _ in groups.values() for line, _ in mine), key=lambda line: line.rank)),
        tuple(remote for _, remote, _ in sorted((each for _, theirs in groups.values() for each in theirs), key=lambda each: each[0])),
    )


def _pass(mine: list[_Wanted], theirs: list[_There], test: _Test) -> list[Pair]:
    """Pair what passes the test, first with first, and take it from both lists."""
    by_quantity, by_place = test
    found = []
    left = []
    for line, quantity in mine:
        for index, (place, remote, quantity_there) in enumerate(theirs):
            alike = (not by_quantity or quantity == quantity_there) and (not by_place or line.rank == place)
            if alike and _same_unit(line, remote):
                found.append(Pair(remote, line, place))
                del theirs[index]
                break
        else:
            left.append((line, quantity))
    mine[:] = left
    return found


def _same_unit(line: Line, remote: RemoteLine) -> bool:
    mine, there = normal(line.unit), normal(remote.line.unit)
    return mine is None or there is None or mine == there


def _check_units(groups: Iterable[tuple[list[_Wanted], list[_There]]]) -> None:
    """To make a line anew would not change its unit there: the numbers can't be compared, so a person must say what they mean."""
    faults = tuple(
        Fault(mine[0][0].component, f"it counts in {mine[0][0].unit} here and in {theirs[0][1].line.unit} there: no unit rule joins them")
        for mine, theirs in groups
        if mine and theirs
    )
    if faults:
        raise KitFault("validation", faults)
