"""The filter of the page of failures: from an address, and back to one, as that of jobs. Pure.

An address that names no standing asks for what is open: that is what somebody has to look at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from webhooks.dashboard.jobs import filters as job_filters
from webhooks.dashboard.jobs.filters import Pairs, address

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

PATH: Final = "/failures"
OPEN: Final = "open"
ALL: Final = "all"
NAMES: Final = ("standing", "tenant", "kind", "error_class", "batch", "since", "until")
"""The parts of a filter, in the order of an address."""

TABS: Final = ((OPEN, "Open"), ("acknowledged", "Acknowledged"), ("closed", "Closed"), (ALL, "All"))


def read(query: Pairs, zone: ZoneInfo) -> list[tuple[str, str]]:
    """The query as an address is to hold it: empty fields left out, times in UTC. What is not known stays."""
    given = job_filters.read(query, zone)
    return [*parts(given), *(pair for pair in given if pair[0] not in NAMES)]


def parts(query: Pairs) -> list[tuple[str, str]]:
    """Of a query what is filter: no cursor, and nothing unknown."""
    given = dict(query)
    return [(name, given[name]) for name in NAMES if given.get(name)]


def asked(query: Pairs) -> list[tuple[str, str]]:
    """The query as the API takes it."""
    rest = [pair for pair in query if pair[0] != "standing"]
    chosen = standing(query)
    return rest if chosen == ALL else [("standing", chosen), *rest]


def standing(query: Pairs) -> str:
    """Which of the tabs it is."""
    return dict(query).get("standing", OPEN)


def typed(query: Pairs, zone: ZoneInfo) -> dict[str, str]:
    """What stands in the fields of the form: moments on the reader's clock."""
    given = {**dict.fromkeys(NAMES, ""), **dict(parts(query))}
    times = job_filters.typed(query, zone)
    return {**given, "since": times["since"], "until": times["until"]}


def changed(query: Pairs, name: str, value: str) -> str:
    """The address of the same filter with another value, from its first page on."""
    kept = [(each, given) for each, given in parts(query) if each != name]
    return address(PATH, parts([*kept, *([] if (name, value) == ("standing", OPEN) else [(name, value)])]))
