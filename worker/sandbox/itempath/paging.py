"""What of a list is shown: `countOnly`, `orderBy`, `limit` and `page` from 0 (documented). No total and no next page are named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from worker.sandbox.itempath.refusals import refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.sandbox.itempath.filters import Column, Pairs, Row
    from worker.sandbox.settings import SandboxSettings

MOST: Final = 1_000
_ORDER: Final = frozenset({"orderBy", "orderby", "oderBy"})  # one page and one sample spell it so


def counts_only(asked: Pairs) -> bool:
    """Whether only a number is wanted."""
    return any(name == "countOnly" and value.lower() == "true" for name, value in asked)


def count_answer(name: str, count: int, shape: str) -> Any:  # noqa: ANN401 - JSON
    """The number, in one of the shapes that it may have: `count`, `rows` (under the list's name) or `bare`."""
    return {"count": {"count": count}, "rows": {name: count}, "bare": count}[shape]


def ordered(rows: list[Row], columns: Mapping[str, Column[Row]], asked: Pairs) -> list[Row]:
    """The rows by the fields that were asked for, the first field first; as they are when none was. Raises `Refused`."""
    names = [name.strip() for key, value in asked if key in _ORDER for name in value.split(",") if name.strip()]
    for name in reversed(names):
        if name not in columns:
            raise refused(f"Cannot order by {name}")
        rows = sorted(rows, key=columns[name].read)
    return rows


def paged(rows: list[Row], asked: Pairs, settings: SandboxSettings) -> list[Row]:
    """One page of the rows. Raises `Refused`."""
    given = dict(asked)
    page = _number(given, "page", 0, 0, None)
    if settings.itempath_page_alone_all and "page" in given and "limit" not in given:
        return rows
    limit = _number(given, "limit", settings.itempath_limit, 1, MOST)
    return rows[page * limit : (page + 1) * limit]


def _number(given: Mapping[str, str], name: str, default: int, least: int, most: int | None) -> int:
    """A whole number of the query."""
    text = given.get(name)
    if text is None:
        return default
    number = int(text) if text.isdecimal() else -1
    if number < least or (most is not None and number > most):
        raise refused(f"Invalid value for {name}: {text}")
    return number
