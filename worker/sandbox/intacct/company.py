"""One company as it lives: its items, their components, its stored answers and its counts. All in memory; nothing survives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker.sandbox.intacct.components import Components
from worker.sandbox.intacct.counts import Counts
from worker.sandbox.intacct.idempotency import Idempotency
from worker.sandbox.intacct.items import MOST_ID, MOST_NAME, Audit, Item

if TYPE_CHECKING:
    from collections.abc import Collection

    from worker.sandbox.settings import CompanySettings


class Items:
    """The items of one company, by key and by id."""

    __slots__ = ("_by_id", "_by_key", "_last")

    def __init__(self) -> None:
        self._last = 0
        self._by_key: dict[str, Item] = {}
        self._by_id: dict[str, Item] = {}

    def all(self) -> Collection[Item]:
        """Every item, oldest first."""
        return self._by_key.values()

    def get(self, key: str) -> Item | None:
        """The item of this key."""
        return self._by_key.get(key)

    def of_id(self, item_id: str) -> Item | None:
        """The item of this business code, written exactly so."""
        return self._by_id.get(item_id)

    def new(self, item_id: str, user: str, now: float, **facts: Any) -> Item:  # noqa: ANN401 - the fields of an item
        """An item with the next key, not put in yet. Raises `ValueError` for an id or a name that is too long."""
        if not 0 < len(item_id) <= MOST_ID:
            raise ValueError(f"{item_id!r}: an item's id has 1 to {MOST_ID} characters")
        facts = {"name": item_id, **facts}
        if len(facts["name"]) > MOST_NAME:
            raise ValueError(f"{facts['name']!r}: an item's name has at most {MOST_NAME} characters")
        self._last += 1
        return Item(str(self._last), item_id, audit=Audit(now, now, user, user), **facts)

    def put(self, item: Item) -> None:
        """New or changed."""
        self._by_key[item.key] = self._by_id[item.id] = item

    def remove(self, item: Item) -> None:
        """Gone; its key is not given again."""
        del self._by_key[item.key], self._by_id[item.id]


class Company:
    """The state of one company."""

    __slots__ = ("_ordinals", "components", "counts", "entities", "idempotency", "items", "settings")

    def __init__(self, settings: CompanySettings) -> None:
        self.items = Items()
        self.components = Components()
        self.idempotency = Idempotency()
        self.counts = Counts()
        self._ordinals: dict[str, int] = {}
        self.take(settings)

    def take(self, settings: CompanySettings) -> None:
        """Other settings from now on."""
        self.settings = settings
        self.entities = frozenset(settings.intacct_entities.split())

    def ordinal(self, key: str) -> int:
        """How often this was asked before."""
        nth = self._ordinals.get(key, 0)
        self._ordinals[key] = nth + 1
        return nth

    def as_json(self, *, kits: bool) -> dict[str, Any]:
        """The numbers of the company, with those of each kit if asked."""
        numbers = self.counts.as_json()
        if kits:
            numbers["kits"] = {kit: tally.as_json() for kit, tally in sorted(self.counts.tallies.items())}
        return numbers
