"""One company's installation: its tables, what waits for import, its tokens, its log and its counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker.sandbox.counters import KitCounters
from worker.sandbox.itempath.calllog import CallLog
from worker.sandbox.itempath.imports import Imports
from worker.sandbox.itempath.powerpick import PowerPick
from worker.sandbox.itempath.tokens import Tokens

if TYPE_CHECKING:
    from worker.sandbox.settings import CompanySettings
    from worker.sandbox.world import World


class Installation:
    """The state of one company. `storm_until` is when its calls are no longer refused by a storm of 429."""

    __slots__ = ("_ordinals", "counters", "imports", "log", "notifications", "power_pick", "settings", "storm_until", "tokens")

    def __init__(self, settings: CompanySettings, world: World) -> None:
        self.settings = settings
        self.power_pick = PowerPick()
        self.counters = KitCounters("writers")
        self.imports = Imports(world, self.power_pick, self.counters)
        self.tokens = Tokens()
        self.log = CallLog(world.settings.itempath_log)
        self.notifications = dict.fromkeys(("sent", "accepted", "refused", "retried", "given_up", "without_address"), 0)
        self.storm_until = 0.0
        self._ordinals: dict[str, int] = {}

    def ordinal(self, key: str) -> int:
        """How often this was asked before."""
        nth = self._ordinals.get(key, 0)
        self._ordinals[key] = nth + 1
        return nth

    def counts(self, *, kits: bool) -> dict[str, Any]:
        """The numbers of the company, with those of each kit if asked."""
        self.imports.import_due()
        numbers = {
            **self.counters.as_json(),
            "imports": {"waiting": self.imports.waiting, "done": self.imports.imported, "refused": self.imports.refused},
            "pushes": dict(self.notifications),
            "kits_now": len(self.power_pick.kits),
            "lines_now": len(self.power_pick.lines),
            "materials_now": len(self.power_pick.materials),
        }
        if kits:
            names = self.power_pick.name_of
            numbers["kits"] = [{"code": names(key) or None, **tally.as_json()} for key, tally in self.counters.tallies.items()]
        return numbers
