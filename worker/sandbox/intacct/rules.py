"""What may be done to a kit's components, and what it does. Every function raises `Refused` or takes effect at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from worker.sandbox.intacct.components import Component
from worker.sandbox.intacct.items import KITS, NON_INVENTORY, Audit, Item
from worker.sandbox.intacct.refusals import business, missing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.sandbox.intacct.company import Company
    from worker.sandbox.intacct.forms import Form

CREATED: Final = "after_create"
UPDATED: Final = "after_update"
DELETED: Final = "after_delete"
_NAMES: Final[Mapping[str, str]] = {
    "numberOfUnits": "units",
    "revenuePercentage": "percentage",
    "defaultDeliveryStatus": "delivery",
    "defaultDeferralStatus": "deferral",
    "lineNumber": "line",
}


@dataclass(frozen=True, slots=True)
class Change:
    """What took effect, for counts and triggers."""

    event: str
    component: Component
    twice: bool = False


def create(company: Company, form: Form, user: str, now: float) -> Change:
    """A new component."""
    kit, item = _item(company, form, "kit", "create"), _item(company, form, "component", "create")
    _check(kit, item, "create")
    components = company.components
    twice = any(each.by_api and each.component.key == item.key for each in components.of_kit(kit.key))
    values = {"units": 1, "line": components.free_line(kit.key), **_values(form)}
    component = Component(components.next_key(), kit, item, audit=Audit(now, now, user, user), by_api=True, **values)
    components.put(component)
    return Change(CREATED, component, twice)


def update(company: Company, key: str, form: Form, user: str, now: float) -> Change:
    """The component with the fields that were sent. Its kit may be named but not changed (documented for owned objects)."""
    old = find(company, key)
    kit = _item(company, form, "kit", "update") if "kit" in form else old.kit
    if kit.key != old.kit.key:
        raise business("update", "The kit of a component cannot be changed", target="/kit")
    item = _item(company, form, "component", "update") if "component" in form else old.component
    _check(kit, item, "update")
    changed = replace(old, component=item, audit=replace(old.audit, modified=now, modified_by=user), **_values(form))
    company.components.put(changed)
    return Change(UPDATED, changed)


def delete(company: Company, key: str) -> Change:
    """The component is gone."""
    component = find(company, key)
    company.components.remove(component)
    return Change(DELETED, component)


def find(company: Company, key: str) -> Component:
    """The component of this key, or 404."""
    component = company.components.get(key)
    if component is None:
        raise missing(key)
    return component


def why_not(kit: Item, item: Item) -> str:
    """Why an item can't go into a kit; empty when it can. What of it is documented stands in the package's docstring."""
    if kit.type not in KITS:
        return f"Item {kit.id} is not a kit"
    if item.status != "active":
        return f"Item {item.id} is inactive"
    if kit.type == "stockableKit" and item.type == "kit":
        return f"A stockable kit cannot contain the kit {item.id}"
    if item.type in NON_INVENTORY and not item.fulfilment:
        return f"Fulfillment is not enabled for the non-inventory item {item.id}"
    return ""


def _check(kit: Item, item: Item, doing: str) -> None:
    """Refuse what does not go together."""
    why = why_not(kit, item)
    if why:
        raise business(doing, why)


def _item(company: Company, form: Form, name: str, doing: str) -> Item:
    """The item that a reference names; its key counts before its id."""
    reference = form[name]
    item = company.items.get(reference["key"]) if "key" in reference else company.items.of_id(reference["id"])
    if item is None:
        said = reference.get("key") or reference["id"]
        raise business(doing, f"There is no item {said}", code="invalidKey", target=f"/{name}")
    return item


def _values(form: Form) -> dict[str, Any]:
    """The fields of a form under the names that a component has for them."""
    return {ours: form[name] for name, ours in _NAMES.items() if name in form}
