"""What a call must pass before it is looked at: periods of being down, storms, server errors."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from worker.sandbox.itempath.refusals import BROKEN, Refused
from worker.sandbox.wire import message

if TYPE_CHECKING:
    from worker.sandbox.itempath.installation import Installation
    from worker.sandbox.wire import Answer
    from worker.sandbox.world import World

_DOWN: Final = BROKEN[2]


class Gate:
    """Lets calls in, or raises `Refused`."""

    def __init__(self, world: World) -> None:
        self._world = world

    def up(self) -> None:
        """Nothing answers while the installation is down, its login neither."""
        down = self._world.down_for("itempath")
        if down:
            raise Refused(_DOWN._replace(head=_DOWN.head + _retry_after(down)))

    def trouble(self, found: Installation, key: str, nth: int) -> None:
        """A storm that lasts or begins, or a server error without effect."""
        settings, faults, now = self._world.settings, self._world.faults, self._world.clock.now()
        if now < found.storm_until:
            raise _too_many(found.storm_until - now)
        if not faults.active:
            return
        if faults.hits("itempath-429", key, nth):
            length = settings.storm_seconds * (2 + faults.part("itempath-storm", key, nth)) / 3
            found.storm_until = now + length
            raise _too_many(length)
        if faults.hits("itempath-5xx", key, nth):
            raise Refused(self.broken(key, nth))

    def broken(self, key: str, nth: int) -> Answer:
        """One of the server errors."""
        return BROKEN[int(self._world.faults.part("itempath-status", key, nth) * len(BROKEN))]


def _too_many(seconds: float) -> Refused:
    """429 with Retry-After."""
    return Refused(message(429, "Too many requests", _retry_after(seconds)))


def _retry_after(seconds: float) -> bytes:
    """The header line: whole seconds, at least one; an hour for what has no end."""
    return b"Retry-After: %d\r\n" % max(1, math.ceil(min(seconds, 3_600.0)))
