"""What a browser keeps for its reader: time zone, theme, and what the page before had to say."""

from __future__ import annotations

from functools import cache
from typing import Final
from urllib.parse import unquote
from zoneinfo import ZoneInfo, available_timezones

from flask import request

from webhooks.dashboard.visiting import UTC_ZONE

SAID: Final = "kitrelay-said"
SAID_FOR: Final = 30
_ZONE: Final = "kitrelay-zone"
_THEME: Final = "kitrelay-theme"
_THEMES: Final = ("auto", "light", "dark")


def said() -> tuple[str, str] | None:
    """What the page before had to say: tone and text."""
    tone, _, text = unquote(request.cookies.get(SAID, "")).partition(" ")
    return (tone, text) if text and tone in ("good", "bad") else None


def zone() -> ZoneInfo:
    """The reader's time zone; UTC until it is known."""
    given = unquote(request.cookies.get(_ZONE, ""))
    return ZoneInfo(given) if given in _zones() else UTC_ZONE


def theme() -> str:
    """The reader's theme."""
    given = request.cookies.get(_THEME, "auto")
    return given if given in _THEMES else "auto"


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())
