"""How Intacct writes its records, and the form in which it takes kit components. Pure.

A record by key nests its references (`{"kit": {"id": …}}`), a query gives the same under dotted names (`{"kit.id": …}`): one mapper takes
both, mixed too. It is by hand and by table, since a comparison of all kits reads tens of thousands of rows. Unknown names are kept aside;
what is known and can't be read is a `BadAnswer`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeVar, cast

from marshmallow import RAISE, Schema, ValidationError, fields

from worker.clients.intacct.records import IntacctItem, KitComponent, Page, Reference
from worker.errors import BadAnswer

R = TypeVar("R")
T = TypeVar("T")
_DEEPEST: Final = 6
_LONGEST: Final = 18


def text(value: object) -> str:
    """Text, or a number where a key is written as one."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise TypeError("is no text")
    return str(value)


def number(value: object) -> Decimal:
    """A number, exact; costs are decimal text (documented)."""
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        raise TypeError("is no number")
    try:
        found = Decimal(value.strip() if isinstance(value, str) else value)
    except InvalidOperation as error:
        raise ValueError("is no number") from error
    if not found.is_finite():
        raise ValueError("is no finite number")
    return found


def whole(value: object) -> int:
    """A whole number."""
    found = number(value)
    if found.adjusted() > _LONGEST or found != int(found):
        raise ValueError("is no whole number")
    return int(found)


def flag(value: object) -> bool:
    """True or false, as text too."""
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return value == "true"
    raise ValueError("is neither true nor false")


Table = Mapping[str, tuple[str, Callable[[object], Any]]]
COMPONENT: Final[Table] = {
    "key": ("key", text),
    "id": ("id", text),
    "kit.key": ("kit_key", text),
    "kit.id": ("kit_id", text),
    "component.key": ("component_key", text),
    "component.id": ("component_id", text),
    "component.name": ("component_name", text),
    "component.itemType": ("component_type", text),
    "component.costMethod": ("cost_method", text),
    "component.standardCost": ("standard_cost", number),
    "component.unitOfMeasure": ("unit_of_measure", text),
    "numberOfUnits": ("number_of_units", number),
    "revenuePercentage": ("revenue_percentage", number),
    "defaultDeliveryStatus": ("default_delivery_status", text),
    "defaultDeferralStatus": ("default_deferral_status", text),
    "lineNumber": ("line_number", whole),
    "audit.createdDateTime": ("created", text),
    "audit.modifiedDateTime": ("modified", text),
}
ITEM: Final[Table] = {
    "key": ("key", text),
    "id": ("id", text),
    "name": ("name", text),
    "status": ("status", text),
    "itemType": ("item_type", text),
    "enableFulfillment": ("fulfillment", flag),
    "unitOfMeasure": ("unit_of_measure", text),
    "baseUnit": ("base_unit", text),
    "standardCost": ("standard_cost", number),
    "kitRevenuePosting": ("posting", text),
}
"""Dotted names in Intacct's order, where each goes, and how it is read."""

REFERENCE: Final[Table] = {"key": ("key", text), "id": ("id", text), "href": ("href", text)}


def component_of(value: object) -> KitComponent:
    """A kit component, nested or dotted. Raises `BadAnswer`."""
    return KitComponent(**_read(value, COMPONENT, "kit component"))


def item_of(value: object) -> IntacctItem:
    """An item, likewise."""
    return IntacctItem(**_read(value, ITEM, "item"))


def reference_of(value: object, cached: str | None = None) -> Reference:
    """What a write answers. Raises `BadAnswer`."""
    found = _read(value, REFERENCE, "reference")
    found.pop("extras")
    return Reference(**found, cached=cached)


def result_of(value: object) -> Any:  # noqa: ANN401 (JSON is whatever it is)
    """What stands in `ia::result`. Raises `BadAnswer` where there is none."""
    if not isinstance(value, Mapping) or "ia::result" not in value:
        raise BadAnswer("an answer of Intacct without ia::result")
    return value["ia::result"]


