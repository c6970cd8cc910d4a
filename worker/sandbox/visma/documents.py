"""The kit assemblies of one company, small enough for a hundred thousand of them.

A document made in bulk holds nothing but what differs: texts and lines are derived from its item until something is written to them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

HELD: Final = "H"
BALANCED: Final = "B"
RELEASED: Final = "R"


class Document:
    """One kit assembly. `key` is `P/000123`; times are the company's local milliseconds; `changing` while an action still goes on in it."""

    __slots__ = (
        "allocations",
        "changing",
        "created",
        "item_id",
        "key",
        "modified",
        "non_stock",
        "quantity",
        "status",
        "stock",
        "texts",
        "version",
    )

    def __init__(self, key: str, item_id: str, quantity: float, status: str) -> None:
        self.key = key
        self.item_id = item_id
        self.quantity = quantity
        self.status = status
        self.created = self.modified = self.version = 0
        self.changing = False
        self.texts: dict[str, str | None] | None = None
        self.stock: list[dict[str, Any]] | None = None
        self.non_stock: list[dict[str, Any]] | None = None
        self.allocations: list[dict[str, Any]] | None = None

    @property
    def kind(self) -> str:
        """P or D."""
        return self.key[0]

    @property
    def ref_no(self) -> str:
        """The number within the kind."""
        return self.key[2:]


class Documents:
    """All of them, with an index by status and one by the order of change."""

    __slots__ = ("_by_change", "_by_status", "_last", "_numbers", "_version")

    def __init__(self) -> None:
        self._by_change: dict[str, Document] = {}
        self._by_status: dict[str, dict[str, Document]] = {HELD: {}, BALANCED: {}, RELEASED: {}}
        self._numbers = {"P": 0, "D": 0}
        self._version = 0
        self._last = 0

    def __len__(self) -> int:
        return len(self._by_change)

    def get(self, key: str) -> Document | None:
        """The document, if it is there."""
        return self._by_change.get(key)

    def next_key(self, kind: str) -> str:
        """The next free number of a kind, six digits."""
        while True:
            self._numbers[kind] += 1
            key = f"{kind}/{self._numbers[kind]:06}"
            if key not in self._by_change:
                return key

    def add(self, document: Document, now: int) -> None:
        """Take in a new document; it was created now."""
        document.created = now
        self._by_status[document.status][document.key] = document
        self.touch(document, now)

    def touch(self, document: Document, now: int) -> None:
        """The document was changed now; it gets a new version. Times never go back, so that the order of change is that of times."""
        self._last = max(self._last, now)
        self._version += 1
        document.modified, document.version = self._last, self._version
        self._by_change.pop(document.key, None)
        self._by_change[document.key] = document

    def turn(self, document: Document, status: str, now: int) -> None:
        """Give the document another status."""
        del self._by_status[document.status][document.key]
        document.status = status
        self._by_status[status][document.key] = document
        self.touch(document, now)

    def remove(self, document: Document) -> None:
        """The document is gone."""
        del self._by_status[document.status][document.key]
        del self._by_change[document.key]

    def all(self) -> Iterator[Document]:
        """Every document, the one changed first first."""
        return iter(self._by_change.values())

    def newest_first(self) -> Iterator[Document]:
        """Every document, the one changed last first."""
        return reversed(self._by_change.values())

    def with_status(self, status: str) -> Iterator[Document]:
        """The documents of one status."""
        return iter(self._by_status[status].values())

    def count(self) -> dict[str, int]:
        """How many there are of each status."""
        return {status: len(found) for status, found in self._by_status.items()}
