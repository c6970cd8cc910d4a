"""Logging in: one field, an API key, and not too many guesses."""

from __future__ import annotations

from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Final

from webhooks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhooks.api.access import Keys
    from worker.settings import ApiKey

_COOKIE: Final = "kitrelay-session"
MOST_GUESSES: Final = 10
"""Wrong keys from one address within a window; behind a proxy that hides addresses, from all of them: so no right key is ever counted."""

WINDOW: Final = 60.0
_MOST_ADDRESSES: Final = 10_000


def cookie_name(*, secure: bool) -> str:
    """The session's cookie. Over HTTPS its name says that no plain connection and no neighbouring host has set it: browsers see to that."""
    return f"__Host-{_COOKIE}" if secure else _COOKIE


class Login:
    """The wrong keys of this process, by address, in windows of a minute."""

    def __init__(self, keys: Keys, ticks: Callable[[], float] = monotonic) -> None:
        self._keys = keys
        self._ticks = ticks
        self._wrong: dict[str, int] = {}
        self._since = ticks()
        self._lock = Lock()

    def prove(self, given: str, address: str) -> ApiKey:
        """The key that was given; a right one always. Raises `Problem` 401 for a wrong one, 429 for one after too many."""
        try:
            return self._keys.find(f"Bearer {given.strip()}")
        except Problem as problem:
            if self._has_guessed_enough(address):
                told = {"Retry-After": str(int(WINDOW))}
                raise Problem(429, "too many wrong keys: wait a minute", headers=told) from problem
            raise Problem(401, "this is no key of ours") from problem

    def _has_guessed_enough(self, address: str) -> bool:
        """Count one more wrong key; whether there were too many before it."""
        with self._lock:
            if self._ticks() - self._since >= WINDOW or len(self._wrong) > _MOST_ADDRESSES:
                self._wrong.clear()
                self._since = self._ticks()
            before = self._wrong.get(address, 0)
            self._wrong[address] = min(before + 1, MOST_GUESSES)
            return before >= MOST_GUESSES
