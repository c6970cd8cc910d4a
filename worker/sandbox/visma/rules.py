"""What may be done to a kit assembly, and what it does. Every function raises `Refused` or takes effect at once.

The texts are prose in the style that was seen; the real ones for kits are not known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.sandbox.visma import lines
from worker.sandbox.visma.documents import BALANCED, HELD, RELEASED, Document
from worker.sandbox.visma.forms import LINK
from worker.sandbox.visma.records import non_stock_lines, stock_lines
from worker.sandbox.visma.refusals import refused

if TYPE_CHECKING:
    from worker.sandbox.visma.documents import Documents
    from worker.sandbox.visma.forms import Form
    from worker.sandbox.visma.items import Item

KINDS: Final = ("P", "D")
_TEXTS: Final[tuple[str, ...]] = ("date", "postPeriod", "revision", "reasonCode", "description", "warehouse", "location", "uoM")


class Rules:
    """The rules over one company's documents. `now` is always the company's local time in milliseconds."""

    __slots__ = ("documents", "items")

    def __init__(self, documents: Documents, items: dict[str, Item]) -> None:
        self.documents = documents
        self.items = items

    def find(self, key: str) -> Document:
        """The document, or a refusal with 404."""
        document = self.documents.get(key)
        if document is None:
            raise refused(f"Kit Assembly {key.replace('/', ', ')} cannot be found in the system.", 404)
        return document

    def create(self, form: Form, now: int) -> Document:
        """A new document, on hold or balanced. A number that is sent is kept if it is free (inferred)."""
        kind = form.get("type", "P")
        if kind not in KINDS:
            raise refused(f"Type '{kind}' is not valid. Possible values: P, D.")
        item = self._kit(form.get("itemId"))
        quantity = _quantity(form.get("quantity"))
        key = self._key(kind, form.get("refNo"))
        document = Document(key, item.item_id, quantity, HELD if form.get("hold") else BALANCED)
        self._write(document, form)
        self.documents.add(document, now)
        return document

    def update(self, key: str, form: Form, now: int) -> Document:
        """The document with the fields that were sent; type and number in the body are not looked at (inferred)."""
        document = self._changeable(key, "updated")
        item = self._kit(form["itemId"]) if "itemId" in form else None
        quantity = _quantity(form["quantity"]) if "quantity" in form else document.quantity
        draft = Document(key, item.item_id if item else document.item_id, quantity, document.status)
        _copy(document, draft, fresh=item is not None and item.item_id != document.item_id)
        self._write(draft, form)
        document.item_id, document.quantity = draft.item_id, draft.quantity
        _copy(draft, document, fresh=False)
        hold = form.get("hold")
        status = document.status if hold is None else HELD if hold else BALANCED
        self.documents.turn(document, status, now)
        return document

    def delete(self, key: str) -> None:
        """The document is gone."""
        self.documents.remove(self._changeable(key, "deleted"))

    def releasable(self, key: str) -> Document:
        """The document, if it may be released."""
        document = self._changeable(key, "released")
        if document.status == HELD:
            raise refused("Kit Assembly can't be released because it is on hold.")
        return document

    def release(self, document: Document, now: int) -> None:
        """The document is released."""
        document.changing = False
        self.documents.turn(document, RELEASED, now)

    def _changeable(self, key: str, done: str) -> Document:
        """The document, if nothing forbids to change it."""
        document = self.find(key)
        if document.status == RELEASED:
            raise refused(f"Kit Assembly can't be {done} because it is already released.")
        if document.changing:
            raise refused("The previous operation has not been completed yet.")
        return document

    def _kit(self, item_id: str | None) -> Item:
        """The kit with this id."""
        if not item_id:
            raise refused("'Inventory ID' cannot be empty.")
        item = self.items.get(item_id)
        if item is None:
            raise refused(f"Inventory ID '{item_id}' cannot be found in the system.")
        if not item.stock:
            raise refused(f"Inventory ID '{item_id}' is not a kit.")
        return item

    def _key(self, kind: str, ref_no: str | None) -> str:
        """The new document's key."""
        if not ref_no:
            return self.documents.next_key(kind)
        key = f"{kind}/{ref_no}"
        if self.documents.get(key) is not None:
            raise refused(f"Kit Assembly {kind}, {ref_no} already exists.")
        return key

    def _write(self, document: Document, form: Form) -> None:
        """Texts, lines and allocations of a form, into a document that nobody else sees yet."""
        texts: dict[str, str | None] = {name: form[name] or None for name in _TEXTS if name in form}
        link = form.get("kitAssemblyLink")
        if link:
            texts["salesOrderLink"] = " ".join(str(link[name]) for name in LINK if link.get(name))
        if texts:
            document.texts = {**(document.texts or {}), **texts}
        item = self.items[document.item_id]
        if form.get("stockComponentLines"):
            stock = stock_lines(document, item)
            document.stock = lines.changed_components(stock, form["stockComponentLines"], self.items, stock=True)
        if form.get("stockComponentAllocations"):
            document.stock = lines.allocated_by_item(stock_lines(document, item), form["stockComponentAllocations"])
        if form.get("nonStockComponentLines"):
            other = non_stock_lines(document, item)
            document.non_stock = lines.changed_components(other, form["nonStockComponentLines"], self.items, stock=False)
        if form.get("kitAllocations"):
            document.allocations = lines.changed_allocations(document.allocations or [], form["kitAllocations"])


def _quantity(value: float | None) -> float:
    """A quantity above zero."""
    if value is None or value <= 0:
        raise refused("Quantity must be greater than 0.")
    return value


def _copy(source: Document, target: Document, *, fresh: bool) -> None:
    """Texts and lines of one document into another; lines follow its quantity, and start anew for another kit."""
    target.texts = source.texts
    target.allocations = source.allocations
    factor = target.quantity / source.quantity
    target.stock = None if fresh else lines.scaled(source.stock, factor)
    target.non_stock = None if fresh else lines.scaled(source.non_stock, factor)
