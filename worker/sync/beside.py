"""The sides of a kit laid beside each other: what a sync would find between the source and each of its targets. Pure, and writes nothing.

    [{"target": "itempath", "nested": "preserve" | "explode", "state": "same" | "differs" | "not_compared", "why": ["…"],
      "difference": {"create": […], "update": […], "delete": […], "same": 3} | null,
      "left_out": [{"component", "quantity", "why": "not kept in stock"}]}]

`difference` is that of a sync's result (`Difference.to_json`): what the target lacks, what is to change from what to what, what it has too
much, how many lines agree. `why` says why there is none, or what stands against a sync.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from worker.errors import KitFault
from worker.kits.model import RemoteKit
from worker.sync.options import options_of
from worker.sync.reports import left_out
from worker.sync.targeting import aim, held, wanted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from worker.kits.model import Recipe
    from worker.settings import Tenant
    from worker.sync.aims import Aim
    from worker.sync.options import Options
    from worker.sync.system import Traits
    from worker.sync.translation import Translation

    Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Seen:
    """What was read: each side as JSON, the kits where there are any, in their systems' words, and the source's recipes by our codes.

    `stuck`: why the source's recipe can't be used.
    """

    sides: Mapping[str, Json] = field(default_factory=dict)
    kits: Mapping[str, RemoteKit] = field(default_factory=dict)
    recipes: Mapping[str, Recipe] = field(default_factory=dict)
    stuck: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Beside:
    """One tenant's comparisons. `traits`: those of all its systems."""

    tenant: Tenant
    translation: Translation
    traits: Mapping[str, Traits]

    def comparisons(self, kit: str, revision: str | None, seen: Seen) -> list[Json]:
        """One for each target that the tenant has a connection to; none where no source is set."""
        options = options_of({"kit": kit, "revision": revision}, self.tenant.sync)
        if options.source not in self.traits:
            return []
        return [self._comparison(options, target, seen) for target in options.targets if target in self.traits]

    def _comparison(self, options: Options, target: str, seen: Seen) -> Json:
        plain: Json = {"target": target, "nested": options.nesting(target), "difference": None, "left_out": []}
        if why := [*self._unfit(options.source, seen, "present"), *seen.stuck, *self._unfit(target, seen, "present", "absent")]:
            return {**plain, "state": "not_compared", "why": why}
        there = self.translation.codes.theirs(target, options.kit)
        kit = seen.kits.get(target) or RemoteKit(id="", code=there, lines=())
        sync, traits = self.tenant.sync, self.traits[target]
        try:
            shaped = wanted(seen.recipes, options, sync, traits, self.translation)
            found = aim(shaped, kit, sync, traits, self.translation)
        except KitFault as fault:
            return {**plain, "state": "not_compared", "why": [str(each) for each in fault.faults]}
        same = found.difference.empty and bool(kit.id)
        return {
            **plain,
            "state": "same" if same else "differs",
            "why": [] if same else list(self._against(options, target, found)),
            "difference": found.difference.to_json(),
            "left_out": [left_out(line) for line in found.left_out],
        }

    def _unfit(self, erp: str, seen: Seen, *states: str) -> Iterator[str]:
        side = seen.sides.get(erp)
        if side is None:
            yield f"{erp} was not read"
        elif side["state"] == "absent" and "absent" not in states:
            yield f"there is no such kit in {erp}"
        elif side["state"] not in states:
            yield from (f"{erp}: {each}" for each in side["trouble"])

    def _against(self, options: Options, erp: str, found: Aim) -> Iterator[str]:
        """What a person must know before a sync of it."""
        kit = found.kit
        if not kit.id:
            made = self.tenant.sync.create_missing and self.traits[erp].makes_kits != "no"
            yield f"there is no such kit in {erp}" + (": a sync makes it" if made else "")
        if not kit.active:
            yield f"it is retired in {erp}: make it active there first"
        if unknown := kit.facts.get("unknown"):
            yield f"the component of {len(unknown)} line{'s' if len(unknown) > 1 else ''} is not known in {erp}"
        if (stop := held(found, self.tenant.sync, options)) is not None:
            yield stop
