"""What one target must become, and the order that makes it so. Asks the target only for items; writes nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from worker.errors import Fault, KitFault
from worker.kits.difference import difference
from worker.kits.model import CreateLine, UpdateLine
from worker.kits.plan import plan, too_many_deletes
from worker.kits.shaping import shape
from worker.sync.aims import Aim
from worker.sync.sharing import shares_of, with_shares

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from worker.kits.model import Item, Line, Recipe, RemoteKit, RemoteLine, Write
    from worker.kits.shaping import Shaped
    from worker.settings import Sync
    from worker.sync.options import Options
    from worker.sync.system import Traits
    from worker.sync.translation import Translation


def wanted(recipes: Mapping[str, Recipe], options: Options, sync: Sync, traits: Traits, translation: Translation) -> Shaped:
    """The recipe that the target is to have. Raises `KitFault`."""
    return shape(
        options.kit,
        recipes,
        nested=options.nesting(traits.erp),
        keep=sync.keep_whole,
        stock_only=traits.stock_only,
        merge=sync.merge,
        stockable_in_stockable_only=traits.stockable_in_stockable_only,
        same=translation.same,
    )


def aim(shaped: Shaped, kit: RemoteKit, sync: Sync, traits: Traits, translation: Translation, *, ours: bool = False) -> Aim:
    """What is missing between what is wanted and what is there; `ours`: it is in our words already. Raises `KitFault`."""
    seen = kit if ours else translation.ours(traits.erp, kit, target=True)
    order = sync.order and traits.numbering != "own"
    found = difference(shaped.recipe, seen, order=order, places=sync.places, same=translation.same)
    return Aim(shaped.recipe, shaped.left_out, kit, seen, found)


def held(target: Aim, sync: Sync, options: Options) -> str | None:
    """Why so many lines must not go without a person's word; None: nothing stands against it."""
    if options.force or not too_many_deletes(target.difference, target.seen, sync.most_deletes):
        return None
    gone, all_lines = len(target.difference.deletes), len(target.seen.lines)
    return f"{gone} of {all_lines} lines would be deleted: held until it is forced, or the source is put right"


def writes_of(target: Aim, items: Mapping[str, Item], sync: Sync, traits: Traits, translation: Translation) -> tuple[Write, ...]:
    """The writes in their order, in the target's words. `items` by our codes. Raises `KitFault` with everything that stands against it."""
    faults = [fault for line in target.difference.creates for fault in _unfit(line, target.kit, items, traits, translation)]
    missing = [fault for error_class, fault in faults if error_class == "missing_reference"]
    if faults:
        first = "missing_reference" if missing else faults[0][0]
        raise KitFault(first, tuple(fault for _, fault in faults))
    there = {line.id: line for line in target.kit.lines}
    order = sync.order and traits.numbering != "own"
    writes = plan(target.difference, target.seen, numbering=traits.numbering, order=order)
    if traits.shares_revenue and (given := shares_of(target, items, sync, translation.same)) is not None:
        writes = with_shares(writes, target, given)
    return tuple(_theirs(write, there, items, traits, translation) for write in writes)


def missing_items(lines: Sequence[Line], items: Mapping[str, Item]) -> list[Line]:
    """Lines whose component the target does not know, each once."""
    return list({line.component: line for line in lines if line.component not in items}.values())


def _theirs(write: Write, there: Mapping[str, RemoteLine], items: Mapping[str, Item], traits: Traits, translation: Translation) -> Write:
    erp = traits.erp
    if isinstance(write, CreateLine):
        item = items[write.line.component]
        quantity = translation.quantity_there(erp, write.line, write.line.quantity, item.unit)
        code = translation.codes.theirs(erp, write.line.component)
        return replace(write, line=replace(write.line, component=code, quantity=quantity, unit=item.unit))
    remote = there[write.remote.id]
    if isinstance(write, UpdateLine):
        quantity_now = write.quantity
        if quantity_now is not None:
            quantity_now = translation.quantity_there(erp, write.remote.line, quantity_now, remote.line.unit)
        return replace(write, remote=remote, quantity=quantity_now)
    return replace(write, remote=remote)


def _unfit(line: Line, kit: RemoteKit, items: Mapping[str, Item], traits: Traits, translation: Translation) -> list[tuple[str, Fault]]:
    code = translation.codes.theirs(traits.erp, line.component)
    place = f"{traits.erp}: {line.component}"
    if len(code) > traits.most_code:
        message = f"has {len(code)} characters, and {traits.erp} takes {traits.most_code}: give it an alias"
        return [("validation", Fault(place, message))]
    item = items.get(line.component)
    if item is None:
        what = "there is no such kit" if line.type != "item" else "there is no such item"
        return [("missing_reference", Fault(place, what))]
    if item.why_not is not None:
        return [("conflict", Fault(place, item.why_not))]
    if traits.stockable_in_stockable_only and kit.type == "stockable_kit" and item.type == "kit":
        return [("validation", Fault(place, f"is a kit that is not stockable, and {kit.code} takes none there"))]
    return []
