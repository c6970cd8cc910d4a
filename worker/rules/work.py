"""How much an event may cost: counted in steps, not in time, so that one event always ends in the same way."""

from __future__ import annotations

from typing import Final

MOST_STEPS: Final = 500_000
"""Steps for one event and all its rules: about a second. An order of a hundred lines takes some thousands."""


class TooMuchWork(Exception):
    """An event has used up what it may cost."""


class Meter:
    """Counts down."""

    __slots__ = ("left",)

    def __init__(self, steps: int = MOST_STEPS) -> None:
        self.left = steps

    def spend(self, steps: int) -> None:
        """So many less. Raises `TooMuchWork` when none are left."""
        self.left -= steps
        if self.left < 0:
            raise TooMuchWork
