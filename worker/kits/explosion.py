"""A kit taken apart into what it consists of in the end, quantities multiplied along the way.

Each inner kit is taken apart once, however many ways lead to it, so the cost follows the lines and not the paths. Stockable kits keep
stock of their own and stay whole.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Optional

from worker.errors import Fault, KitFault
from worker.kits.nesting import ARROW, Nest, inner, inner_first
from worker.kits.quantities import plus, times
from worker.kits.ranks import ranked

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from decimal import Decimal

    from worker.kits.model import Line, Recipe

__all__ = ["DEPTH", "LEAVES", "PATHS", "Exploded", "Leaf", "explode", "inner", "inner_first"]

DEPTH: Final = 20
LEAVES: Final = 5000
PATHS: Final = 8
"""Ways to a leaf that are kept for the report; all are counted."""

_Key = tuple[str, str | None]
_Way = tuple[str, Optional["_Way"]]
"""A component and the rest of the way down: shared by all who come by it."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """What stays: its summed line, the first ways to it (codes from the kit down to the component), and how many there are."""

    line: Line
    paths: tuple[tuple[str, ...], ...]
    count: int


@dataclass(frozen=True, slots=True)
class Exploded:
    """A kit taken apart. `leaves` have ranks 1 to n, as have the lines of `taken`: the recipes taken apart, inner first, itself last."""

    code: str
    leaves: tuple[Leaf, ...]
    taken: tuple[Recipe, ...]

    @property
    def lines(self) -> tuple[Line, ...]:
        """The leaves as lines of one kit."""
        return tuple(leaf.line for leaf in self.leaves)


def explode(
    code: str,
    kits: Mapping[str, Recipe],
    keep: Collection[str],
    *,
    same: Callable[[str], str],
    depth: int = DEPTH,
    leaves: int = LEAVES,
) -> Exploded:
    """Take a kit apart; stockable kits and those in `keep` stay leaves. Lines of one component and unit are summed.

    Raises `KitFault`: a cycle, a missing recipe (all named), nested deeper than `depth` kits, more than `leaves` leaves.
    """
    nest = Nest(kits, same)
    whole = {same(each) for each in keep}

    def opens(line: Line) -> bool:
        return nest.type_of(line) == "kit" and same(line.component) not in whole

    taken = [replace(recipe, lines=ranked(recipe.lines)) for recipe in nest.post_order([code], opens)]
    _check_depth(taken, opens, same, depth)
    memo: dict[str, dict[_Key, _Sum]] = {}
    for recipe in taken:
        memo[same(recipe.code)] = _apart(recipe, memo, opens, same, leaves)
    found = memo[same(taken[-1].code)].values()
    return Exploded(taken[-1].code, tuple(each.leaf(code, rank) for rank, each in enumerate(found, start=1)), tuple(taken))


@dataclass(slots=True)
class _Sum:
    """A leaf in the making: the first line that names it, and what was found of it so far."""

    line: Line
    quantity: Decimal
    stocked: bool
    extras: Mapping[str, Any]
    ways: list[_Way]
    count: int

    def add(self, other: _Sum) -> None:
        """One more. What one system knew of single lines says nothing of their sum."""
        self.quantity = plus(self.quantity, other.quantity)
        self.stocked = self.stocked or other.stocked
        self.extras = {}
        self.ways += other.ways[: PATHS - len(self.ways)]
        self.count += other.count

    def within(self, line: Line) -> _Sum:
        """As seen from the line that holds the kit."""
        ways: list[_Way] = [(line.component, way) for way in self.ways]
        return _Sum(self.line, times(line.quantity, self.quantity), self.stocked, {}, ways, self.count)

    def leaf(self, code: str, rank: int) -> Leaf:
        """As it is handed out for the kit `code`."""
        line = replace(self.line, quantity=self.quantity, stocked=self.stocked, extras=self.extras, rank=rank)
        return Leaf(line, tuple((code, *_codes(way)) for way in self.ways), self.count)


def _codes(way: _Way | None) -> Iterator[str]:
    while way is not None:
        code, way = way
        yield code


def _apart(
    recipe: Recipe,
    memo: Mapping[str, Mapping[_Key, _Sum]],
    opens: Callable[[Line], bool],
    same: Callable[[str], str],
    most: int,
) -> dict[_Key, _Sum]:
    sums: dict[_Key, _Sum] = {}
    for line in recipe.lines:
        key = same(line.component)
        if opens(line):
            found = {each: inner_sum.within(line) for each, inner_sum in memo[key].items()}
        else:
            found = {(key, line.unit): _Sum(line, line.quantity, line.stocked, line.extras, [(line.component, None)], 1)}
        for each, more in found.items():
            if each in sums:
                sums[each].add(more)
            else:
                sums[each] = more
        if len(sums) > most:
            raise KitFault("validation", (Fault(recipe.code, f"taken apart it has more than {most} components"),))
    return sums


def _check_depth(taken: Sequence[Recipe], opens: Callable[[Line], bool], same: Callable[[str], str], most: int) -> None:
    """Kits come inner first, so that each one's depth follows from those inside it."""
    depths: dict[str, int] = {}
    deepest: dict[str, str] = {}
    for recipe in taken:
        opened = [same(line.component) for line in recipe.lines if opens(line)]
        down = max(opened, key=depths.__getitem__, default=None)
        key = same(recipe.code)
        depths[key] = 1 + (0 if down is None else depths[down])
        if down is not None:
            deepest[key] = down
    key = same(taken[-1].code)
    if depths[key] <= most:
        return
    path = [key]
    while path[-1] in deepest:
        path.append(deepest[path[-1]])
    raise KitFault("validation", (Fault(ARROW.join(path[: most + 1]), f"kits nest {depths[key]} deep; {most} are taken apart at most"),))
