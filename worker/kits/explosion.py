"""A kit taken apart into what it consists of in the end, quantities multiplied along the way.

Each inner kit is taken apart once, however many ways lead to it, so the cost follows the lines and not the paths. Stockable kits keep
stock of their own and stay whole.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from worker.errors import Fault, KitFault
from worker.kits.nesting import ARROW, Nest, inner, inner_first
from worker.kits.quantities import plus, times
from worker.kits.ranks import ranked

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from worker.kits.model import Line, Recipe

__all__ = ["DEPTH", "LEAVES", "PATHS", "Exploded", "Leaf", "explode", "inner", "inner_first"]

DEPTH: Final = 20
LEAVES: Final = 5000
PATHS: Final = 8
"""Ways to a leaf that are kept for the report; all are counted."""

_Key = tuple[str, str | None]


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
    memo: dict[str, dict[_Key, Leaf]] = {}
    for recipe in taken:
        memo[same(recipe.code)] = _apart(recipe, memo, opens, same, leaves)
    found = memo[same(taken[-1].code)].values()
    return Exploded(
        taken[-1].code,
        tuple(
            Leaf(replace(leaf.line, rank=rank), tuple((code, *path) for path in leaf.paths), leaf.count)
            for rank, leaf in enumerate(found, start=1)
        ),
        tuple(taken),
    )


def _apart(
    recipe: Recipe,
    memo: Mapping[str, Mapping[_Key, Leaf]],
    opens: Callable[[Line], bool],
    same: Callable[[str], str],
    most: int,
) -> dict[_Key, Leaf]:
    sums: dict[_Key, Leaf] = {}
    for line in recipe.lines:
        key = same(line.component)
        if not opens(line):
            _add(sums, (key, line.unit), Leaf(line, ((line.component,),), 1))
        else:
            for each, leaf in memo[key].items():
                _add(sums, each, _within(leaf, line))
        if len(sums) > most:
            raise KitFault("validation", (Fault(recipe.code, f"taken apart it has more than {most} components"),))
    return sums


def _within(leaf: Leaf, line: Line) -> Leaf:
    """A leaf of an inner kit as seen from the line that holds the kit. What one system knew of its line says nothing here."""
    quantity = times(line.quantity, leaf.line.quantity)
    return Leaf(replace(leaf.line, quantity=quantity, extras={}), tuple((line.component, *path) for path in leaf.paths), leaf.count)


def _add(sums: dict[_Key, Leaf], key: _Key, leaf: Leaf) -> None:
    there = sums.get(key)
    if there is None:
        sums[key] = leaf
        return
    quantity = plus(there.line.quantity, leaf.line.quantity)
    line = replace(there.line, quantity=quantity, stocked=there.line.stocked or leaf.line.stocked, extras={})
    sums[key] = Leaf(line, (*there.paths, *leaf.paths)[:PATHS], there.count + leaf.count)


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
