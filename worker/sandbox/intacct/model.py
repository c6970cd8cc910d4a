"""The model service: what an object has and can. Documented are `idempotenceSupported` and `httpMethods`; the rest is inferred."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from worker.sandbox.intacct.components import COMPONENT_OBJECT
from worker.sandbox.intacct.fields import FIELDS
from worker.sandbox.intacct.forms import REQUIRED, WRITABLE
from worker.sandbox.intacct.items import ITEM_OBJECT
from worker.sandbox.intacct.refusals import wrong

if TYPE_CHECKING:
    from collections.abc import Mapping

_METHODS: Final[Mapping[str, str]] = {COMPONENT_OBJECT: "GET,POST,PATCH,DELETE", ITEM_OBJECT: "GET"}
_TYPES: Final[Mapping[str, str]] = {"boolean": "boolean", "number": "number"}


def model(name: str) -> dict[str, Any]:
    """One object, or the list of all when none is named. Raises `Refused`."""
    if not name:
        return _result([{"apiObject": each, "type": "rootObject"} for each in FIELDS])
    if name not in FIELDS:
        raise wrong(f"'{name}' is not a valid object", "/name")
    plain = {path: field for path, field in FIELDS[name].items() if "." not in path}
    writable = {*WRITABLE, *REQUIRED} if name == COMPONENT_OBJECT else set()
    fields = {path: {"type": _TYPES.get(field.kind, "string"), "readOnly": path not in writable} for path, field in plain.items()}
    refs = {path: {"apiObject": ITEM_OBJECT} for path in ("kit", "component")} if name == COMPONENT_OBJECT else {}
    return _result(
        {
            "apiObject": name,
            "type": "rootObject",
            "isOwner": False,
            "fields": fields,
            "refs": refs,
            "lists": {},
            "httpMethods": _METHODS[name],
            "idempotenceSupported": name == COMPONENT_OBJECT,
        }
    )


def _result(found: object) -> dict[str, Any]:
    return {"ia::result": found, "ia::meta": {"totalCount": len(found) if isinstance(found, list) else 1}}
