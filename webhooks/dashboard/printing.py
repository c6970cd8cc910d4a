"""JSON as it was kept, with line breaks and indents. Pure.

Only space between the signs is changed: every digit and every letter stays as it was sent, and a text that was cut is printed to its cut.
"""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

_PIECES: Final = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?$)|[{}\[\],:]|\s+|[^"{}\[\],:\s]+', re.DOTALL)
_INDENT: Final = "  "
_DEEPEST: Final = 20
"""What is nested deeper is indented no further: a body of brackets alone must not grow without end."""


def pretty(text: str) -> str:
    """The text to read. What is no JSON stays as it is."""
    if text.lstrip()[:1] not in ("{", "["):
        return text
    told: list[str] = []
    depth = 0
    before = ""
    for piece in (each for each in _PIECES.findall(text) if not each.isspace()):
        if piece in "}]":
            depth -= 1
        told.append(_space(before, piece, depth))
        told.append(piece)
        if piece in "{[":
            depth += 1
        before = piece
    return "".join(told)


def _space(before: str, piece: str, depth: int) -> str:
    """What stands between two pieces."""
    if before == ":":
        return " "
    empty = before + piece in ("{}", "[]")
    if not empty and (before in ("{", "[", ",") or piece in ("}", "]")):
        return "\n" + _INDENT * max(0, min(depth, _DEEPEST))
    return " " if before and piece not in (",", ":", "{", "}", "[", "]") and before not in ("{", "[", "}", "]") else ""


def cut(text: str, most: int) -> tuple[str, bool]:
    """The beginning of a text, and whether there is more."""
    return (text, False) if len(text) <= most else (text[:most], True)


def is_json(text: str) -> bool:
    """Whether a text is JSON as a whole."""
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def pretty_json(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """A value as JSON to read."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
