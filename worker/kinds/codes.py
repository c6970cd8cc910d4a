"""The codes of kits: when two of them are one, and what a code of one system is called everywhere else. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from unicodedata import normalize

if TYPE_CHECKING:
    from worker.settings import Sync

LONGEST: Final = 100
"""No code of a kit is longer; the longest documented is ItemPath's name of a material, with 50 characters."""


def folded(code: str) -> str:
    """What spellings of one code have in common: for keys, never to be shown or sent."""
    return normalize("NFC", code.strip()).upper()


def kit_subject(code: str) -> str:
    """All work on one kit has this subject, whatever its ERP: it is never done by two jobs at once.

    >>> kit_subject("Kit-1 ")
    'kit/KIT-1'
    """
    return f"kit/{folded(code)}"


def name_of(sync: Sync, erp: str, code: str) -> str:
    """What a kit that has this code in one system is called everywhere else: by the tenant's aliases, or the same."""
    same = folded if sync.ignore_case else _plain
    return next((alias.name for alias in sync.aliases if alias.erp == erp and same(alias.code) == same(code)), code)


def _plain(code: str) -> str:
    return normalize("NFC", code.strip())
