"""Kit components of one company, and their line numbers: a number that is taken pushes the line that has it (documented)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from worker.sandbox.intacct.items import Audit, Item, audit_record, item_reference, number

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

COMPONENT_OBJECT: Final = "inventory-control/kit-component"
DELIVERY: Final = ("delivered", "undelivered")
DEFERRAL: Final = ("deferUntilItemIsDelivered", "deferBundleUntilItemIsDelivered")


@dataclass(frozen=True, slots=True)
class Component:
    """One line of a kit. `units` in the component's own unit. `by_api`: made by a call, not by a person."""

    key: str
    kit: Item
    component: Item
    units: Decimal
    line: int
    audit: Audit
    percentage: Decimal | None = None
    delivery: str = DELIVERY[0]
    deferral: str = DEFERRAL[0]
    by_api: bool = False

    @property
    def href(self) -> str:
        """Its path, as answers name it."""
        return f"/objects/{COMPONENT_OBJECT}/{self.key}"


class Components:
    """All components, by key and by kit."""

    __slots__ = ("_by_key", "_last", "_of_kit")

    def __init__(self) -> None:
        self._by_key: dict[str, Component] = {}
        self._of_kit: dict[str, set[str]] = {}
        self._last = 0

    def all(self) -> Iterable[Component]:
        """Every component, oldest first."""
        return self._by_key.values()

    def get(self, key: str) -> Component | None:
        """The component of this key."""
        return self._by_key.get(key)

    def of_kit(self, kit_key: str) -> list[Component]:
        """A kit's components by line number."""
        return sorted((self._by_key[key] for key in self._of_kit.get(kit_key, ())), key=attrgetter("line"))

    def next_key(self) -> str:
        """A key that was never given before."""
        self._last += 1
        return str(self._last)

    def free_line(self, kit_key: str) -> int:
        """The number after a kit's last."""
        return max((each.line for each in self.of_kit(kit_key)), default=0) + 1

    def put(self, component: Component) -> None:
        """New or changed; whoever has its line number moves to the next, and pushes in turn."""
        self._by_key[component.key] = component
        self._of_kit.setdefault(component.kit.key, set()).add(component.key)
        taken = component.line
        for other in self.of_kit(component.kit.key):
            if other.key != component.key and other.line == taken:
                taken += 1
                self._by_key[other.key] = replace(other, line=taken)

    def remove(self, component: Component) -> None:
        """Gone; the others keep their numbers."""
        del self._by_key[component.key]
        self._of_kit[component.kit.key].discard(component.key)

    def refresh(self, item: Item) -> None:
        """An item was changed: its lines show it as it is now."""
        for key, each in self._by_key.items():
            if each.kit.key == item.key:
                self._by_key[key] = replace(each, kit=item)
            elif each.component.key == item.key:
                self._by_key[key] = replace(each, component=item)

    def saved(self) -> tuple[dict[str, Component], dict[str, set[str]]]:
        """All as it stands, to come back to."""
        return dict(self._by_key), {kit: set(keys) for kit, keys in self._of_kit.items()}

    def restore(self, saved: tuple[dict[str, Component], dict[str, set[str]]]) -> None:
        """As it stood then; keys that were given meanwhile are not given again."""
        self._by_key, self._of_kit = saved


def component_reference(component: Component) -> dict[str, str]:
    """Key, id (always the same as the key) and link."""
    return {"key": component.key, "id": component.key, "href": component.href}


def component_record(component: Component) -> dict[str, Any]:
    """All of a component, its items nested."""
    item = component.component
    about = {
        **item_reference(item),
        "name": item.name,
        "costMethod": item.cost_method,
        "itemType": item.type,
        "unitOfMeasure": item.unit,
        "standardCost": str(item.cost),
    }
    return {
        "key": component.key,
        "id": component.key,
        "kit": item_reference(component.kit),
        "component": about,
        "numberOfUnits": number(component.units),
        "revenuePercentage": None if component.percentage is None else number(component.percentage),
        "defaultDeliveryStatus": component.delivery,
        "defaultDeferralStatus": component.deferral,
        "lineNumber": component.line,
        "audit": audit_record(component.audit),
        "href": component.href,
    }
