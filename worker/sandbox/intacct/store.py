"""The kits as people see them in Intacct's own screens: no call, no effect, and a trigger if it is asked for."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

from worker.sandbox.intacct.components import DEFERRAL, DELIVERY, Component
from worker.sandbox.intacct.items import ITEM_OBJECT, ITEM_TYPES, KITS, Audit, Item
from worker.sandbox.intacct.rules import UPDATED, why_not
from worker.sandbox.intacct.triggers import Trigger
from worker.sandbox.kits import UNIT, quantity_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from worker.sandbox.intacct.company import Company
    from worker.sandbox.intacct.triggers import Triggers
    from worker.sandbox.world import World

PERSON: Final = "ANNA"
"""The user who edits here."""


class Store:
    """Implements `worker.sandbox.kits.KitStore`.

    `put` takes about the kit: `type` (kit or stockableKit), `name`, `posting` (componentLevel or kitLevel), `status`, `user` who edits;
    and in a line, beside what every ERP takes: `type`, `name`, `unit`, `cost`, `status`, `fulfilment` of its component, and `percentage`,
    `delivery`, `deferral` of the line. What is left out stays as it is. A component may be inactive, as one that became so later.
    """

    def __init__(self, world: World, companies: Mapping[str, Company], triggers: Triggers) -> None:
        self._world = world
        self._companies = companies
        self._triggers = triggers

    def codes(self, company: str) -> list[str]:
        """The ids of all kits, sorted."""
        return sorted(item.id for item in self._company(company).items.all() if item.type in KITS)

    def kit(self, company: str, code: str) -> dict[str, Any] | None:
        """The kit as it stands there now."""
        here = self._company(company)
        item = here.items.of_id(code)
        if item is None or item.type not in KITS:
            return None
        lines = [_line(each) for each in here.components.of_kit(item.key)]
        return {"code": code, "id": item.key, "type": item.type, "posting": item.posting, "status": item.status, "lines": lines}

    def put(self, company: str, code: str, lines: Sequence[dict[str, Any]], *, announce: bool = False, **more: Any) -> None:  # noqa: ANN401 - see the class
        """The kit with these lines and no others; what stays keeps its key. Nothing changes when something can't be held."""
        here, now, user = self._company(company), self._world.clock.now(), str(more.pop("user", PERSON))
        editor = _Editor(here, user, now)
        kit = editor.item(code, {"type": "kit", "posting": "componentLevel", "unit": UNIT}, more)
        if kit.type not in KITS:
            raise ValueError(f"{code} is no kit, and an item's type cannot change")
        items = [editor.item(line["component"], {"unit": UNIT}, _about(line, _ITEM)) for line in lines]
        for item in items:
            why = why_not(kit, replace(item, status="active", fulfilment=True))
            if why:
                raise ValueError(why)
        wanted = [(item, _about(line, _LINE)) for item, line in zip(items, lines, strict=True)]
        editor.save([kit, *items])
        editor.lines(kit, wanted)
        if announce:
            self._triggers.tell(here, Trigger(kit, UPDATED, user, kit.key, ITEM_OBJECT))

    def remove(self, company: str, code: str) -> None:
        """The kit and its lines are gone; no key is given again."""
        here = self._company(company)
        item = here.items.of_id(code)
        if item is None:
            return
        for component in here.components.of_kit(item.key):
            here.components.remove(component)
        here.items.remove(item)

    def _company(self, name: str) -> Company:
        if name not in self._companies:
            raise ValueError(f"unknown company: {name}")
        return self._companies[name]


class _Editor:
    """One save of one person."""

    def __init__(self, company: Company, user: str, now: float) -> None:
        self._company = company
        self._user = user
        self._now = now
        self._new: dict[str, Item] = {}

    def item(self, code: str, default: Mapping[str, Any], facts: Mapping[str, Any]) -> Item:
        """The item of this code with these facts; a new one where there is none. Nothing is saved yet. Raises `ValueError`."""
        unknown = facts.keys() - _ITEM.keys()
        if unknown:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
        read = _about(facts, _ITEM) if facts else {}
        old = self._company.items.of_id(code)
        if old is None:
            old = self._new.get(code)
        if old is None:
            old = self._new[code] = self._company.items.new(code, self._user, self._now, **{**default, **read})
        if read.get("type", old.type) != old.type:
            raise ValueError(f"{code} is of type {old.type}, which cannot change")
        changed = replace(old, **read)
        return old if changed == old else replace(changed, audit=self._audit(old.audit))

    def save(self, items: Sequence[Item]) -> None:
        """Put the items in, and show them on their lines."""
        for item in items:
            old = self._company.items.get(item.key)
            self._company.items.put(item)
            if old is not None and old != item:
                self._company.components.refresh(item)

    def lines(self, kit: Item, wanted: Sequence[tuple[Item, dict[str, Any]]]) -> None:
        """The kit's lines from now on; the first that has a line's component stays that line."""
        components = self._company.components
        left = components.of_kit(kit.key)
        for each in left:
            components.remove(each)
        for item, facts in wanted:
            old = next((each for each in left if each.component.key == item.key), None)
            if old is None:
                audit = Audit(self._now, self._now, self._user, self._user)
                components.put(Component(components.next_key(), kit, item, audit=audit, **facts))
                continue
            left.remove(old)
            changed = replace(old, **facts)
            components.put(old if changed == old else replace(changed, audit=self._audit(old.audit)))

    def _audit(self, old: Audit) -> Audit:
        return replace(old, modified=self._now, modified_by=self._user)


def _line(each: Component) -> dict[str, Any]:
    """A line in the words that all ERPs share, and what only Intacct knows of it."""
    return {
        "id": each.key,
        "component": each.component.id,
        "quantity": quantity_text(each.units),
        "number": each.line,
        "unit": each.component.unit,
        "type": each.component.type,
        "percentage": None if each.percentage is None else quantity_text(each.percentage),
        "delivery": each.delivery,
        "deferral": each.deferral,
    }


def _about(found: Mapping[str, Any], readers: Mapping[str, tuple[str, Callable[[Any], Any]]]) -> dict[str, Any]:
    """Those members that the readers know, under our names. Raises `ValueError`."""
    return {ours: read(found[name]) for name, (ours, read) in readers.items() if name in found}


def _decimal(value: object) -> Decimal:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"{value!r} is no number") from None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no text")  # noqa: TRY004 - the control routes answer ValueError with 422
    return value


def _true(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is not true or false")  # noqa: TRY004 - as above
    return value


def _one_of(*words: str) -> Callable[[Any], str]:
    """One of these words."""

    def read(value: object) -> str:
        if value not in words:
            raise ValueError(f"{value!r} is not one of {', '.join(words)}")
        return str(value)

    return read


_ITEM: Final[Mapping[str, tuple[str, Callable[[Any], Any]]]] = {
    "type": ("type", _one_of(*ITEM_TYPES)),
    "name": ("name", _text),
    "unit": ("unit", _text),
    "cost": ("cost", _decimal),
    "status": ("status", _one_of("active", "inactive")),
    "fulfilment": ("fulfilment", _true),
    "posting": ("posting", _one_of("componentLevel", "kitLevel")),
}
_LINE: Final[Mapping[str, tuple[str, Callable[[Any], Any]]]] = {
    "quantity": ("units", _decimal),
    "number": ("line", int),
    "percentage": ("percentage", _decimal),
    "delivery": ("delivery", _one_of(*DELIVERY)),
    "deferral": ("deferral", _one_of(*DEFERRAL)),
}
