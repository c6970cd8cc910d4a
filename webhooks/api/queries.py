"""Query strings: filters, limits and cursors. What is not known is refused, all faults together."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar
from uuid import UUID

from webhooks.api.fields import GROUP, ID, instant
from worker.errors import Fault, InvalidArguments
from worker.jobs.deliveries import STATES
from worker.jobs.failures import STANDINGS
from worker.jobs.filters import MOST_IDS
from worker.jobs.states import BatchState, State

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

MOST: Final = 500
USUAL: Final = 50
_LONGEST: Final = 500
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list: how many at most, and after which id."""

    limit: int
    after: str | None


def read(query: Sequence[tuple[str, str]], known: Mapping[str, Callable[[str], Any]]) -> dict[str, Any]:
    """The parameters by name, each read by its reader, which raises `ValueError` with what it must be. Raises `InvalidArguments`."""
    found: dict[str, Any] = {}
    faults = []
    for name, value in query:
        reader = known.get(name)
        if reader is None:
            faults.append(Fault(name[:100], "is not known here"))
        elif name in found:
            faults.append(Fault(name, "is given twice"))
        else:
            try:
                found[name] = reader(value)
            except ValueError as error:
                found[name] = None
                faults.append(Fault(name, str(error)))
    if faults:
        raise InvalidArguments(tuple(faults))
    return found


def page_of(found: dict[str, Any]) -> Page:
    """Take limit and cursor out of what was read."""
    return Page(found.pop("limit", USUAL), found.pop("cursor", None))


def paged(items: Sequence[T], limit: int, view: Callable[[T], dict[str, Any]], cursor_of: Callable[[T], str]) -> dict[str, Any]:
    """One page of a list of which one more than the limit was asked for."""
    shown = items[:limit]
    return {"items": [view(item) for item in shown], "next": cursor_of(shown[-1]) if len(items) > limit else None}


def cursor(after: str) -> str:
    """An id, as something nobody should look into."""
    return base64.urlsafe_b64encode(UUID(after).bytes).decode().rstrip("=")


def cursor_at(moment: datetime, after: str) -> str:
    """The same for a list by time: a moment, and an id where two have the same."""
    micros = (moment - _EPOCH) // _MICROSECOND
    return base64.urlsafe_b64encode(micros.to_bytes(8, "big") + UUID(after).bytes).decode()


def text(value: str) -> str:
    """One line."""
    if not value or len(value) > _LONGEST or not value.isprintable():
        raise ValueError(f"must have 1 to {_LONGEST} characters, none of them control characters")
    return value


def moment(value: str) -> Any:  # noqa: ANN401 - a datetime; readers share one shape
    """A time."""
    found = instant(value)
    if found is None:
        raise ValueError("must be a time with its offset, such as 2026-01-31T12:00:00Z")
    return found


def states(value: str) -> tuple[str, ...]:
    """States of jobs, comma-separated."""
    return _words(value, [state.value for state in State])


def delivery_states(value: str) -> tuple[str, ...]:
    """States of deliveries, comma-separated."""
    return _words(value, STATES)


def flag(value: str) -> bool:
    """Yes or no."""
    if value not in {"true", "false"}:
        raise ValueError("must be true or false")
    return value == "true"


def ids(value: str) -> tuple[str, ...]:
    """Ids, comma-separated."""
    given = tuple(dict.fromkeys(value.split(",")))
    if len(given) > MOST_IDS or not all(ID.fullmatch(each) for each in given):
        raise ValueError(f"must be 1 to {MOST_IDS} ids, comma-separated")
    return given


def standing(value: str) -> str:
    """How a group of failures stands."""
    if value not in STANDINGS:
        raise ValueError(f"must be one of {', '.join(STANDINGS)}")
    return value


def failure(value: str) -> str:
    """The id of a group of failures."""
    if not GROUP.fullmatch(value):
        raise ValueError("must be the id of a group of failures")
    return value


def batch_state(value: str) -> str:
    """One state of a batch."""
    return _words(value, [state.value for state in BatchState])[0]


def limit(value: str) -> int:
    """How many at most."""
    if not (value.isascii() and value.isdigit() and len(value) <= 4 and 1 <= int(value) <= MOST):  # noqa: PLR2004 - digits of a number up to 500
        raise ValueError(f"must be a whole number from 1 to {MOST}")
    return int(value)


def after(value: str) -> str:
    """A cursor that `cursor` made."""
    try:
        raw = base64.b64decode(value + "==", altchars=b"-_", validate=True)
        found = str(UUID(bytes=raw))
    except (binascii.Error, ValueError):
        found = ""
    if not found or cursor(found) != value:
        raise ValueError("is no cursor of ours")
    return found


def after_moment(value: str) -> tuple[datetime, str]:
    """A cursor that `cursor_at` made."""
    try:
        raw = base64.b64decode(value, altchars=b"-_", validate=True)
        found = (_EPOCH + int.from_bytes(raw[:8], "big") * _MICROSECOND, str(UUID(bytes=raw[8:])))
        again = cursor_at(*found)
    except (binascii.Error, ValueError, OverflowError):
        again = ""
    if not again or again != value:
        raise ValueError("is no cursor of ours")
    return found


def _words(value: str, allowed: Sequence[str]) -> tuple[str, ...]:
    given = tuple(dict.fromkeys(value.split(",")))
    if any(word not in allowed for word in given):
        raise ValueError(f"must be of {', '.join(allowed)}")
    return given


PAGING: Final[Mapping[str, Callable[[str], Any]]] = {"limit": limit, "cursor": after}
