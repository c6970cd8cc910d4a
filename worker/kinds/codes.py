"""The codes of kits as subjects: spellings of one code are one. Pure."""

from __future__ import annotations

from typing import Final
from unicodedata import normalize

LONGEST: Final = 100
"""No code of a kit is longer; the longest documented is ItemPath's name of a material, with 50 characters."""


def folded(code: str) -> str:
    """What spellings of one code have in common, never to be shown or sent. Codes that differ in case alone only wait for each other."""
    return normalize("NFC", code.strip().upper())


def kit_subject(code: str) -> str:
    """All work on one kit has this subject, whatever its ERP: it is never done by two jobs at once.

    >>> kit_subject("Kit-1 ")
    'kit/KIT-1'
    """
    return f"kit/{folded(code)}"
