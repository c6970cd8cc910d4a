"""Take secrets out of text that will be kept: JSON, printed dicts, forms, queries, prose. Pure.

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
# "name": "value", with Visma's {"value": …} around it or without; a value may be cut off
_IN_JSON: Final = re.compile(
    rf"""(?P<before>"{_NAMES}"\s*:\s*(?:\{{\s*"value"\s*:\s*)?)(?P<value>"(?:[^"\\]|\\.)*(?:"|\\?$)|[^\s"{{}}\[\],\\]+)""",
    re.IGNORECASE | re.DOTALL,
)
# the same in a JSON text that is itself a value in JSON
_IN_INNER_JSON: Final = re.compile(
    rf"""(?P<before>\\"{_NAMES}\\"\s*:\s*(?:\{{\s*\\"value\\"\s*:\s*)?)(?P<value>\\"(?:[^"\\]|\\\\(?:\\["\\]|.))*(?:\\"|\\*$))""",
    re.IGNORECASE | re.DOTALL,
)
# the same as Python prints a dict, which is how a log may keep a body: 'name': 'value'
_IN_PRINTED: Final = re.compile(
    rf"""(?P<before>'{_NAMES}'\s*:\s*)(?P<value>'(?:[^'\\]|\\.)*(?:'|\\?$)|(?P<quote>\\?")(?:[^"\\]|\\(?!").)*(?:(?P=quote)|\\*$))""",
    re.IGNORECASE | re.DOTALL,
)
_IN_FORM: Final = re.compile(rf"(?P<before>(?:^|[?&;\s]){_NAMES}=)(?P<value>[^&;\s\"]+)", re.IGNORECASE)
_BEARER: Final = re.compile(r"(?P<before>\b(?:bearer|basic)\s+)(?P<value>[\w.~+/=-]{8,})", re.IGNORECASE)

# Nearly every text holds none of these: a cheap look spares four dear ones.
_MARKS: Final = ("secret", "token", "pass", "pwd", "auth", "asser", "cred", "sign", "cook", "bearer", "basic", "webhook", "key")


def redact(text: str) -> str:
    """The text with every secret's value replaced by `***`, and without NULs: PostgreSQL keeps none, so one would hold up a whole lane."""
    text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    plain = text.lower()
    if not any(mark in plain for mark in _MARKS):
        return text
    text = _IN_JSON.sub(_mask, text)
    text = _IN_INNER_JSON.sub(rf'\g<before>\\"{MASK}\\"', text)
    text = _IN_PRINTED.sub(rf"\g<before>'{MASK}'", text)
    text = _IN_FORM.sub(rf"\g<before>{MASK}", text)
    return _BEARER.sub(rf"\g<before>{MASK}", text)


def _mask(match: re.Match[str]) -> str:
    return match[0] if match["value"] == "null" else f'{match["before"]}"{MASK}"'
