"""Paths of places in the settings, and hints for names that are not known."""

from __future__ import annotations

import difflib
import json
import re
from typing import TYPE_CHECKING, Final

from worker.errors import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")


def inside(path: str, key: str | int) -> str:
    """The path of a key of a table, or of an item of an array.

    >>> inside("tenants", "acme"), inside("rules", 2), inside("", "port")
    ('tenants.acme', 'rules[2]', 'port')
    """
    if isinstance(key, int):
        return f"{path}[{key}]"
    name = key if _BARE.fullmatch(key) else json.dumps(key)
    return f"{path}.{name}" if path else name


def hint(name: str, known: Iterable[str]) -> str:
    """`; did you mean …?` for a name that is close to a known one, else nothing."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def spread(messages: object, path: str) -> Iterator[Fault]:
    """Flatten the messages of a marshmallow error, which nest as the values do."""
    if isinstance(messages, dict):
        for key, inner in messages.items():
            yield from spread(inner, inside(path, key))
    elif isinstance(messages, list):
        for message in messages:
            yield from spread(message, path)
    else:
        yield Fault(path, str(messages))
