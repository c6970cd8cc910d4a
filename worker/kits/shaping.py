"""What a target should hold of a source's kit: nested or taken apart, without what the target can't take."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from worker.errors import Fault, KitFault
from worker.kits.explosion import explode
from worker.kits.nesting import ARROW, Nest
from worker.kits.quantities import plus
from worker.kits.ranks import ranked, renumbered

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from worker.kits.model import Line, Recipe


@dataclass(frozen=True, slots=True)
class Shaped:
    """The recipe for one target, ranks 1 to n; and the lines left out, for the report."""

    recipe: Recipe
    left_out: tuple[Line, ...] = ()


def shape(
    code: str,
    kits: Mapping[str, Recipe],
    *,
    nested: Literal["preserve", "explode"],
    keep: Collection[str],
    stock_only: bool,
    merge: bool,
    stockable_in_stockable_only: bool,
    same: Callable[[str], str],
) -> Shaped:
    """What a target should hold of this kit.

    `keep`: kits never taken apart. `stock_only`: items without stock are left out; a kit never is, since its own lines decide.
    `merge`: lines of one component and unit are summed. `stockable_in_stockable_only`: a stockable kit takes no plain kit.
    Raises `KitFault`: a missing or inactive recipe, a plain kit where none may be, and what `explode` refuses.
    """
    nest = Nest(kits, same)
    source = nest.get(code)
    if nested == "explode":
        exploded = explode(code, kits, keep, same=same)
        _check_active(exploded.taken)
        lines = exploded.lines
    else:
        _check_active([source])
        lines = ranked(source.lines)
    typed = [replace(line, type=nest.type_of(line)) for line in lines]
    left_out = tuple(line for line in typed if stock_only and line.type == "item" and not line.stocked)
    stays = [line for line in typed if not stock_only or line.type != "item" or line.stocked]
    if stockable_in_stockable_only and source.type == "stockable_kit":
        _check_stockable(source, stays)
    if merge:
        stays = _merged(stays, same)
    return Shaped(replace(source, lines=renumbered(stays)), left_out)


def _check_active(recipes: Iterable[Recipe]) -> None:
    faults = tuple(Fault(recipe.code, "its recipe is not active in the source") for recipe in recipes if not recipe.active)
    if faults:
        raise KitFault("conflict", faults)


def _check_stockable(source: Recipe, lines: Iterable[Line]) -> None:
    message = "a stockable kit takes no kit that is not stockable itself"
    faults = tuple(Fault(f"{source.code}{ARROW}{line.component}", message) for line in lines if line.type == "kit")
    if faults:
        raise KitFault("validation", faults)


def _merged(lines: Iterable[Line], same: Callable[[str], str]) -> list[Line]:
    """One line for each component and unit, where its first stood. What one system knew of the single lines says nothing of their sum."""
    sums: dict[tuple[str, str | None], Line] = {}
    for line in lines:
        key = (same(line.component), line.unit)
        there = sums.get(key)
        if there is None:
            sums[key] = line
        else:
            quantity = plus(there.quantity, line.quantity)
            sums[key] = replace(there, quantity=quantity, stocked=there.stocked or line.stocked, extras={})
    return list(sums.values())
