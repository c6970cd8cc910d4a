"""Logging in: one field, an API key, and not too many guesses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from webhooks.problems import Problem

if TYPE_CHECKING:
    from webhooks.api.access import Keys
    from webhooks.guesses import Guesses
    from worker.settings import ApiKey

_COOKIE: Final = "kitrelay-session"


def cookie_name(*, secure: bool) -> str:
    """The session's cookie. Over HTTPS its name says that no plain connection and no neighbouring host has set it: browsers see to that."""
    return f"__Host-{_COOKIE}" if secure else _COOKIE


class Login:
    """The door to the pages."""

    def __init__(self, keys: Keys, guesses: Guesses) -> None:
        self._keys = keys
        self._guesses = guesses

    def prove(self, given: str, address: str) -> ApiKey:
        """The key that was given; a right one always. Raises `Problem` 401 for a wrong one, 429 for one after too many."""
        try:
            return self._keys.find(f"Bearer {given.strip()}")
        except Problem as problem:
            self._guesses.count(address)
            raise Problem(401, "this is no key of ours") from problem
