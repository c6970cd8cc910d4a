"""Which operation a request names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from worker.sandbox.itempath.refusals import Refused, no_route

if TYPE_CHECKING:
    from worker.sandbox.settings import SandboxSettings


@dataclass(frozen=True, slots=True)
class Route:
    """One operation: its verb and template for counting, and what it is called here."""

    name: str
    method: str
    template: str

    @property
    def label(self) -> str:
        """As it stands in the counts."""
        return f"{self.method} {self.template}"

    @property
    def writes(self) -> bool:
        """Whether it changes something."""
        return self.method != "GET"


LOGIN: Final = ("users", "login")
REFRESH: Final = ("users", "refresh")
PRINTED: Final = Route("delete_line", "DELETE", "/api/kit_lines/{id}/delete")
GENERAL: Final = Route("delete_line", "DELETE", "/api/kit_lines/{id}")
PUT: Final = Route("update_line", "PUT", "/api/kit_lines/{id}")
POST: Final = Route("update_line", "POST", "/api/kit_lines/{id}")
_ROUTES: Final = (
    Route("lines", "GET", "/api/kit_lines"),
    Route("create_line", "POST", "/api/kit_lines"),
    Route("line", "GET", "/api/kit_lines/{id}"),
    *(PUT, POST, PRINTED, GENERAL),
    Route("kits", "GET", "/api/kits"),
    Route("create_kit", "POST", "/api/kits"),
    Route("kit", "GET", "/api/kits/{id}"),
    Route("materials", "GET", "/api/materials"),
    Route("create_material", "POST", "/api/materials"),
    Route("material", "GET", "/api/materials/{id}"),
    Route("calls", "GET", "/api/calls"),
)
_ABOUT: Final = 1
_BY_SHAPE: Final[dict[tuple[str, ...], dict[str, Route]]] = {}
for _route in _ROUTES:
    _shape = tuple("*" if part == "{id}" else part for part in _route.template.removeprefix("/api/").split("/"))
    _BY_SHAPE.setdefault(_shape, {})[_route.method] = _route
_LEFT_OUT: Final = {
    ("itempath_update", "PUT"): POST,
    ("itempath_update", "POST"): PUT,
    ("itempath_delete", "printed"): GENERAL,
    ("itempath_delete", "general"): PRINTED,
}
"""Which route there is not under a setting's value."""


def match(method: str, parts: tuple[str, ...], settings: SandboxSettings) -> tuple[Route, str]:
    """The operation and the id it is about, in upper case. Raises `Refused` with 404 or 405."""
    shape = tuple("*" if place == _ABOUT else part for place, part in enumerate(parts))
    methods = _BY_SHAPE.get(shape)
    if methods is None:
        raise Refused(no_route())
    route = methods.get(method)
    if route is None:
        raise Refused(no_route(405))
    if any(_LEFT_OUT.get((name, getattr(settings, name))) is route for name in ("itempath_update", "itempath_delete")):
        raise Refused(no_route(settings.itempath_no_form))
    return route, unquote(parts[_ABOUT]).strip().upper() if len(parts) > _ABOUT else ""
