"""Filters of list calls: an operator in brackets before the value; a key that stands several times must hold each time (documented)."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, TypeAlias, TypeVar

from worker.sandbox.itempath.refusals import refused
from worker.sandbox.itempath.times import span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

Row = TypeVar("Row")
Pairs: TypeAlias = "list[tuple[str, str]]"

OPERATORS: Final = ("not", "or", "nor", "gt", "lt", "like", "notlike")
LISTS: Final = frozenset({"or", "nor"})
_COMPARED: Final = {"gt": operator.gt, "lt": operator.lt}


@dataclass(frozen=True, slots=True)
class Column(Generic[Row]):
    """One field of a list: its kind (`uuid`, `text`, `number`, `date`) and how it is read from a row; dates in epoch seconds."""

    kind: str
    read: Callable[[Row], Any]


def kept(rows: Iterable[Row], columns: Mapping[str, Column[Row]], asked: Pairs, now: float) -> list[Row]:
    """The rows that pass every filter; what names no column is no filter. Raises `Refused` for a value of the wrong kind."""
    tests = [_test(name, columns[name], value, now) for name, value in asked if name in columns]
    return [row for row in rows if all(test(row) for test in tests)]


def split(value: str) -> tuple[str, str]:
    """The operator and what it is about; no operator when there is none that is known."""
    word, found, rest = value[1:].partition("]") if value.startswith("[") else ("", "", value)
    return (word, rest) if found and word in OPERATORS else ("", value)


def _test(name: str, column: Column[Row], value: str, now: float) -> Callable[[Row], bool]:
    """Whether a row passes one filter."""
    word, rest = split(value)
    read = column.read
    if word in {"like", "notlike"}:
        part, wanted = rest.casefold(), word == "like"
        return lambda row: (part in _text(read(row)).casefold()) is wanted
    if word in _COMPARED:
        compare, bound = _COMPARED[word], _bound(name, column.kind, rest, now)
        return lambda row: compare(read(row), bound)
    wanted = word not in {"not", "nor"}
    same = _equals(name, column.kind, rest.split(";") if word in LISTS else [rest], now)
    return lambda row: same(read(row)) is wanted


def _equals(name: str, kind: str, texts: list[str], now: float) -> Callable[[Any], bool]:
    """Whether a value is one of these."""
    if kind == "date":
        spans = [_span(name, text, now) for text in texts]
        return lambda value: any(first <= value < last or value == first for first, last in spans)
    values = frozenset(_bound(name, kind, text, now) for text in texts)
    return lambda value: value in values


def _bound(name: str, kind: str, text: str, now: float) -> Any:  # noqa: ANN401 - of the column's kind
    """The value that a text means in a column of this kind."""
    if kind == "uuid":
        return text.strip().upper()
    if kind == "text":
        return text
    if kind == "date":
        return _span(name, text, now)[0]
    try:
        return float(text)
    except ValueError:
        raise refused(f"Invalid value for {name}: {text}") from None


def _span(name: str, text: str, now: float) -> tuple[float, float]:
    """The moments that a date means; wrong formats give errors (documented)."""
    try:
        return span(text, now)
    except ValueError:
        raise refused(f"Invalid date for {name}: {text}") from None


def _text(value: object) -> str:
    """What a text search looks at."""
    return "" if value is None else str(value)
