"""Every operation with its verb, path and envelope, as a table: much of it is not documented, and a live system may correct it here.

Where an operation has several forms, the first is tried first, and on 404 or 405 the next: the kit-line page prints `/delete` behind the
id, the general page does not; it updates by POST, the kit-line page by PUT (all documented); the verb of a refresh is not stated.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

NEXT_FORM: Final = frozenset({HTTPStatus.NOT_FOUND.value, HTTPStatus.METHOD_NOT_ALLOWED.value})
"""Refusals that may be about the form of a call rather than about what it names."""


@dataclass(frozen=True, slots=True)
class Form:
    """One way of asking. `path` may hold `{id}`."""

    method: str
    path: str

    def at(self, record_id: str = "") -> str:
        """The path for one record."""
        return self.path.replace("{id}", quote(record_id.strip(), safe=""))


@dataclass(frozen=True, slots=True)
class Operation:
    """What can be asked. `envelope` is the key that the answer's value stands under; `order` the field that a list is ordered by."""

    forms: tuple[Form, ...]
    envelope: str = ""
    order: str | None = None


OPERATIONS: Final[dict[str, Operation]] = {
    # documented
    "login": Operation((Form("POST", "/api/users/login"),)),
    "list_kit_lines": Operation((Form("GET", "/api/kit_lines"),), "kit_lines", order="number"),
    "create_kit_line": Operation((Form("POST", "/api/kit_lines"),), "kit_line"),
    "get_kit_line": Operation((Form("GET", "/api/kit_lines/{id}"),), "kit_line"),
    "update_kit_line": Operation((Form("PUT", "/api/kit_lines/{id}"), Form("POST", "/api/kit_lines/{id}")), "kit_line"),
    "delete_kit_line": Operation((Form("DELETE", "/api/kit_lines/{id}/delete"), Form("DELETE", "/api/kit_lines/{id}"))),
    "list_kits": Operation((Form("GET", "/api/kits"),), "kits", order="name"),
    "get_kit": Operation((Form("GET", "/api/kits/{id}"),), "kit"),
    "list_materials": Operation((Form("GET", "/api/materials"),), "materials", order="name"),
    "get_material": Operation((Form("GET", "/api/materials/{id}"),), "material"),
    "create_material": Operation((Form("POST", "/api/materials"),), "material"),
    "list_calls": Operation((Form("GET", "/api/calls"),), "calls", order="creationDate"),
    # the path is documented, the verb inferred from the login's
    "refresh": Operation((Form("POST", "/api/users/refresh"), Form("GET", "/api/users/refresh"))),
    # inferred from the general rules: its text was cut off in every copy of the page
    "create_kit": Operation((Form("POST", "/api/kits"),), "kit"),
}
