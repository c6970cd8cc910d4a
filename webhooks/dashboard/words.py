"""How times, spans, numbers and states are written on the pages. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

NOTHING: Final = "\u2013"
THIN: Final = "\u202f"
_TIME: Final = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z\b")
_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"))

STATES: Final = {
    "queued": "Queued",
    "running": "Running",
    "waiting": "Waiting for the ERP",
    "retrying": "To be tried again",
    "succeeded": "Succeeded",
    "failed": "Failed",
    "cancelled": "Cancelled",
    "planning": "Planning",
    "paused": "Paused",
    "finished": "Finished, not all succeeded",
    "up": "Up",
    "slow": "Slow",
    "broken": "Broken",
    "accepted": "Accepted",
    "duplicate": "Duplicate",
    "orphan": "Orphan",
    "refused": "Refused",
    "open": "Open",
    "acknowledged": "Acknowledged",
    "closed": "Closed",
    "stopped": "Stopped",
}
ERPS: Final = {"visma": "Visma Net", "itempath": "ItemPath", "intacct": "Sage Intacct", "notices": "Notices"}
KINDS: Final = {
    "create_kit_assembly": "Create assembly",
    "update_kit_assembly": "Update assembly",
    "delete_kit_assembly": "Delete assembly",
    "release_kit_assembly": "Release assembly",
    "read_kit_assembly": "Read assembly",
    "sync_kit_lines": "Sync kit",
    "read_kit": "Read kit",
    "create_kit_line": "Create kit line",
    "update_kit_line": "Update kit line",
    "delete_kit_line": "Delete kit line",
    "create_kit_component": "Create kit component",
    "update_kit_component": "Update kit component",
    "delete_kit_component": "Delete kit component",
    "send_notice": "Send notice",
}

SECTIONS: Final = (
    ("Today", "/"),
    ("Batches", "/batches"),
    ("Jobs", "/jobs"),
    ("Failures", "/failures"),
    ("Kits", "/kits"),
    ("Deliveries", "/deliveries"),
    ("Controls", "/connections"),
)
"""The pages that all others belong to: each with its name and address."""

_ELSEWHERE: Final = {"/actions": "/jobs"}


def section(route: str) -> str:
    """The address of the section that a route belongs to; empty: none."""
    begin = "/" + route.removeprefix("/").partition("/")[0]
    found = _ELSEWHERE.get(begin, begin)
    return found if route and found in {to for _, to in SECTIONS} else ""


def stated(state: str) -> str:
    """A state within a sentence: only the first letter is made small."""
    name = STATES.get(state, state)
    return name[:1].lower() + name[1:]


def instant(value: datetime | str | None) -> datetime | None:
    """A moment of a record, or of the API's JSON."""
    if value is None or value == "":
        return None
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


def clock(moment: datetime, now: datetime, zone: ZoneInfo) -> str:
    """A moment as one says it: the time on the same day, else with the date, and the year where it is another."""
    here, today = moment.astimezone(zone), now.astimezone(zone)
    if here.date() == today.date():
        return f"{here:%H:%M:%S}"
    if here.year == today.year:
        return f"{here.day} {here:%b %H:%M}"
    return f"{here.day} {here:%b %Y %H:%M}"


def whole(moment: datetime, zone: ZoneInfo) -> str:
    """A moment with everything, such as 2026-01-31 12:00:00.123 CET."""
    here = moment.astimezone(zone)
    return f"{here:%Y-%m-%d %H:%M:%S}.{here.microsecond // 1000:03d} {here:%Z}"


def sentence(text: str, now: datetime, zone: ZoneInfo) -> str:
    """Words of the API as a sentence for a reader: with a capital, a full stop, and its times in the reader's zone."""
    here = _TIME.sub(lambda found: clock(datetime.fromisoformat(found.group()), now, zone), text.strip())
    return here[:1].upper() + here[1:] + ("" if here.endswith((".", "!", "?")) else ".")


def stamp(moment: datetime) -> str:
    """A moment for programs: RFC 3339 in UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def span(seconds: float | timedelta | None) -> str:
    """A length of time in at most two units: 350 ms, 4.2 s, 42 s, 3 min 10 s, 2 h 5 min, 3 d 4 h."""
    if seconds is None:
        return NOTHING
    given = seconds.total_seconds() if isinstance(seconds, timedelta) else float(seconds)
    if given < 0:
        return f"-{span(-given)}"
    if round(given, 3) < 1:
        return f"{round(given * 1000)} ms"
    if round(given, 1) < 10:  # noqa: PLR2004 - from ten seconds on tenths tell nothing
        return f"{given:.1f}".removesuffix(".0") + " s"
    return _units(round(given))


def _units(left: int) -> str:
    for size, unit in _UNITS:
        if left >= size:
            smaller, small = next(((s, u) for s, u in _UNITS if s < size), (1, "s"))
            rest = left % size // smaller
            return f"{left // size} {unit}" + (f" {rest} {small}" if rest else "")
    return f"{left} s"


def ago(moment: datetime, now: datetime) -> str:
    """How long ago, or in how long."""
    seconds = (now - moment).total_seconds()
    if abs(seconds) < 1:
        return "now"
    return f"{_units(round(seconds))} ago" if seconds > 0 else f"in {_units(round(-seconds))}"


def number(value: float | None) -> str:
    """With thin spaces between thousands; a fraction has at most two places."""
    if value is None:
        return NOTHING
    if isinstance(value, int) or float(value).is_integer():
        return f"{int(value):,}".replace(",", THIN)
    return f"{value:,.2f}".rstrip("0").rstrip(".").replace(",", THIN)


def size(count: int) -> str:
    """Bytes: 512 B, 4.1 kB, 1.2 MB."""
    if count < 1000:  # noqa: PLR2004 - of a kilobyte
        return f"{count} B"
    if count < 1_000_000:  # noqa: PLR2004 - of a megabyte
        return f"{count / 1000:.1f} kB"
    return f"{count / 1_000_000:.1f} MB"
