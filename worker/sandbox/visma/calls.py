"""One call to the ERP, as far as its operation is concerned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.sandbox.visma.routes import CONTENT, CREATE, LABELS, LIST, SPECIFICATIONS, SPECIFY, STATE
from worker.sandbox.wire import parsed

if TYPE_CHECKING:
    from worker.sandbox.visma.routes import Route


class Call:
    """What is asked: the operation, what it is about, and with which query and body."""

    __slots__ = ("about", "body", "has_body", "path", "query", "route")

    def __init__(self, route: Route, about: str, path: str, query: str, body: bytes) -> None:
        self.route = route
        self.about = about
        self.path = path
        self.query = query
        self.body = body
        self.has_body = bool(body)

    @property
    def document(self) -> str:
        """The document that is written, by its key; empty where none is, or none is known yet."""
        return self.about if self.route.writes and self.route.of_documents else ""

    def key(self) -> str:
        """What faults are decided by. It must not depend on chance, so a create goes by its item and quantity, and not by its texts."""
        if self.route is CREATE:
            return f"create {_item(self.body)}"
        if self.route is SPECIFY:
            return f"{self.route.name} {_named(self.body, 'kitInventoryID')}"
        if self.route in {LIST, SPECIFICATIONS, STATE, CONTENT}:
            return LABELS[self.route]
        return f"{self.route.name} {self.about}"


def _item(body: bytes) -> str:
    """Item and quantity of a create, as they were sent."""
    return _named(body, "itemId", "quantity")


def _named(body: bytes, *names: str) -> str:
    """These fields of a form, as they were sent."""
    try:
        form = parsed(body)
    except ValueError:
        return ""
    return " ".join(str(form.get(name)) for name in names) if isinstance(form, dict) else ""
