"""The write forms: which fields there are, which are wrapped in `{"value": …}`, and what each may hold (documented).

Those of kit specifications were seen in an SDK.
A form that cannot be bound is refused with all its faults (inferred). Fields that no form knows are ignored (inferred),
also `itemID`, the read form's spelling. A field that is sent as null is cleared (seen: "sending null may alter"),
so that a client which sends nulls is found out.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from worker.sandbox.visma.refusals import malformed
from worker.sandbox.wire import parsed

TEXT: Final = "string"
FLAG: Final = "boolean"
DECIMAL: Final = "decimal"
WHOLE: Final = "integer"
MOMENT: Final = "date-time"

OPERATIONS: Final = {"Insert": "Insert", "Update": "Update", "Delete": "Delete", 1: "Insert", 2: "Update", 3: "Delete"}

KIT_ALLOCATION: Final = {
    "lineNbr": WHOLE,
    "location": TEXT,
    "lotSerialNumber": TEXT,
    "quantity": DECIMAL,
    "uom": TEXT,
    "expirationDate": MOMENT,
}
STOCK_ALLOCATION: Final = {**KIT_ALLOCATION, "itemId": TEXT}
NON_STOCK_LINE: Final = {"lineNbr": WHOLE, "itemId": TEXT, "uoM": TEXT, "quantity": DECIMAL, "unitCost": DECIMAL, "reasonCode": TEXT}
STOCK_LINE: Final = {**NON_STOCK_LINE, "location": TEXT}
LINK: Final = {"orderType": TEXT, "orderNumber": TEXT, "orderLineNumber": WHOLE}
WRAPPED: Final = {
    "hold": FLAG,
    "date": MOMENT,
    "postPeriod": TEXT,
    "itemId": TEXT,
    "revision": TEXT,
    "reasonCode": TEXT,
    "description": TEXT,
    "warehouse": TEXT,
    "location": TEXT,
    "uoM": TEXT,
    "quantity": DECIMAL,
}
LISTS: Final = {
    "stockComponentLines": STOCK_LINE,
    "stockComponentAllocations": STOCK_ALLOCATION,
    "nonStockComponentLines": NON_STOCK_LINE,
    "kitAllocations": KIT_ALLOCATION,
}
SPECIFICATION: Final = {
    "kitInventoryID": TEXT,
    "revisionID": TEXT,
    "descr": TEXT,
    "isActive": FLAG,
    "allowCompAddition": FLAG,
    "isNonStock": FLAG,
}
NON_STOCK_COMPONENT: Final = {
    "lineNbr": WHOLE,
    "compInventoryID": TEXT,
    "dfltCompQty": DECIMAL,
    "uom": TEXT,
    "allowQtyVariation": FLAG,
    "minCompQty": DECIMAL,
    "maxCompQty": DECIMAL,
}
STOCK_COMPONENT: Final = {**NON_STOCK_COMPONENT, "disassemblyCoeff": DECIMAL, "allowSubstitution": FLAG}
SPECIFICATION_LISTS: Final = {"stockComponentLines": STOCK_COMPONENT, "nonStockComponentLines": NON_STOCK_COMPONENT}

Form = dict[str, Any]
Faults = dict[str, list[str]]


def read_form(body: bytes, *, insert: bool) -> Form:
    """The fields of `KitAssemblyInsertDto` or `KitAssemblyUpdateDto`, unwrapped, only those that were sent. Raises `Refused`."""
    content = _object(body)
    faults: Faults = {}
    form = _sent(content, WRAPPED, LISTS, faults)
    form |= _bare(content, faults)
    if insert and content.get("kitAssemblyLink") is not None:
        form["kitAssemblyLink"] = _link(content["kitAssemblyLink"], faults)
    if faults:
        raise malformed(faults)
    return form


def read_specification(body: bytes) -> Form:
    """The fields of `KitSpecificationUpdateDto`, likewise. Raises `Refused`."""
    faults: Faults = {}
    form = _sent(_object(body), SPECIFICATION, SPECIFICATION_LISTS, faults)
    if faults:
        raise malformed(faults)
    return form


def _object(body: bytes) -> Form:
    """The JSON object in a body."""
    try:
        content = parsed(body)
    except ValueError:
        raise malformed({"": ["The body is not JSON."]}) from None
    if not isinstance(content, dict):
        raise malformed({"": ["An object is expected."]})
    return content


def _sent(content: Form, wrapped: dict[str, str], lists: dict[str, dict[str, str]], faults: Faults) -> Form:
    """The wrapped fields and the lists of a form."""
    form = _fields(content, wrapped, "", faults)
    for name, kinds in lists.items():
        if content.get(name) is not None:
            form[name] = _lines(content[name], name, kinds, faults)
    return form


def _bare(content: Form, faults: Faults) -> Form:
    """`type` and `refNo`, which are not wrapped."""
    found = {name: content[name] for name in ("type", "refNo") if content.get(name) is not None}
    for name, value in found.items():
        if not isinstance(value, str):
            faults[name] = ["A string is expected."]
    return found


def _link(content: object, faults: Faults) -> Form:
    """The sales order line that an assembly is for."""
    if isinstance(content, dict):
        return _fields(content, LINK, "kitAssemblyLink.", faults)
    faults["kitAssemblyLink"] = ["An object is expected."]
    return {}


def _lines(content: object, name: str, kinds: dict[str, str], faults: Faults) -> list[Form]:
    """Lines or allocations, each with its bare `operation`; Insert when none is named (inferred)."""
    if not isinstance(content, list):
        faults[name] = ["An array is expected."]
        return []
    return [_line(line, f"{name}[{number}]", kinds, faults) for number, line in enumerate(content)]


def _line(content: object, path: str, kinds: dict[str, str], faults: Faults) -> Form:
    """One line."""
    if not isinstance(content, dict):
        faults[path] = ["An object is expected."]
        return {}
    line = _fields(content, kinds, f"{path}.", faults)
    operation = content.get("operation", "Insert")
    if not isinstance(operation, str | int) or operation not in OPERATIONS:
        faults[f"{path}.operation"] = ["Insert, Update or Delete is expected."]
        return line
    line["operation"] = OPERATIONS[operation]
    nested = content.get("stockComponentLineAllocations")
    if nested is not None and kinds is STOCK_LINE:
        line["allocations"] = _lines(nested, f"{path}.stockComponentLineAllocations", STOCK_ALLOCATION, faults)
    return line


def _fields(content: Form, kinds: dict[str, str], path: str, faults: Faults) -> Form:
    """The wrapped fields that were sent; null and `{"value": null}` are None."""
    form: Form = {}
    for name, kind in kinds.items():
        if name not in content:
            continue
        wrapped = content[name]
        if wrapped is None:
            form[name] = None
        elif not isinstance(wrapped, dict):
            faults[path + name] = ['An object {"value": …} is expected.']
        elif "value" in wrapped:
            form[name] = _value(wrapped["value"], kind, path + name, faults)
    return form


def _value(value: object, kind: str, path: str, faults: Faults) -> object:
    """The value, if it is of its kind."""
    if value is None:
        return None
    if not _is(value, kind):
        faults[path] = [f"A {kind} is expected."]
    return float(value) if kind == DECIMAL and isinstance(value, int) else value


def _is(value: object, kind: str) -> bool:
    """Whether a JSON value is of this kind."""
    if isinstance(value, bool):
        return kind == FLAG
    if kind == DECIMAL:
        return isinstance(value, int | float)
    if kind == WHOLE:
        return isinstance(value, int)
    if kind == MOMENT:
        return isinstance(value, str) and _is_moment(value)
    return kind == TEXT and isinstance(value, str)


def _is_moment(text: str) -> bool:
    """Whether a text is an ISO date or date-time."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
