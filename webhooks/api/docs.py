"""`/openapi.json`, and `/docs`, a page to read it by: no script, nothing from another host."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final

import orjson
from jinja2 import Environment, StrictUndefined

from webhooks.api.description import description

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}
"""What the page may load: its own style sheet."""

_HERE: Final = Path(__file__).parent


@cache
def document() -> bytes:
    """`/openapi.json`."""
    return orjson.dumps(description())


@cache
def page() -> bytes:
    """`/docs`."""
    maker = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    maker.filters["shape"] = _shape
    template = maker.from_string((_HERE / "docs.html").read_text(encoding="utf-8"))
    told = description()
    return template.render(info=told["info"], groups=_groups(told), schemas=told["components"]["schemas"], name=_name).encode()


@cache
def looks() -> bytes:
    """`/docs.css`."""
    return (_HERE / "docs.css").read_bytes()


def _groups(told: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The operations by tag, in their order."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, operations in told["paths"].items():
        for method, operation in operations.items():
            groups.setdefault(operation["tags"][0], []).append({"method": method.upper(), "path": path, **operation})
    return groups


def _shape(schema: dict[str, Any]) -> str:
    """A schema as text, indented."""
    return orjson.dumps(schema, option=orjson.OPT_INDENT_2).decode()


def _name(schema: dict[str, Any]) -> list[str]:
    """The schemas that a body is one of."""
    choices = schema.get("anyOf", [schema])
    return [each["$ref"].rpartition("/")[2] for each in choices if "$ref" in each]
