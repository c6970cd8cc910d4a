"""What the ledger knows of ItemPath's ids, as its adapter asks it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from worker.kit_ledger.model import Link
from worker.kits.model import Item

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from worker.kit_ledger.book import KitBook

ERP: Final = "itempath"
KINDS: Final[tuple[Literal["item", "kit"], ...]] = ("item", "kit")


@dataclass(frozen=True, slots=True)
class ItemPathBook:
    """A `worker.clients.itempath.identities.Book` over the ledger; ids are kept in capitals."""

    book: KitBook

    def known(self, ids: Collection[str]) -> Mapping[str, Item]:
        """What these ids are, as far as it is known, by id."""
        wanted = [each.upper() for each in ids]
        return {key: _item(link) for kind in KINDS for key, link in self.book.linked(ERP, kind, wanted).items()}

    def learn(self, items: Iterable[Item]) -> None:
        """Remember these, by their id and type."""
        self.book.learn(ERP, [Link("item" if item.type == "item" else "kit", item.code, item.id.upper(), item.unit) for item in items])

    def id_of(self, kind: Literal["item", "kit"], code: str) -> str | None:
        """The id that this code was learnt with."""
        found = self.book.links(ERP, kind, [code]).get(code)
        return None if found is None else found.id


def _item(link: Link) -> Item:
    return Item(link.id, link.code, "item" if link.kind == "item" else "kit", link.unit)
