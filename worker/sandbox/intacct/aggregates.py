"""Aggregates in a query: `sum:numberOfUnits` beside plain fields, which become the groups (documented)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from worker.sandbox.intacct.fields import Field, show
from worker.sandbox.intacct.refusals import wrong

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

FUNCTIONS: Final[Mapping[str, tuple[frozenset[str], Callable[[Sequence[Any]], Any]]]] = {
    "count": (frozenset({"boolean", "enum", "texts"}), len),
    "sum": (frozenset({"number", "decimal"}), sum),
    "avg": (frozenset({"number", "decimal"}), lambda values: sum(values) / len(values)),
    "min": (frozenset({"number", "decimal", "key", "text", "moment"}), min),
    "max": (frozenset({"number", "decimal", "key", "text", "moment"}), max),
}
"""Which kinds of field a function takes, and what it makes of their values. `count` on a text is refused (documented)."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the answer. Without a function it is a plain field."""

    name: str
    field: Field
    function: str = ""

    def of(self, records: Sequence[Any]) -> Any:  # noqa: ANN401 - any JSON
        """The value for a group. Nulls are left out; of nothing there is nothing but a count of 0."""
        if not self.function:
            return self.field.shown(records[0])
        values = [value for value in map(self.field.read, records) if value is not None]
        if not values:
            return 0 if self.function == "count" else None
        made = FUNCTIONS[self.function][1](values)
        return made if self.function == "count" else show(self.field.kind, made)


def check(function: str, field: Field, name: str, target: str) -> None:
    """Raises `Refused` for a function that there is not, or not for this field."""
    known = FUNCTIONS.get(function)
    if known is None:
        raise wrong(f"'{function}' is not a valid function", target)
    if field.kind not in known[0]:
        raise wrong(f"'{function}' cannot be used on the field '{name}'", target)


def grouped(columns: Sequence[Column], records: Iterable[Any]) -> list[dict[str, Any]]:
    """One row for each group, in the order in which they first came; without groups one row of all."""
    plain = [column for column in columns if not column.function]
    groups: dict[tuple[Any, ...], list[Any]] = {} if plain else {(): []}
    for record in records:
        groups.setdefault(tuple(column.field.read(record) for column in plain), []).append(record)
    return [{column.name: column.of(members) for column in columns} for members in groups.values()]
