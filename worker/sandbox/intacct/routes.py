"""Which operation a request names."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from worker.sandbox.intacct.components import COMPONENT_OBJECT
from worker.sandbox.intacct.items import ITEM_OBJECT
from worker.sandbox.intacct.refusals import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

BASE: Final = "/ia/api/v1"
OAUTH: Final = f"{BASE}/oauth2/"


@dataclass(frozen=True, slots=True)
class Route:
    """One operation: its template for counting; whether it writes, and takes an idempotency key; how a 400 of it is nested."""

    method: str
    template: str
    writes: bool = False
    keyed: bool = False
    nesting: str = "top"

    @property
    def label(self) -> str:
        """As it stands in the counts."""
        return f"{self.method} {self.template}"


_COMPONENTS: Final = f"/objects/{COMPONENT_OBJECT}"
_ITEMS: Final = f"/objects/{ITEM_OBJECT}"

LIST: Final = Route("GET", _COMPONENTS, nesting="result")
CREATE: Final = Route("POST", _COMPONENTS, writes=True, keyed=True, nesting="result")
UPDATE_MANY: Final = Route("PATCH", _COMPONENTS, writes=True, keyed=True, nesting="result")
READ: Final = Route("GET", f"{_COMPONENTS}/{{key}}", nesting="result")
UPDATE: Final = Route("PATCH", f"{_COMPONENTS}/{{key}}", writes=True, keyed=True, nesting="result")
DELETE: Final = Route("DELETE", f"{_COMPONENTS}/{{key}}", writes=True)
LIST_ITEMS: Final = Route("GET", _ITEMS, nesting="result")
READ_ITEM: Final = Route("GET", f"{_ITEMS}/{{key}}", nesting="result")
QUERY: Final = Route("POST", "/services/core/query")
MODEL: Final = Route("GET", "/services/core/model")
UNKNOWN: Final = Route("*", "other")

_WHOLE: Final[Mapping[str, Mapping[str, Route]]] = {
    _COMPONENTS: {"GET": LIST, "POST": CREATE, "PATCH": UPDATE_MANY},
    _ITEMS: {"GET": LIST_ITEMS},
    QUERY.template: {"POST": QUERY},
    MODEL.template: {"GET": MODEL},
}
_KEYED: Final[Mapping[str, Mapping[str, Route]]] = {
    _COMPONENTS: {"GET": READ, "PATCH": UPDATE, "DELETE": DELETE},
    _ITEMS: {"GET": READ_ITEM},
}


def match(method: str, path: str) -> tuple[Route, tuple[str, ...]]:
    """The operation and the keys in its path. Raises `Refused`: 404 for no such path, 405 for another method."""
    rest = path.removeprefix(BASE)
    methods = _WHOLE.get(rest)
    keys: tuple[str, ...] = ()
    if methods is None:
        above, _, last = rest.rpartition("/")
        methods, keys = _KEYED.get(above), tuple(last.split(","))
    if methods is None or not all((rest != path, *keys)):
        raise Refused(HTTPStatus.NOT_FOUND, "invalidRequest", "Malformed URL")
    if method not in methods:
        raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, "invalidRequest", f"Method {method} is not supported")
    return methods[method], keys
