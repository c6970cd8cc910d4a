"""Queries of Intacct's query service as a person writes them: filters by field, operator and value; orders; what joins the filters."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, cast

import click

from worker.clients.intacct.expressions import checked
from worker.clients.intacct.query import KIT_COMPONENT, LARGEST, OPERATORS, Filter, Parameters, Query
from worker.clients.intacct.reading import COMPONENT_FIELDS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date

    from worker.clients.intacct.query import Direction

SYMBOLS: Final = {"=": "$eq", "!=": "$ne", "<": "$lt", "<=": "$lte", ">": "$gt", ">=": "$gte"}
WORDS: Final = {"true": True, "false": False, "null": None}
ORDER: Final = (("kit.id", "asc"), ("lineNumber", "asc"), ("key", "asc"))
_LISTS: Final = ("$in", "$notIn")
_PAIRS: Final = ("$between", "$notBetween")
_EQUAL: Final = ("$eq", "$ne")
_BY_CASE: Final = {operator.lower(): operator for operator in OPERATORS}
_AGGREGATE: Final = re.compile(r"(?:count|avg|sum|min|max):")


def filter_of(field: str, operator: str, value: str) -> Filter:
    """One condition. The operator is Intacct's, with or without its `$`, or a sign such as `>=`.

    Lists and pairs have commas between their values; `true`, `false` and `null` mean themselves after `eq` and `ne`. Everything else is
    sent as text, numbers too, as the documentation's own samples do. Raises `ValueError`.
    """
    name = SYMBOLS.get(operator) or _BY_CASE.get(f"${operator.lstrip('$')}".lower())
    if name is None:
        raise ValueError(f"{operator!r} is no operator; there are {' '.join(each[1:] for each in OPERATORS)}")
    return Filter(name, field, _value(name, value))


def order_of(text: str) -> tuple[str, Direction]:
    """`lineNumber`, or `lineNumber:desc`. Raises `ValueError`."""
    name, _, direction = text.partition(":")
    if direction not in ("", "asc", "desc"):
        raise ValueError(f"{text!r}: asc or desc is expected behind the colon")
    return name, cast("Direction", direction or "asc")


def query_of(
    filters: Sequence[tuple[str, str, str]],
    *,
    kits: Sequence[str] = (),
    components: Sequence[str] = (),
    fields: Sequence[str] = (),
    expression: str | None = None,
    order_by: Sequence[str] = (),
    any_case: bool = False,
    hierarchy: bool = False,
    private: bool = False,
    as_of: date | None = None,
    size: int = LARGEST,
) -> Query:
    """A query for kit components. Filters by kit and component come behind the others, and always hold. Raises `click.UsageError`."""
    said = {"case_sensitive": False if any_case else None, "hierarchy": hierarchy or None, "private": private or None, "as_of": as_of}
    try:
        written = tuple(filter_of(*each) for each in filters)
        named = (*_named("kit.id", kits), *_named("component.id", components))
        return Query(
            object=KIT_COMPONENT,
            fields=tuple(fields) or COMPONENT_FIELDS,
            filters=(*written, *named),
            expression=_joined(expression, len(written), len(named)),
            parameters=Parameters(**cast("Any", said)),
            order=tuple(order_of(each) for each in order_by) or (() if grouped(fields) else cast("Any", ORDER)),
            size=size,
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def grouped(fields: Sequence[str]) -> bool:
    """Whether some of the fields are aggregates: then a row is no record."""
    return any(_AGGREGATE.match(each) for each in fields)


def options() -> Callable[[Any], Any]:
    """The options whose names are the parameters of `query_of`."""

    def decorated(command: Any) -> Any:  # noqa: ANN401 - a command
        for option in reversed(_OPTIONS):
            command = option(command)
        return command

    return decorated


def _value(operator: str, text: str) -> Any:  # noqa: ANN401 - a JSON value
    if operator in (*_LISTS, *_PAIRS):
        return tuple(part.strip() for part in text.split(","))
    return WORDS.get(text, text) if operator in _EQUAL else text


def _named(field: str, codes: Sequence[str]) -> tuple[Filter, ...]:
    if not codes:
        return ()
    return (Filter("$eq", field, codes[0]) if len(codes) == 1 else Filter("$in", field, tuple(codes)),)


def _joined(expression: str | None, written: int, named: int) -> str:
    if expression is None or not named:
        return expression or "and"
    bare = checked(expression, written)
    whole = f" {bare} ".join(map(str, range(1, written + 1))) if bare in ("and", "or") else bare
    mine = " and ".join(map(str, range(written + 1, written + named + 1)))
    return f"({whole}) and {mine}" if whole else mine


_OPTIONS: Final = (
    click.option("--kit", "kits", metavar="CODE", multiple=True, help="In this kit; several times: in one of them."),
    click.option("--component", "components", metavar="CODE", multiple=True, help="Of this item; likewise."),
    click.option("--filter", "filters", metavar="FIELD OP VALUE", type=(str, str, str), multiple=True, help="Such as numberOfUnits gt 1."),
    click.option("--expression", metavar="TEXT", help="What joins the filters, by their numbers: '(1 or 2) and 3'. All hold unless said."),
    click.option("--field", "fields", metavar="NAME", multiple=True, help="Show this field, or an aggregate such as max:numberOfUnits."),
    click.option("--order-by", metavar="FIELD[:desc]", multiple=True, help="By kit and line unless said."),
    click.option("--any-case", is_flag=True, help="Texts are compared without case."),
    click.option("--hierarchy", is_flag=True, help="Include hierarchy fields."),
    click.option("--private", is_flag=True, help="Include private records."),
    click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="What 'today' means in filters."),
)
