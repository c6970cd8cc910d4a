"""The bodies of writes: JSON objects whose members have the documented kinds. Members that are not known are ignored (inferred)."""

from __future__ import annotations

from typing import Any, Final

from worker.sandbox.itempath.refusals import refused
from worker.sandbox.wire import parsed

LINE: Final = {"kitId": "uuid", "materialId": "uuid", "number": "integer", "quantity": "float", "target": "string"}
KIT: Final = {"name": "string", "target": "string", "lines": "array"}
MATERIAL: Final = {
    "name": "string",
    "unitOfMeasure": "string",
    **dict.fromkeys(("Info1", "Info2", "Info3", "Info4", "Info5"), "string"),
    "blockReason": "string",
    "isBlocked": "integer",
    "codes": "array",
}
LONGEST: Final = {"name": 50, "unitOfMeasure": 50, "blockReason": 50} | dict.fromkeys(("Info1", "Info2", "Info3", "Info4", "Info5"), 80)
"""Characters at most (documented for materials)."""


def read_form(body: bytes, fields: dict[str, str], required: tuple[str, ...] = ()) -> dict[str, Any]:
    """The members that were sent, ids in upper case. Raises `Refused`."""
    try:
        content = parsed(body)
    except ValueError:
        raise refused("The body is no JSON.") from None
    return read_members(content, fields, required)


def read_members(content: object, fields: dict[str, str], required: tuple[str, ...] = ()) -> dict[str, Any]:
    """The same for JSON that was read already."""
    if not isinstance(content, dict):
        raise refused("An object is expected.")
    missing = [name for name in required if content.get(name) in {None, ""}]
    if missing:
        raise refused(f"Missing required parameter: {', '.join(missing)}")
    return {name: _value(name, kind, content[name]) for name, kind in fields.items() if content.get(name) is not None}


def _value(name: str, kind: str, value: object) -> Any:  # noqa: ANN401 - of the field's kind
    """One member."""
    if kind == "array" and isinstance(value, list):
        return value
    if kind == "integer" and isinstance(value, int) and not isinstance(value, bool):
        return value
    if kind == "float" and isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
        return float(value)
    if kind == "uuid" and isinstance(value, str):
        return value.strip().upper()
    if kind == "string" and isinstance(value, str) and len(value) <= LONGEST.get(name, len(value)):
        return value
    raise refused(f"Invalid value for {name}: {value}")
