"""The filter of the page of deliveries: from an address, and back to one, as that of jobs. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from webhooks.dashboard.jobs.filters import Pairs, address
from webhooks.dashboard.jobs.filters import typed as typed_times
from worker.jobs.deliveries import STATES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

PATH: Final = "/deliveries"
NAMES: Final = ("tenant", "source", "type", "state", "since", "until", "job")
"""The parts of a filter, in the order of an address."""

RANGE: Final = ("tenant", "source", "type", "since", "until")
"""Those that a replay of many takes."""


def parts(query: Pairs) -> list[tuple[str, str]]:
    """Of a query what is filter: no cursor, and nothing unknown."""
    given = dict(query)
    return [(name, given[name]) for name in NAMES if given.get(name)]


def typed(query: Pairs, zone: ZoneInfo) -> dict[str, str]:
    """What stands in the fields of the form: moments on the reader's clock."""
    given = {**dict.fromkeys(NAMES, ""), **dict(parts(query))}
    times = typed_times(query, zone)
    return {**given, "since": times["since"], "until": times["until"]}


def changed(query: Pairs, name: str, value: str) -> str:
    """The address of the same filter with another value, from its first page on."""
    return address(PATH, parts([*((each, given) for each, given in parts(query) if each != name), (name, value)]))


def turned(query: Pairs, state: str) -> str:
    """The address of the same filter with this state if it had it not, without it if it had."""
    chosen = states(query)
    left = [each for each in STATES if (each in chosen) != (each == state)]
    return changed(query, "state", ",".join(left))


def states(query: Pairs) -> Sequence[str]:
    """The states that are asked for; none: all."""
    return [each for each in dict(query).get("state", "").split(",") if each]
