"""Visma's times: text with or without a zone, with none to seven digits of a fraction. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

_TIME: Final = re.compile(
    r"(?P<day>\d{4}-\d{2}-\d{2})(?:[T ](?P<time>\d{2}:\d{2}(?::\d{2})?)(?:[.,](?P<fraction>\d+))?)?"
    r"\s*(?P<zone>Z|[+-]\d{2}:?\d{2})?",
    re.IGNORECASE,
)
DIGITS: Final = 6


def parse_time(text: str) -> tuple[datetime, bool]:
    """The time, and whether the text names its zone. Without one the datetime is naive: Visma's own clock.

    With one, the datetime has it. Digits beyond microseconds are cut off. Raises `ValueError` for what is no time.
    """
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"no time: {text[:40]!r}")
    fraction = (match["fraction"] or "").ljust(DIGITS, "0")[:DIGITS]
    zone = (match["zone"] or "").upper()
    moment = datetime.fromisoformat(f"{match['day']}T{match['time'] or '00:00'}")
    moment = moment.replace(microsecond=int(fraction))
    if not zone:
        return moment, False
    if zone == "Z":
        return moment.replace(tzinfo=UTC), True
    return moment.replace(tzinfo=datetime.strptime(zone, "%z").tzinfo), True


def filter_time(moment: datetime) -> str:
    """A time as the list's filters take it: `yyyy-MM-ddTHH:mm:ss.FFF`. They know no zone, so one is dropped: give Visma's own clock."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}"


def body_time(text: str) -> str:
    """A date or time as a body takes it: a date alone becomes its midnight."""
    return text if "T" in text or " " in text else f"{text}T00:00:00"
