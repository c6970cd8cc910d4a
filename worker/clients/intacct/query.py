"""Queries for `/services/core/query`: built and checked before they are sent. Pure.

A filter is `{"$operator": {"field": value}}` (documented; a guide page prints another form that no client uses). Dot paths go from a record
to the one it names, never to a list; `href` is neither filtered nor sorted; there is no wildcard (documented).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Literal

from worker.clients.intacct.expressions import checked

if TYPE_CHECKING:
    from collections.abc import Callable

KIT_COMPONENT: Final = "inventory-control/kit-component"
ITEM: Final = "inventory-control/item"
LARGEST: Final = 4000
"""Records of a page at most (documented)."""

AGGREGATES: Final = ("count", "avg", "sum", "min", "max")
Scalar = str | int | float | Decimal | bool | date | None
Direction = Literal["asc", "desc"]
_FIELD: Final = re.compile(r"[A-Za-z_][\w:-]*(?:\.[A-Za-z_][\w:-]*)*")
_OBJECT: Final = re.compile(r"[a-z][\w-]*/[a-z][\w:-]*")
_DATE_FIELD: Final = re.compile(r"(?:^|\.|[a-z])[Dd]ate(?:Time)?$")


def _one(*kinds: type) -> Callable[[Any], str | None]:
    def fault(value: object) -> str | None:
        if value is None:
            return None if type(None) in kinds else "takes no null"
        if isinstance(value, bool) and bool not in kinds:
            return "takes no true or false"
        if not isinstance(value, (str, int, float, Decimal, bool, *kinds)):
            return "takes a text or a number"
        if isinstance(value, date) and date not in kinds:
            return "takes no date"
        return "takes a finite number" if _odd(value) else None

    return fault


def _many(value: object) -> str | None:
    if not isinstance(value, (list, tuple)) or not value:
        return "takes a list of values that is not empty"
    return next((fault for each in value if (fault := _one(bool, date)(each))), None)


def _pair(value: object) -> str | None:
    if not isinstance(value, (list, tuple)) or len(value) != 2:  # noqa: PLR2004 - from and to
        return "takes two values, from and to"
    fault = next((fault for each in value if (fault := _one(date)(each))), None)
    if fault is None and isinstance(value[0], (str, date)) != isinstance(value[1], (str, date)):
        return "takes two values of one kind"
    return fault


def _text(value: object) -> str | None:
    return None if isinstance(value, str) and value else "takes a text that is not empty"


_PLAIN: Final = _one(bool, date, type(None))
_ORDERED: Final = _one(date)
_ORDERED_OR_EQUAL: Final = _one(bool, date)
_WORDS: Final = _one()
OPERATORS: Final[dict[str, Callable[[Any], str | None]]] = {
    "$eq": _PLAIN,
    "$ne": _PLAIN,
    "$lt": _ORDERED,
    "$lte": _ORDERED_OR_EQUAL,
    "$gt": _ORDERED,
    "$gte": _ORDERED_OR_EQUAL,
    "$in": _many,
    "$notIn": _many,
    "$between": _pair,
    "$notBetween": _pair,
    "$contains": _WORDS,
    "$notContains": _WORDS,
    "$has": _text,
    "$startsWith": _WORDS,
    "$notStartsWith": _WORDS,
    "$endsWith": _WORDS,
    "$notEndsWith": _WORDS,
}
"""Every operator (documented), with what is wrong with a value for it, or None."""


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition. Raises `ValueError` where the value is not of the operator's shape; text operators refuse date fields (documented)."""

    operator: str
    field: str
    value: Any

    def __post_init__(self) -> None:
        if self.operator not in OPERATORS:
            raise ValueError(f"{self.operator} is no operator; there are {' '.join(OPERATORS)}")
        _check_field(self.field)
        fault = OPERATORS[self.operator](self.value)
        if fault is not None:
            raise ValueError(f"{self.operator} of {self.field} {fault}")
        if OPERATORS[self.operator] is _WORDS and _DATE_FIELD.search(self.field):
            raise ValueError(f"{self.operator} does not go with dates such as {self.field}")

    def body(self) -> dict[str, Any]:
        """As it is sent."""
        values = [_plain(each) for each in self.value] if isinstance(self.value, (list, tuple)) else _plain(self.value)
        return {self.operator: {self.field: values}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """filterParameters; None leaves Intacct's own (not hierarchical, case counts, nothing private, today)."""

    as_of: date | None = None
    hierarchy: bool | None = None
    case_sensitive: bool | None = None
    private: bool | None = None

    def body(self) -> dict[str, Any]:
        """As they are sent; only what is said."""
        named = {
            "asOfDate": self.as_of and self.as_of.isoformat(),
            "includeHierarchyFields": self.hierarchy,
            "caseSensitiveComparison": self.case_sensitive,
            "includePrivate": self.private,
        }
        return {name: value for name, value in named.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What to ask of which object. `fields` may hold aggregates such as `max:numberOfUnits`: then the plain ones are what it groups by.

    `expression` joins the filters by their numbers from 1. `start` counts from 1. Raises `ValueError` for what Intacct would refuse.
    """

    object: str
    fields: tuple[str, ...]
    filters: tuple[Filter, ...] = ()
    expression: str = "and"
    parameters: Parameters = field(default_factory=Parameters)
    order: tuple[tuple[str, Direction], ...] = ()
    start: int = 1
    size: int = LARGEST

    def __post_init__(self) -> None:
        if not _OBJECT.fullmatch(self.object):
            raise ValueError(f"{self.object!r} is no object such as {KIT_COMPONENT}")
        if not self.fields:
            raise ValueError("a query names at least one field")
        for name in self.fields:
            _check_shown(name)
        for name, direction in self.order:
            _check_field(name)
            if direction not in ("asc", "desc"):
                raise ValueError(f"orderBy {name} is asc or desc")
        if self.start < 1 or not 1 <= self.size <= LARGEST:
            raise ValueError(f"start is at least 1 and size is from 1 to {LARGEST}")
        checked(self.expression, len(self.filters))

    def from_(self, start: int) -> Query:
        """The same from another record on."""
        return replace(self, start=start)

    def body(self) -> dict[str, Any]:
        """As it is sent."""
        said: dict[str, Any] = {"object": self.object, "fields": list(self.fields)}
        if self.filters:
            said["filters"] = [each.body() for each in self.filters]
            said["filterExpression"] = checked(self.expression, len(self.filters))
        if parameters := self.parameters.body():
            said["filterParameters"] = parameters
        if self.order:
            said["orderBy"] = [{name: direction} for name, direction in self.order]
        return {**said, "start": self.start, "size": self.size}


def _check_shown(name: str) -> None:
    function, mark, inner = name.partition(":")
    if mark and function in AGGREGATES:
        _check_field(inner)
    elif not _FIELD.fullmatch(name) or (mark and "::" not in name):
        raise ValueError(f"{name!r} is no field; an aggregate is one of {' '.join(AGGREGATES)} and a field")


def _check_field(name: str) -> None:
    if not _FIELD.fullmatch(name) or (":" in name and "::" not in name):
        raise ValueError(f"{name!r} is no field's name or path")
    if name.rsplit(".", maxsplit=1)[-1] == "href":
        raise ValueError("href can't be filtered or sorted")


def _odd(value: object) -> bool:
    return isinstance(value, (float, Decimal)) and not Decimal(value).is_finite()


def _plain(value: Scalar) -> Any:  # noqa: ANN401 - a JSON value
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds").replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value
