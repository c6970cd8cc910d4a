"""Wrong keys at the login page, counted by the address that they come from, over all web processes while Redis is there.

It slows down who guesses. A right key is let in however many wrong ones came
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

A_MINUTE: Final = 10
"""Wrong keys from one address in a minute."""

MOST_ADDRESSES: Final = 10_000
_LOOK_EVERY: Final = 1.0
_DOOR: Final = "wrong login"
_ELSEWHERE: Final = "elsewhere"


class Guesses:
    """The wrong keys. `rates` are nobody else's."""

    def __init__(self, rates: Rates, clock: Callable[[], datetime]) -> None:
        self._rates = rates
        self._clock = clock
        self._looked_at = 0.0
        self._is_full = False

    def count(self, address: str) -> None:
        """One more wrong key. Raises `Problem` 429 for one too many, with the time to wait."""
        now = self._clock().timestamp()
        if wait := self._rates.take(self._name(address, now), A_MINUTE, now):
            raise Problem(429, "too many wrong keys: wait a minute", headers={"Retry-After": str(wait)})

    def _name(self, address: str, now: float) -> tuple[str, str]:
        """The bucket of the address; while there are too many of them, one for all that are new."""
        name = (_DOOR, address)
        if now - self._looked_at >= _LOOK_EVERY:
            self._looked_at = now
            self._is_full = self._rates.forget_full(now) >= MOST_ADDRESSES
        return (_DOOR, _ELSEWHERE) if self._is_full and not self._rates.has(name) else name
