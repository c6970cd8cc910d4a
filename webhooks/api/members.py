"""Fields of forms as JSON Schema: what each takes, said to programs. No stricter than the field, which also takes space around a text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from webhooks.api import fields as own
from worker.jobs.filters import MOST_IDS
from worker.kinds import fields as kinds
from worker.kinds import syncs
from worker.settings import ERPS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from marshmallow.fields import Field

_NESTED: Final = {"type": "string", "enum": list(syncs.NESTED)}
_EACH: Final = {"type": "object", "properties": dict.fromkeys(ERPS, _NESTED), "additionalProperties": False, "minProperties": 1}
_DECIMAL: Final = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"
_AMOUNT: Final = {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": _DECIMAL}]}


def _words(field: Any) -> dict[str, Any]:  # noqa: ANN401 - one of the fields below
    one = {"type": "string", "enum": list(field.words)}
    return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}


MEMBERS: Final[Mapping[type[Any], Callable[[Any], dict[str, Any]]]] = {
    kinds.Text: lambda field: {"type": "string", "minLength": field.least, "maxLength": field.most},
    kinds.Flag: lambda _: {"type": "boolean"},
    kinds.OneOf: lambda field: {"type": "string", "enum": list(field.words)},
    kinds.Whole: lambda _: {"type": "integer", "minimum": 0, "maximum": kinds.INT32 - 1},
    kinds.Percent: lambda _: {"anyOf": [{"type": "number", "minimum": 0, "maximum": 100}, {"type": "string", "pattern": _DECIMAL}]},
    kinds.Amount: lambda _: dict(_AMOUNT),
    kinds.Day: lambda _: {"type": "string", "description": "An ISO 8601 date, or a date and time.", "examples": ["2026-01-31"]},
    syncs.Targets: lambda _: {"type": "array", "items": {"type": "string", "enum": list(ERPS)}, "minItems": 1, "uniqueItems": True},
    syncs.Nested: lambda _: {"anyOf": [_NESTED, _EACH]},
    own.Instant: lambda _: {"type": "string", "format": "date-time"},
    own.Between: lambda field: {"type": "integer", "minimum": field.least, "maximum": field.most},
    own.Anything: lambda _: {"type": "object"},
    own.Yes: lambda _: {"const": True},
    own.Items: lambda _: {"type": "array"},
    own.GroupId: lambda _: {"type": "string", "pattern": own.GROUP_PATTERN},
    own.Ids: lambda _: {"type": "array", "items": {"type": "string", "pattern": own.ID_PATTERN}, "minItems": 1, "maxItems": MOST_IDS},
    own.Tags: lambda _: {"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 60}, "maxItems": own.MOST_TAGS},
    own.Words: _words,
}


def member_of(field: Field[Any]) -> dict[str, Any] | None:
    """What a field of ours takes; None for one of marshmallow's own."""
    make = next((MEMBERS[each] for each in type(field).__mro__ if each in MEMBERS), None)
    if make is None:
        return None
    plain = make(field)
    return {"anyOf": [plain, {"type": "null"}]} if field.allow_none else plain
