"""One company's kit specifications: what each kit consists of, by revision, and the rules over them.

Seen in an SDK: the names of both forms; that there is no delete. Inferred: a write is done whole or not at all; a new line gets a number of
its own list that was never used; several revisions may be active, and assemblies take the one that was changed last; a line without a unit
gets its item's; the texts. A kit that was generated at the start has no specification here until somebody writes one.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from worker.sandbox.counters import KitTally
from worker.sandbox.visma.items import Component, Item
from worker.sandbox.visma.records import non_stock_lines, stock_lines
from worker.sandbox.visma.refusals import refused
from worker.sandbox.visma.specification_lines import Lines, changed_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.sandbox.visma.documents import Documents
    from worker.sandbox.visma.forms import Form

TEXTS: Final = {"descr": "description", "isActive": "is_active", "allowCompAddition": "allow_addition", "isNonStock": "is_non_stock"}
"""Written name → ours, of what a specification says besides its lines."""

STOCK: Final = "stockComponentLines"
NON_STOCK: Final = "nonStockComponentLines"


@dataclass(frozen=True, slots=True)
class Specification:
    """One revision of a kit. Times are the company's local milliseconds."""

    kit: str
    revision: str
    description: str | None = None
    is_active: bool = True
    allow_addition: bool = True
    is_non_stock: bool = False
    created: int = 0
    modified: int = 0
    version: int = 0
    stock: Lines = field(default_factory=Lines)
    non_stock: Lines = field(default_factory=Lines)


class Specifications:
    """All of them, by kit and revision in capitals. `now` is always the company's local time in milliseconds."""

    __slots__ = ("_by_kit", "_documents", "_last", "_version", "items", "made", "tallies")

    def __init__(self, items: dict[str, Item], documents: Documents) -> None:
        self.items = items
        self._documents = documents
        self._by_kit: dict[str, dict[str, Specification]] = {}
        self._last = self._version = 0
        self.made = {"creates": 0, "updates": 0, "refused": 0}
        self.tallies: dict[str, KitTally] = {}

    def all(self) -> Iterator[Specification]:
        """Every revision of every kit, in the order of their names (inferred)."""
        for kit in sorted(self._by_kit):
            yield from (self._by_kit[kit][revision] for revision in sorted(self._by_kit[kit]))

    def kits(self) -> list[str]:
        """The kits that have one, by code."""
        return sorted(next(iter(revisions.values())).kit for revisions in self._by_kit.values())

    def find(self, kit: str, revision: str | None = None) -> Specification | None:
        """The revision; without one the active one that was changed last, else the last."""
        revisions = self._by_kit.get(_key(kit), {})
        if revision is not None:
            return revisions.get(_key(revision))
        return max(revisions.values(), key=lambda one: (one.is_active, one.version), default=None)

    def get(self, kit: str, revision: str | None = None) -> Specification:
        """The same, or a refusal with 404."""
        found = self.find(kit, revision)
        if found is None:
            raise refused(f"Kit Specification {', '.join(filter(None, (kit, revision)))} cannot be found in the system.", 404)
        return found

    def create(self, form: Form, now: int) -> Specification:
        """A new revision of a kit."""
        kit, revision = form.get("kitInventoryID") or "", form.get("revisionID") or ""
        if not kit or not revision:
            raise refused(f"'{'Kit Inventory ID' if not kit else 'Revision'}' cannot be empty.")
        item = self._item(kit)
        if self.find(item.item_id, revision) is not None:
            raise refused(f"Kit Specification {item.item_id}, {revision} already exists.")
        return self._write(Specification(item.item_id, revision.strip(), created=now), form, now)

    def update(self, kit: str, revision: str, form: Form, now: int) -> Specification:
        """The revision with the fields and lines that were sent; kit and revision in the body are not looked at (inferred)."""
        return self._write(self.get(kit, revision), form, now)

    def save(self, specification: Specification, now: int) -> Specification:
        """Keep it as it is given; assemblies made from here on follow it, those there are keep their lines."""
        self._last = max(self._last, now)
        self._version += 1
        saved = replace(specification, modified=self._last, version=self._version)
        self._by_kit.setdefault(_key(saved.kit), {})[_key(saved.revision)] = saved
        self._follow(saved.kit)
        return saved

    def remove(self, kit: str) -> None:
        """All revisions of the kit are gone; the item stays."""
        revisions = self._by_kit.pop(_key(kit), None)
        if revisions:
            self._follow(next(iter(revisions.values())).kit)

    def tally(self, kit: str) -> KitTally:
        """The numbers of one kit's lines, from the first write on."""
        return self.tallies.setdefault(_key(kit), KitTally())

    def counts(self) -> dict[str, Any]:
        """What took effect through the API: whole specifications, and their lines."""
        lines = {name: sum(getattr(tally, name) for tally in self.tallies.values()) for name in KitTally.__slots__ if name != "refused"}
        return {**self.made, "lines": lines}

    def counts_by_kit(self) -> dict[str, dict[str, int]]:
        """The lines' numbers of each kit."""
        return {kit: tally.as_json() for kit, tally in sorted(self.tallies.items())}

    def _write(self, specification: Specification, form: Form, now: int) -> Specification:
        """All of a form, or a refusal and nothing."""
        texts = {ours: form[name] for name, ours in TEXTS.items() if form.get(name) is not None or (name == "descr" and name in form)}
        tally = KitTally()
        stock = changed_lines(specification.stock, form.get(STOCK, []), self.items, specification.kit, tally, stocked=True)
        other = changed_lines(specification.non_stock, form.get(NON_STOCK, []), self.items, specification.kit, tally, stocked=False)
        saved = self.save(replace(specification, **texts, stock=stock, non_stock=other), now)
        kept = self.tally(saved.kit)
        for name in KitTally.__slots__:
            setattr(kept, name, getattr(kept, name) + getattr(tally, name))
        return saved

    def _item(self, code: str) -> Item:
        item = self.items.get(code.strip()) or self.items.get(_key(code))
        if item is None:
            raise refused(f"Inventory ID '{code}' cannot be found in the system.")
        return item

    def _follow(self, kit: str) -> None:
        """The item is made of what its newest active revision says."""
        item, found = self.items[kit], self.find(kit)
        active = found if found is not None and found.is_active else None
        if item.stock or item.non_stock:
            self._keep_lines(item)
        parts = [self._parts(lines) for lines in ((active.stock, active.non_stock) if active else (Lines(), Lines()))]
        self.items[kit] = replace(item, stock=parts[0], non_stock=parts[1])

    def _parts(self, lines: Lines) -> tuple[Component, ...]:
        found = ((line, self.items[line["componentID"]]) for line in lines.lines)
        return tuple(Component(item.item_id, item.description, line["componentQty"], 1.0, line["uom"]) for line, item in found)

    def _keep_lines(self, item: Item) -> None:
        """Documents that have taken their lines from the item keep them as they are."""
        for document in self._documents.all():
            if document.item_id == item.item_id:
                document.stock, document.non_stock = stock_lines(document, item), non_stock_lines(document, item)


def _key(text: str) -> str:
    return text.strip().upper()
