"""One company as it lives: documents, operations, limits and counts. Everything is in memory and nothing survives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker.sandbox.counters import Counters
from worker.sandbox.visma.documents import BALANCED, Document, Documents
from worker.sandbox.visma.limits import Repeats, Window
from worker.sandbox.visma.rules import Rules
from worker.sandbox.visma.specifications import Specifications

if TYPE_CHECKING:
    from worker.sandbox.settings import CompanySettings
    from worker.sandbox.visma.items import Item
    from worker.sandbox.visma.operations import Operation


class Company:
    """The state of one tenant. `storm_until` is when its calls are no longer refused by a storm of 429."""

    __slots__ = (
        "_ordinals",
        "counters",
        "documents",
        "items",
        "operations",
        "repeats",
        "rules",
        "settings",
        "specifications",
        "storm_until",
        "window",
    )

    def __init__(self, settings: CompanySettings, items: dict[str, Item]) -> None:
        self.settings = settings
        self.items = dict(items)
        self.documents = Documents()
        self.rules = Rules(self.documents, self.items)
        self.specifications = Specifications(self.items, self.documents)
        self.operations: dict[str, Operation] = {}
        self.counters = Counters()
        self.window = Window(settings.calls_per_hour, settings.window)
        self.repeats = Repeats()
        self.storm_until = 0.0
        self._ordinals: dict[str, int] = {}

    def local(self, now: float) -> int:
        """A moment in the company's local milliseconds, the way its documents are dated."""
        return round((now + self.settings.utc_offset) * 1000)

    def ordinal(self, key: str) -> int:
        """How often this was asked before."""
        nth = self._ordinals.get(key, 0)
        self._ordinals[key] = nth + 1
        return nth

    def make_documents(
        self, count: int, now: float, *, kind: str = "P", status: str = BALANCED, quantity: float = 1.0, item_id: str | None = None
    ) -> list[str]:
        """So many new documents; their items take turns unless one is named. Answers with their keys."""
        kits = [item_id] if item_id else [item.item_id for item in self.items.values() if item.stock]
        local = self.local(now)
        keys = [self.documents.next_key(kind) for _ in range(count)]
        for number, key in enumerate(keys):
            self.documents.add(Document(key, kits[number % len(kits)], quantity, status), local)
        return keys

    def fill(self, count: int, now: float) -> None:
        """The documents a company starts with: balanced, for production."""
        self.make_documents(count, now)

    def counts(self, *, documents: bool) -> dict[str, Any]:
        """The numbers of the company, with those of each document if asked."""
        numbers = {**self.counters.as_json(), "documents_now": self.documents.count(), "specifications": self.specifications.counts()}
        if documents:
            numbers["kits"] = self.specifications.counts_by_kit()
            numbers["documents"] = [self.told(key) for key in self.counters.tallies]
        return numbers

    def told(self, key: str) -> dict[str, Any]:
        """What is known of one document, also of one that is gone (status null)."""
        document = self.documents.get(key)
        texts = (document.texts or {}) if document is not None else {}
        return {
            "key": key,
            "status": document.status if document is not None else None,
            "description": texts.get("description"),
            **self.counters.tally(key).as_json(),
        }
