"""Recipes and kits as JSON values, for a job's memory and for snapshots. Decimals are strings and come back digit for digit."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from worker.kits.model import Line, Recipe, RemoteKit, RemoteLine

_MARK: Final = "$"
_DECIMAL: Final = "$decimal"


def to_json(recipe: Recipe) -> dict[str, Any]:
    """The recipe as JSON values. Its lines' extras are JSON values too, or decimals."""
    return {
        "code": recipe.code,
        "revision": recipe.revision,
        "type": recipe.type,
        "active": recipe.active,
        "lines": [_line_to_json(line) for line in recipe.lines],
    }


def from_json(value: Mapping[str, Any]) -> Recipe:
    """The recipe that `to_json` was given; tuples in extras come back as lists."""
    lines = tuple(_line_from_json(line) for line in value["lines"])
    return Recipe(value["code"], lines, value["revision"], value["type"], value["active"])


def remote_to_json(kit: RemoteKit) -> dict[str, Any]:
    """A kit as it stands in one system, as JSON values; its facts are JSON values too, or decimals."""
    lines = [{"id": each.id, "item_id": each.item_id, "number": each.number, "line": _line_to_json(each.line)} for each in kit.lines]
    named = {"id": kit.id, "code": kit.code, "revision": kit.revision, "type": kit.type, "active": kit.active, "posting": kit.posting}
    return {**named, "facts": _packed(kit.facts), "lines": lines}


def remote_from_json(value: Mapping[str, Any]) -> RemoteKit:
    """The kit that `remote_to_json` was given; tuples in facts come back as lists."""
    lines = tuple(RemoteLine(each["id"], _line_from_json(each["line"]), each["item_id"], each["number"]) for each in value["lines"])
    rest = {name: value[name] for name in ("id", "code", "revision", "type", "active", "posting")}
    return RemoteKit(lines=lines, facts=_unpacked(value["facts"]), **rest)


def _line_to_json(line: Line) -> dict[str, Any]:
    return {
        "component": line.component,
        "quantity": str(line.quantity),
        "unit": line.unit,
        "type": line.type,
        "stocked": line.stocked,
        "rank": line.rank,
        "extras": _packed(line.extras),
    }


def _line_from_json(value: Mapping[str, Any]) -> Line:
    return Line(
        component=value["component"],
        quantity=Decimal(value["quantity"]),
        unit=value["unit"],
        type=value["type"],
        stocked=value["stocked"],
        rank=value["rank"],
        extras=_unpacked(value["extras"]),
    )


def _packed(value: Any) -> Any:  # noqa: ANN401 - JSON values
    """A decimal is an object with a mark; a key that begins like the mark gets one sign more, so nothing is taken for a decimal."""
    if isinstance(value, Decimal):
        return {_DECIMAL: str(value)}
    if isinstance(value, Mapping):
        return {f"{_MARK}{key}" if key.startswith(_MARK) else key: _packed(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_packed(each) for each in value]
    return value


def _unpacked(value: Any) -> Any:  # noqa: ANN401 - JSON values
    if isinstance(value, list):
        return [_unpacked(each) for each in value]
    if not isinstance(value, Mapping):
        return value
    if _DECIMAL in value:
        return Decimal(value[_DECIMAL])
    return {key.removeprefix(_MARK): _unpacked(each) for key, each in value.items()}
