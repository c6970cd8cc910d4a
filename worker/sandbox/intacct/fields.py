"""What a query can name: the fields of items and kit components, with the fields of what a component refers to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal

from worker.sandbox.intacct.components import COMPONENT_OBJECT
from worker.sandbox.intacct.items import ITEM_OBJECT, moment_text, number
from worker.sandbox.intacct.refusals import wrong

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Kind = Literal["key", "text", "enum", "number", "decimal", "boolean", "moment", "texts", "href"]
"""`key`: a text that counts as a number; `decimal`: a number that is shown as a text; `moment`: seconds, shown as a text."""

NUMBERS: Final = frozenset({"key", "number", "decimal"})
_SHOWN: Final[Mapping[str, Callable[[Any], Any]]] = {"key": str, "number": number, "decimal": str, "moment": moment_text}


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `read` gives the value that is compared; `shown` the one that stands in a row."""

    kind: Kind
    read: Callable[[Any], Any]

    def shown(self, record: object) -> Any:  # noqa: ANN401 - any JSON
        """The value of this field in a row."""
        return show(self.kind, self.read(record))


def show(kind: Kind, value: Any) -> Any:  # noqa: ANN401 - any JSON
    """A compared value as rows have it."""
    make = _SHOWN.get(kind)
    return value if make is None or value is None else make(value)


_AUDIT: Final = {
    "audit.createdDateTime": Field("moment", lambda record: record.audit.created),
    "audit.modifiedDateTime": Field("moment", lambda record: record.audit.modified),
    "audit.createdByUser.key": Field("text", lambda record: record.audit.created_by),
    "audit.createdByUser.id": Field("text", lambda record: record.audit.created_by),
    "audit.modifiedByUser.key": Field("text", lambda record: record.audit.modified_by),
    "audit.modifiedByUser.id": Field("text", lambda record: record.audit.modified_by),
}
_ITEM: Final = {
    "key": Field("key", lambda item: int(item.key)),
    "id": Field("text", lambda item: item.id),
    "name": Field("text", lambda item: item.name),
    "status": Field("enum", lambda item: item.status),
    "itemType": Field("enum", lambda item: item.type),
    "costMethod": Field("enum", lambda item: item.cost_method),
    "standardCost": Field("decimal", lambda item: item.cost),
    "unitOfMeasure": Field("text", lambda item: item.unit),
    "enableFulfillment": Field("boolean", lambda item: item.fulfilment),
    "kitRevenuePosting": Field("enum", lambda item: item.posting),
    "kitRevenuePrinting": Field("enum", lambda item: item.printing),
    "isEnabledForContracts": Field("boolean", lambda _item: False),
    **_AUDIT,
    "href": Field("href", lambda item: item.href),
}


def _of(related: str, read: Callable[[Any], Any], record: object) -> Any:  # noqa: ANN401 - any JSON
    return read(getattr(record, related))


def _related(name: str) -> Iterator[tuple[str, Field]]:
    """The fields of the item that a component refers to by this name."""
    for item_name, field in _ITEM.items():
        yield f"{name}.{item_name}", Field(field.kind, partial(_of, name, field.read))


_COMPONENT: Final = {
    "key": Field("key", lambda each: int(each.key)),
    "id": Field("key", lambda each: int(each.key)),
    **dict(_related("kit")),
    **dict(_related("component")),
    "numberOfUnits": Field("number", lambda each: each.units),
    "revenuePercentage": Field("number", lambda each: each.percentage),
    "defaultDeliveryStatus": Field("enum", lambda each: each.delivery),
    "defaultDeferralStatus": Field("enum", lambda each: each.deferral),
    "lineNumber": Field("number", lambda each: each.line),
    **_AUDIT,
    "href": Field("href", lambda each: each.href),
}
FIELDS: Final[Mapping[str, Mapping[str, Field]]] = {COMPONENT_OBJECT: _COMPONENT, ITEM_OBJECT: _ITEM}
CHILDREN: Final[Mapping[str, tuple[str, ...]]] = {
    COMPONENT_OBJECT: ("kit.kitComponents", "component.kitComponents"),
    ITEM_OBJECT: ("kitComponents",),
}
"""Lists of children: a path from a parent down to them is refused."""


def field_of(fields: Mapping[str, Field], children: tuple[str, ...], name: object, target: str) -> Field:
    """The field of this name. Raises `Refused`: REST-1107 from a parent to its children (seen), REST-1043 for what there is not."""
    if not isinstance(name, str):
        raise wrong("A field name is expected", target)
    if name.startswith(children):
        raise wrong(f"Path '{name}' crosses a list", target, "REST-1107")
    field = fields.get(name)
    if field is None:
        raise wrong(f"'{name}' is not a valid field", target, "REST-1043")
    return field


def usable(field: Field, name: str, target: str) -> Field:
    """The same, if it may be filtered and sorted by. Raises `Refused`."""
    if field.kind == "href":
        raise wrong(f"'{name}' cannot be used to filter or sort", target)
    return field
