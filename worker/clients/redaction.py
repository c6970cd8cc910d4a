"""Take secrets out of text that will be kept: JSON, forms, queries, prose. Pure.

It works on text that was cut anywhere, so a secret at the cut goes too. What counts is the field's name: all that end in token, secret,
password and the like, and `webhookAddress`, which in url mode holds our own token (Visma's background state shows it).
"""

from __future__ import annotations

import re
from typing import Final

MASK: Final = "***"

_NAMES: Final = (
    r"(?:[\w.-]*(?:secret|token|password|passwd|authorization|assertion|credentials?|signature|api[_-]?key|(?:access|private|signing|webhook|encryption)[_-]?key)"
    r"|pwd|cookie|set-cookie|webhook_?address)"
)
# "name": "value", also with \" for JSON inside a JSON text, and Visma's {"value": "…"} around it
_IN_JSON: Final = re.compile(
    rf"""(?P<before>\\*"{_NAMES}\\*"\s*:\s*(?:\{{\s*\\*"value\\*"\s*:\s*)?)(?P<value>\\*"(?:[^"\\]|\\[^"])*(?:\\*"|\\?$)|[^\s"{{}}\[\],\\]+)""",
    re.IGNORECASE,
)
_IN_FORM: Final = re.compile(rf"(?P<before>(?:^|[?&;\s]){_NAMES}=)(?P<value>[^&;\s\"]+)", re.IGNORECASE)
_BEARER: Final = re.compile(r"(?P<before>\b(?:bearer|basic)\s+)(?P<value>[\w.~+/=-]{8,})", re.IGNORECASE)


def redact(text: str) -> str:
    """The text with every secret's value replaced by `***`."""
    text = _IN_JSON.sub(_mask_json, text)
    text = _IN_FORM.sub(rf"\g<before>{MASK}", text)
    return _BEARER.sub(rf"\g<before>{MASK}", text)


def _mask_json(match: re.Match[str]) -> str:
    value = match["value"]
    if value == "null":
        return match[0]
    slashes = value[: len(value) - len(value.lstrip("\\"))] if value.lstrip("\\").startswith('"') else ""
    return f'{match["before"]}{slashes}"{MASK}{slashes}"'
