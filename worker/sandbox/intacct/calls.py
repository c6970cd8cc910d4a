"""One call to Intacct, as far as its operation is concerned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from worker.sandbox.intacct.routes import CREATE, UPDATE_MANY
from worker.sandbox.wire import parsed

if TYPE_CHECKING:
    from worker.sandbox.intacct.routes import Route


@dataclass(frozen=True, slots=True)
class Call:
    """What is asked, by whom: the operation, the keys in its path, query and body."""

    route: Route
    keys: tuple[str, ...]
    path: str
    query: str
    body: bytes
    user: str
    entity: str = ""
    atomic: bool = False

    def subject(self) -> str:
        """What faults are decided by. It must not depend on chance, so writes go by what they are about."""
        if self.route in {CREATE, UPDATE_MANY}:
            return f"{self.route.label} {_about(self.body)}"
        return f"{self.route.label} {','.join(self.keys)}"


def _about(body: bytes) -> str:
    """The kits, components and keys that a body names."""
    try:
        found = parsed(body)
    except ValueError:
        return ""
    elements = found if isinstance(found, list) else [found]
    return ";".join(_named(each) for each in elements if isinstance(each, dict))


def _named(element: dict[str, Any]) -> str:
    parts = [element.get("key"), *(_code(element.get(name)) for name in ("kit", "component"))]
    return " ".join(str(part) for part in parts if part)


def _code(reference: object) -> object:
    return reference.get("key") or reference.get("id") if isinstance(reference, dict) else None
