"""What ItemPath's answers hold, behind their envelopes. Pure. Everything here raises `BadAnswer`."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from marshmallow import Schema, ValidationError

from worker.clients.itempath.fields import decimal_of
from worker.errors import BadAnswer, Rejected

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.clients.itempath.fields import ReadSchema
    from worker.clients.itempath.records import Record

R = TypeVar("R", bound="Record")
_GONE: Final = ("true", "True")
_COUNTS: Final = ("count", "total", "totalcount", "total_count")
_DEEPEST: Final = 3


def listed(value: object, envelope: str) -> list[Mapping[str, Any]]:
    """The records of a list: `{"kit_lines": […]}`; under another name, if it is the only list there (the log's is not documented)."""
    found = value.get(envelope, _only_list(value)) if isinstance(value, Mapping) else value
    if not isinstance(found, list) or not all(isinstance(record, Mapping) for record in found):
        raise BadAnswer(f"a list without its {envelope}")
    return found


def single(value: object, envelope: str) -> Mapping[str, Any]:
    """The one record: `{"kit_line": {…}}`, or the record itself."""
    found = value.get(envelope, value) if isinstance(value, Mapping) else None
    if not isinstance(found, Mapping):
        raise BadAnswer(f"an answer without its {envelope}")
    return found


def load(schema: type[ReadSchema], value: Mapping[str, Any], record: type[R]) -> R:
    """The record that a JSON object is."""
    try:
        return cast("R", ready(schema).load(value))
    except ValidationError as error:
        raise BadAnswer(f"not a {record.__name__} as ItemPath shows it: {str(error)[:200]}") from error


@cache
def ready(schema: type[Schema]) -> Schema:
    """One schema for the process: making one is dear."""
    return schema()


def counted(value: object) -> int:
    """The answer to `countOnly`, whose shape is not documented: a number, or what holds exactly one, or one that is called count."""
    numbers = list(_numbers("", value, 0))
    named = [(name, number) for name, number in numbers if name in _COUNTS]
    found = numbers if len(numbers) == 1 else named
    if len(found) != 1:
        raise BadAnswer("an answer to countOnly that does not hold one number")
    return found[0][1]


def deleted(value: object) -> None:
    """Nothing, if the answer says that it is deleted. `{"deleted": "true"}`, a string, is what is seen.

    Raises `Rejected` where it says anything else of `deleted`, and `BadAnswer` where it says nothing.
    """
    if not isinstance(value, Mapping) or "deleted" not in value:
        raise BadAnswer("an answer to a delete that does not say whether it is deleted")
    said = value["deleted"]
    if said is True or (type(said) is int and said == 1) or (isinstance(said, str) and said.strip() in _GONE):
        return
    raise Rejected(f"ItemPath did not delete it: it answers deleted {str(said)[:40]!r}", error_class="conflict")


def _only_list(value: Mapping[str, Any]) -> object:
    lists = [each for each in value.values() if isinstance(each, list)]
    return lists[0] if len(lists) == 1 else None


def _numbers(name: str, value: object, depth: int) -> Iterator[tuple[str, int]]:
    if depth > _DEEPEST or value is None or isinstance(value, bool):
        return
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _numbers(str(key).lower(), inner, depth + 1)
    elif isinstance(value, list):
        for inner in value[:2]:
            yield from _numbers(name, inner, depth + 1)
    elif isinstance(value, (int, Decimal, str)):
        try:
            number = decimal_of(value)
        except ValidationError:
            return
        if number is not None and number >= 0 and number == number.to_integral_value():
            yield name, int(number)
