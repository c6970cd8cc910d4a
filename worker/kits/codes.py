"""Business codes: what names an item or kit in one system, and the name it has everywhere else."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.settings import Alias


def normal(code: str) -> str:
    """Without blanks at its ends, in Unicode's composed form: the same letters are the same characters."""
    return unicodedata.normalize("NFC", code.strip())


def upper(code: str) -> str:
    """Normal and in upper case."""
    return unicodedata.normalize("NFC", normal(code).upper())


class Codes:
    """Translates codes by one tenant's aliases. Of two aliases for one code the first holds."""

    def __init__(self, aliases: Sequence[Alias], *, ignore_case: bool) -> None:
        self._key = upper if ignore_case else normal
        self._ours: dict[tuple[str, str], str] = {}
        self._theirs: dict[tuple[str, str], str] = {}
        for alias in aliases:
            self._ours.setdefault((alias.erp, self._key(alias.code)), normal(alias.name))
            self._theirs.setdefault((alias.erp, self._key(alias.name)), normal(alias.code))

    def ours(self, erp: str, code: str) -> str:
        """The name used everywhere else of what `erp` calls `code`."""
        return self._ours.get((erp, self._key(code)), normal(code))

    def theirs(self, erp: str, name: str) -> str:
        """What `erp` calls it."""
        return self._theirs.get((erp, self._key(name)), normal(name))

    def same(self, code: str) -> str:
        """What codes are compared by: equal exactly where two codes are one."""
        return self._key(code)
