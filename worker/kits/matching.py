"""Which line of a target is which line of the source: by component; lines of one component in passes, the most alike first."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from worker.errors import Fault, KitFault
from worker.kits.quantities import quantised
from worker.kits.ranks import in_order, ranked
from worker.kits.units import normal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
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


class _Wanted(NamedTuple):
    line: Line
    quantity: Decimal
    seat: int


class _There(NamedTuple):
    remote: RemoteLine
    quantity: Decimal
    seat: int
    place: int


_Group = tuple[list[_Wanted], list[_There]]
_Found = tuple[_Wanted, _There]
_Test = tuple[bool, bool]  # same quantity, same seat

_PASSES: Final[tuple[_Test, ...]] = ((True, True), (True, False), (False, True), (False, False))
"""Equal quantities go before equal seats: a mere change of order is never written as quantities, and a line that was written once is
found again as what it was written for, so that a plan that stopped half-way can be made anew without going round in rings."""


def match(wanted: Recipe, have: RemoteKit, *, places: int, same: Callable[[str], str]) -> Matched:
    """Match the lines. Units must agree where both are shown; a component that differs in its unit alone is a `KitFault`."""
    groups = _groups(wanted, have, places, same)
    pairs: list[Pair] = []
    for mine, theirs in groups:
        found: list[_Found] = []
        for test in _PASSES:
            found += _pass(mine, theirs, test)
        pairs += _uncrossed(found)
    _check_units(groups)
    left_there = sorted((each for _, theirs in groups for each in theirs), key=lambda each: each.place)
    return Matched(
        tuple(sorted(pairs, key=lambda pair: pair.line.rank)),
        tuple(sorted((each.line for mine, _ in groups for each in mine), key=lambda line: line.rank)),
        tuple(each.remote for each in left_there),
    )


def _groups(wanted: Recipe, have: RemoteKit, places: int, same: Callable[[str], str]) -> list[_Group]:
    """The lines of each component on both sides. A seat is a place among the lines whose component both sides have."""
    groups: defaultdict[str, _Group] = defaultdict(lambda: ([], []))
    mine, theirs = ranked(wanted.lines), in_order(have)
    shared = {same(line.component) for line in mine} & {same(remote.line.component) for remote in theirs}
    seat = 0
    for line in mine:
        key = same(line.component)
        seat += key in shared
        groups[key][0].append(_Wanted(line, quantised(line.quantity, places), seat))
    seat = 0
    for place, remote in enumerate(theirs, start=1):
        key = same(remote.line.component)
        seat += key in shared
        groups[key][1].append(_There(remote, quantised(remote.line.quantity, places), seat, place))
    return list(groups.values())


def _pass(mine: list[_Wanted], theirs: list[_There], test: _Test) -> list[_Found]:
    """Pair what passes the test, first with first, and take it from both lists."""
    found = []
    left = []
    for one in mine:
        other = next((each for each in theirs if _passes(one, each, test)), None)
        if other is None:
            left.append(one)
            continue
        theirs.remove(other)
        found.append((one, other))
    mine[:] = left
    return found


def _passes(one: _Wanted, other: _There, test: _Test) -> bool:
    by_quantity, by_seat = test
    if (by_quantity and one.quantity != other.quantity) or (by_seat and one.seat != other.seat):
        return False
    mine, there = normal(one.line.unit), normal(other.remote.line.unit)
    return mine is None or there is None or mine == there


def _uncrossed(found: Sequence[_Found]) -> list[Pair]:
    """Of lines that say the same, the first is the first: else lines that stand well would be said to move past each other."""
    alike: defaultdict[object, list[_Found]] = defaultdict(list)
    for one, other in found:
        key = (one.quantity, other.quantity, normal(one.line.unit), normal(other.remote.line.unit))
        alike[key].append((one, other))
    pairs = []
    for each in alike.values():
        ones = sorted((one for one, _ in each), key=lambda one: one.line.rank)
        others = sorted((other for _, other in each), key=lambda other: other.place)
        pairs += [Pair(other.remote, one.line, other.place) for one, other in zip(ones, others, strict=True)]
    return pairs


def _check_units(groups: Iterable[_Group]) -> None:
    """To make a line anew would not change its unit there: the numbers can't be compared, so a person must say what they mean."""
    faults = tuple(
        Fault(
            mine[0].line.component,
            f"it counts in {mine[0].line.unit} here and in {theirs[0].remote.line.unit} there: no unit rule joins them",
        )
        for mine, theirs in groups
        if mine and theirs
    )
    if faults:
        raise KitFault("validation", faults)