def page_of(value: object, load: Callable[[object], T]) -> Page[T]:
    """A page of records. Raises `BadAnswer`.

    Its samples show a `next` behind the last record (documented): where `totalCount` says that nothing stands there, this was the last.
    """
    rows = result_of(value)
    if not isinstance(rows, list):
        raise BadAnswer("a list of Intacct that is none")
    meta = value.get("ia::meta") if isinstance(value, Mapping) else None
    told = meta if isinstance(meta, Mapping) else {}
    total, start, size, following = (_count(told.get(name)) for name in ("totalCount", "start", "pageSize", "next"))
    if not rows or (following is not None and total is not None and following > total):
        following = None
    return Page(records=tuple(load(row) for row in rows), total=total, start=start, size=size, next=following)


class ReferenceForm(Schema):
    """An item by its key: business codes are made keys first, since the newer schema demands them."""

    key = fields.String(required=True)

    class Meta:
        """We write this form ourselves: an unknown field is our fault."""

        unknown = RAISE


class Exact(fields.Field[Decimal]):
    """A JSON number, exact; a decimal string or a float as it is printed will do too."""

    def _deserialize(self, value: object, attr: str | None, data: Mapping[str, Any] | None, **options: object) -> Decimal:  # noqa: ARG002
        try:
            return number(repr(value) if isinstance(value, float) else value)
        except (TypeError, ValueError) as error:
            raise ValidationError(str(error)) from error


class KitComponentForm(Schema):
    """What may be written. `kit` on creating only: an owner can't be changed (documented for owned objects)."""

    kit = fields.Nested(ReferenceForm)
    component = fields.Nested(ReferenceForm)
    number_of_units = Exact(data_key="numberOfUnits")
    revenue_percentage = Exact(data_key="revenuePercentage", allow_none=True)
    default_delivery_status = fields.String(data_key="defaultDeliveryStatus")
    default_deferral_status = fields.String(data_key="defaultDeferralStatus")
    line_number = fields.Integer(data_key="lineNumber", strict=True)

    class Meta:
        """Likewise."""

        unknown = RAISE


_FORM: Final = KitComponentForm()


def component_body(values: Mapping[str, Any]) -> dict[str, Any]:
    """The form with these snake-case fields; `kit` and `component` are keys. What is not named is not sent. `ValueError` for others."""
    unknown = sorted(set(values) - set(_FORM.fields))
    if unknown:
        raise ValueError(f"a kit component has no {', '.join(unknown)}")
    named = {
        str(_FORM.fields[name].data_key or name): {"key": value} if name in ("kit", "component") else value
        for name, value in values.items()
    }
    try:
        loaded = cast("dict[str, Any]", _FORM.load(named))
    except ValidationError as error:
        raise ValueError(f"not a kit component: {error}") from error
    return {str(_FORM.fields[name].data_key or name): value for name, value in loaded.items()}


def _read(value: object, table: Table, what: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise BadAnswer(f"not a {what} as Intacct documents it")
    found: dict[str, Any] = {}
    extras: dict[str, Any] = {}
    for name, inner in _flat(value, "", 0):
        known = table.get(name)
        if known is None:
            extras[name] = inner
        elif inner is not None:
            try:
                found[known[0]] = known[1](inner)
            except (TypeError, ValueError) as error:
                raise BadAnswer(f"not a {what} as Intacct documents it: {name} {error}") from error
    return {**found, "extras": extras}


def _flat(value: Mapping[str, Any], before: str, depth: int) -> Iterator[tuple[str, Any]]:
    for name, inner in value.items():
        path = f"{before}{name}"
        if isinstance(inner, Mapping) and depth < _DEEPEST:
            yield from _flat(inner, f"{path}.", depth + 1)
        else:
            yield path, inner


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
