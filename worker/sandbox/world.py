"""What every part of a running sandbox shares: its settings of the moment, its faults, its clock and its address."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from worker.sandbox.clock import Clock
from worker.sandbox.faults import Faults

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from worker.sandbox.settings import SandboxSettings


class World:
    """The shared state. `base` is what stands before the paths that answers name."""

    __slots__ = ("_generation", "base", "clock", "down_until", "faults", "settings", "started")

    def __init__(self, settings: SandboxSettings) -> None:
        self.clock = Clock()
        self.base = settings.public_url
        self._generation = 0
        self.renew(settings)

    def renew(self, settings: SandboxSettings) -> None:
        """Start anew: what was to come later never does."""
        self.settings = settings
        self.faults = Faults(settings.seed, settings.faults)
        self.clock.ahead = 0.0
        self.started = self.clock.now()
        self.down_until: dict[str, float] = {}
        self._generation += 1

    def change(self, changes: Mapping[str, Any]) -> None:
        """Other settings from now on. The counts of the faults go on."""
        self.settings = replace(self.settings, **changes)
        counts = self.faults.counts
        self.faults = Faults(self.settings.seed, self.settings.faults)
        self.faults.counts = counts

    def later(self, seconds: float, do: Callable[[], None]) -> None:
        """Do this after so many seconds, unless all starts anew before."""
        generation = self._generation

        def still() -> None:
            if generation == self._generation:
                do()

        asyncio.get_running_loop().call_later(seconds, still)

    def down_for(self, erp: str = "visma") -> float:
        """How many seconds an ERP stays down; 0 when it is up.

        The fault `down` (Visma's), `itempath-down` and so on cuts time into periods, each down or up by seed.
        """
        now, fault = self.clock.now(), "down" if erp == "visma" else f"{erp}-down"
        until = self.down_until.get(erp, 0.0)
        if now < until:
            return until - now
        if fault not in self.faults.rates:
            return 0.0
        length = self.settings.down_seconds or 1.0
        period, into = divmod(now - self.started, length)
        if self.faults.part(fault, "", int(period)) >= self.faults.rates[fault]:
            return 0.0
        return length - into
