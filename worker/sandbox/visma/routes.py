"""Which operation a request names. Paths are not case-sensitive (inferred); an id may be written `b64(<base64url>)` (documented)."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote


@dataclass(frozen=True, slots=True)
class Route:
    """One operation: its template for counting, the scope it needs (seen, unsure for release), whether it writes, and documents."""

    name: str
    method: str
    template: str
    verb: str
    writes: bool = False
    of_documents: bool = True

    @property
    def label(self) -> str:
        """As it stands in the counts."""
        return f"{self.method} {self.template}"


_KITS: Final = "/v1/kitassembly"
_KIT: Final = "/v1/kitassembly/{type}/{refNo}"
_SPECIFICATIONS: Final = "/v1/KitSpecifications"
_SPECIFICATION: Final = "/v1/KitSpecifications/{kitInventoryID}/{revisionID}"
_STATE: Final = "/v1/background/{id}"

LIST: Final = Route("list", "GET", _KITS, "read")
CREATE: Final = Route("create", "POST", _KITS, "create", writes=True)
READ: Final = Route("read", "GET", _KIT, "read")
UPDATE: Final = Route("update", "PUT", _KIT, "update", writes=True)
DELETE: Final = Route("delete", "DELETE", _KIT, "delete", writes=True)
RELEASE: Final = Route("release", "POST", f"{_KIT}/action/release", "update", writes=True)
STATE: Final = Route("state", "GET", _STATE, "read")
CONTENT: Final = Route("content", "GET", f"{_STATE}/content", "read")
SPECIFICATIONS: Final = Route("specifications", "GET", _SPECIFICATIONS, "read", of_documents=False)
KIT: Final = Route("kit", "GET", "/v1/KitSpecifications/{kitInventoryID}", "read", of_documents=False)
SPECIFICATION: Final = Route("specification", "GET", _SPECIFICATION, "read", of_documents=False)
SPECIFY: Final = Route("specify", "POST", _SPECIFICATIONS, "create", writes=True, of_documents=False)
RESPECIFY: Final = Route("respecify", "PUT", _SPECIFICATION, "update", writes=True, of_documents=False)
UNKNOWN: Final = Route("unknown", "*", "other", "read")

_BY_SHAPE: Final[dict[tuple[str, ...], dict[str, Route]]] = {
    ("kitassembly",): {"GET": LIST, "POST": CREATE},
    ("kitassembly", "*", "*"): {"GET": READ, "PUT": UPDATE, "DELETE": DELETE},
    ("kitassembly", "*", "*", "action", "release"): {"POST": RELEASE},
    ("kitspecifications",): {"GET": SPECIFICATIONS, "POST": SPECIFY},
    ("kitspecifications", "*"): {"GET": KIT},
    ("kitspecifications", "*", "*"): {"GET": SPECIFICATION, "PUT": RESPECIFY},
    ("background", "*"): {"GET": STATE},
    ("background", "*", "content"): {"GET": CONTENT},
}
_ROUTES: Final = (*(route for methods in _BY_SHAPE.values() for route in methods.values()), UNKNOWN)
LABELS: Final = {route: route.label for route in _ROUTES}
_PLAIN: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
SEPARATOR: Final = "\n"
"""Between kit and revision: neither holds a line break."""


class NoRoute(Exception):
    """Nothing stands at this path (404), or not for this method (405)."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def match(method: str, path: str) -> tuple[Route, str]:
    """The operation and what it is about: `P/000123`, kit and revision, an operation's id, or nothing. Raises `NoRoute`."""
    parts = path.split("/")[2:]
    kind = parts[0].lower() if parts else ""
    if kind == "kitassembly" and len(parts) in {3, 5}:
        shape: tuple[str, ...] = (kind, "*", "*", *(part.lower() for part in parts[3:]))
        about = f"{plain(parts[1]).upper()}/{plain(parts[2])}"
    elif kind == "kitspecifications" and len(parts) in {2, 3}:
        shape = (kind, *("*" for _ in parts[1:]))
        about = SEPARATOR.join(plain(part).strip().upper() for part in parts[1:])
    elif kind == "background" and len(parts) > 1:
        shape = (kind, "*", *(part.lower() for part in parts[2:]))
        about = parts[1].lower()
    else:
        shape, about = tuple(part.lower() for part in parts), ""
    methods = _BY_SHAPE.get(shape)
    if methods is None:
        raise NoRoute(404)
    if method not in methods:
        raise NoRoute(405)
    return methods[method], about


def plain(part: str) -> str:
    """A part of a path as it was meant. Raises `NoRoute` for broken base64."""
    text = unquote(part) if "%" in part else part
    if not text.startswith("b64(") or not text.endswith(")"):
        return text
    coded = text[4:-1]
    try:
        return urlsafe_b64decode(coded + "=" * (-len(coded) % 4)).decode()
    except ValueError:
        raise NoRoute(404) from None


def path_id(text: str) -> str:
    """An id as it stands in a path; with reserved characters as `b64(…)` (documented)."""
    if set(text) <= _PLAIN:
        return text
    return f"b64({urlsafe_b64encode(text.encode()).decode().rstrip('=')})"
