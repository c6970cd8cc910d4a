"""The filter of the page of jobs: from an address, and back to one. Pure.

An address holds a filter as the API takes it, with moments in UTC: so it means the same to whoever opens it, whenever. What a form sends is
made into that first: empty fields, several states, times on the reader's own clock.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from webhooks.api.fields import instant
from webhooks.dashboard import words

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

Pairs = Sequence[tuple[str, str]]

LABELS: Final[Mapping[str, str]] = {
    "q": "Words",
    "state": "State",
    "kind": "Kind",
    "tenant": "Tenant",
    "error_class": "Error class",
    "reference": "Reference",
    "erp_id": "ERP id",
    "batch": "Batch",
    "tag": "Tag",
    "failure": "Failure group",
    "closed": "Made good later",
    "since": "Made since",
    "until": "Made before",
    "ids": "Jobs",
}
"""The parts of a filter, in the order of an address."""

LISTS: Final = ("state", "ids")
FLAGS: Final[Mapping[str, bool]] = {"true": True, "false": False}
TIMES: Final = ("since", "until")
_LOCAL: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?")
_IDS: Final = ("failure", "batch")
_SHOWN: Final = 8


@dataclass(frozen=True, slots=True)
class Chip:
    """A part of a filter, to read; `without` is the address's query without it. `at` is set where it is a moment."""

    name: str
    label: str
    text: str
    without: str
    at: str | None = None


def read(query: Pairs, zone: ZoneInfo) -> list[tuple[str, str]]:
    """The query as an address is to hold it: each name once, empty ones left out, times in UTC. What is not known stays as it is."""
    given: dict[str, list[str]] = {}
    for name, value in query:
        if value.strip():
            given.setdefault(name, []).append(value.strip())
    known = {name: position for position, name in enumerate(LABELS)}
    names = sorted(given, key=lambda name: known.get(name, len(known)))
    return [(name, _one(name, given[name], zone)) for name in names]


def parts(pairs: Pairs) -> list[tuple[str, str]]:
    """Of a query what is filter: no cursor, and nothing unknown."""
    return [(name, value) for name, value in pairs if name in LABELS]


def address(path: str, pairs: Pairs) -> str:
    """A page's address with this query."""
    return f"{path}?{urlencode(pairs)}" if pairs else path


def typed(pairs: Pairs, zone: ZoneInfo) -> dict[str, str]:
    """What stands in the fields of the form: moments on the reader's clock."""
    found = {**dict.fromkeys(LABELS, ""), **dict(parts(pairs))}
    return {name: _local(value, zone) if name in TIMES else value for name, value in found.items()}


def as_body(pairs: Pairs) -> dict[str, Any]:
    """The filter as an action of the API takes it."""
    return {
        name: FLAGS.get(value, value) if name == "closed" else value.split(",") if name in LISTS else value for name, value in parts(pairs)
    }


def from_body(body: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The other way round."""
    return [(name, _written(body[name])) for name in LABELS if name in body]


def chips(pairs: Pairs, names: Mapping[str, str]) -> list[Chip]:
    """The parts of the filter, each state on its own. `names` tells those of batches."""
    found = []
    for name, value in parts(pairs):
        for each in value.split(",") if name == "state" else (value,):
            rest = urlencode(turned(pairs, each) if name == "state" else without(pairs, name))
            at = each if name in TIMES and instant(each) else None
            found.append(Chip(name, LABELS[name], _told(name, each, names), rest, at))
    return found


def without(pairs: Pairs, *names: str) -> list[tuple[str, str]]:
    """The same filter without these parts, from its first page on."""
    return [(name, value) for name, value in parts(pairs) if name not in names]


def changed(pairs: Pairs, name: str, value: str) -> list[tuple[str, str]]:
    """The same filter with another value, from its first page on; in the order of an address."""
    found = {**dict(parts(pairs)), name: value}
    return [(each, found[each]) for each in LABELS if found.get(each)]


def turned(pairs: Pairs, state: str) -> list[tuple[str, str]]:
    """The same filter with this state if it had it not, without it if it had."""
    chosen = [each for each in dict(pairs).get("state", "").split(",") if each]
    left = [each for each in chosen if each != state] if state in chosen else [*chosen, state]
    return changed(pairs, "state", ",".join(left))


def _written(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(value) if isinstance(value, list) else str(value)


def _one(name: str, values: list[str], zone: ZoneInfo) -> str:
    if name in LISTS:
        return ",".join(dict.fromkeys(each for value in values for each in value.split(",") if each))
    return _in_utc(values[0], zone) if name in TIMES else values[0]


def _in_utc(value: str, zone: ZoneInfo) -> str:
    """A time on the reader's clock as a moment. What is none stays, to be told so."""
    if not _LOCAL.fullmatch(value):
        return value
    try:
        return words.stamp(datetime.fromisoformat(value).replace(tzinfo=zone).astimezone(UTC))
    except (ValueError, OverflowError):
        return value


def _local(value: str, zone: ZoneInfo) -> str:
    moment = instant(value)
    if moment is None:
        return value
    try:
        here = moment.astimezone(zone).replace(tzinfo=None)
    except OverflowError:
        return value
    return here.isoformat(timespec="seconds" if here.second else "minutes")


def _told(name: str, value: str, names: Mapping[str, str]) -> str:
    if name == "ids":
        count = value.count(",") + 1
        return "one by its id" if count == 1 else f"{count} by their ids"
    tables: Mapping[str, Mapping[str, str]] = {
        "state": words.STATES,
        "kind": words.KINDS,
        "batch": names,
        "closed": {"true": "yes", "false": "no"},
    }
    return tables.get(name, {}).get(value, f"{value[:_SHOWN]}\u2026" if name in _IDS and len(value) > _SHOWN else value)
