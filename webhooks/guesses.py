"""Wrong keys, counted by the address that they come from, over all web processes while Redis is there.

It slows down who guesses and stops a program that goes on with a key that is no more. A right key is let in however many wrong ones came
before: behind a proxy that hides addresses everybody has the same, and nobody may shut out the others. So what keeps a key from being
found is its length, which `kitrelay check` looks at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from webhooks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from webhooks.rates import Rates

AT_LOGIN: Final = 10
OF_API: Final = 60
"""Wrong keys from one address in a minute."""

MOST_ADDRESSES: Final = 10_000
_LOOK_EVERY: Final = 1.0
_ELSEWHERE: Final = "elsewhere"


class Guesses:
    """The wrong keys of one door. `rates` are nobody else's, but for other doors."""

    def __init__(self, rates: Rates, door: str, a_minute: int, clock: Callable[[], datetime]) -> None:
        self._rates = rates
        self._door = door
        self._a_minute = a_minute
        self._clock = clock
        self._looked_at = 0.0
        self._is_full = False

    def count(self, address: str) -> None:
        """One more wrong key. Raises `Problem` 429 for one too many, with the time to wait."""
        now = self._clock().timestamp()
        if wait := self._rates.take(self._name(address, now), self._a_minute, now):
            raise Problem(429, "too many wrong keys: wait a minute", headers={"Retry-After": str(wait)})

    def _name(self, address: str, now: float) -> tuple[str, str]:
        """The bucket of the address; while there are too many of them, one for all that are new."""
        name = (self._door, address)
        if now - self._looked_at >= _LOOK_EVERY:
            self._looked_at = now
            self._is_full = self._rates.forget_full(now) >= MOST_ADDRESSES
        return (self._door, _ELSEWHERE) if self._is_full and not self._rates.has(name) else name
