"""The ERP's own words in an error body, whatever its shape. Pure.

Shapes seen (none is in Visma's OpenAPI): `{"message"}` for business errors; `{"ExceptionType", "ExceptionMessage", "ExceptionFaultCode"}`
from the older gateway, where an SDK reads `FaultCode`; `{"error", "error_description"}` from the token endpoint; `{"title", "detail",
"errors"}` and `{"Message", "ModelState"}` as .NET writes them; plain text; HTML; nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Final

from worker.clients.codec import read_json
from worker.clients.redaction import redact

MOST: Final = 500
MOST_DETAILS: Final = 10
DEEPEST: Final = 6

# In the order of their worth; names are compared in lower case.
_SAID: Final = ("exceptionmessage", "message", "error_description", "detail", "errormessage", "description", "title", "error", "errorinfo")
_MORE: Final = ("errors", "modelstate", "details", "exceptiondetails", "innerexception")
_CODES: Final = ("exceptionfaultcode", "faultcode", "exceptionmessageid", "code", "errorcode", "error")
_TAGS: Final = re.compile(r"<(script|style|head)\b.*?</\1\s*>|<[^>]*>", re.IGNORECASE | re.DOTALL)
_TITLE: Final = re.compile(r"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)


def message_of(body: bytes, content_type: str, status: int) -> str:
    """The message in an answer's body, at most 500 characters, without secrets; never empty."""
    try:
        value = read_json(body[:1_000_000])
    except ValueError:
        value = _plain(body[:20_000].decode("utf-8", errors="replace"), content_type)
    return message_in(value, status)


def message_in(value: object, status: int) -> str:
    """The message in an answer's JSON value (or text), at most 500 characters, without secrets; never empty."""
    text = redact(" ".join(_say(value, 0)[: 8 * MOST].split()))
    if not text:
        return f"{_phrase(status)}, without a message"
    return text if len(text) <= MOST else f"{text[: MOST - 1]}…"


def _say(value: object, depth: int) -> str:
    if depth > DEEPEST or value is None or isinstance(value, bool):
        return ""
    if isinstance(value, Mapping):
        return _say_object({str(key).lower(): inner for key, inner in value.items()}, depth)
    if isinstance(value, (list, tuple)):
        return "; ".join(_distinct(_say(inner, depth + 1) for inner in value[:MOST_DETAILS]))
    return str(value).strip()


def _say_object(fields: Mapping[str, object], depth: int) -> str:
    said = next((text for text in (_say(fields.get(name), depth + 1) for name in _SAID) if text), "")
    more = [text for name in _MORE for text in _details(fields.get(name), depth + 1) if text not in said]
    if not said and not more:
        more = list(_details({name: value for name, value in fields.items() if name not in _CODES}, depth + 1))
    code = next((text for text in (_code(fields.get(name)) for name in _CODES) if text and text not in said), "")
    whole = ": ".join(part for part in (said, "; ".join(_distinct(more))) if part)
    return f"{whole} ({code})" if code and whole else whole or code


def _details(value: object, depth: int) -> Iterator[str]:
    if not isinstance(value, Mapping):
        yield _say(value, depth)
        return
    for name, inner in list(value.items())[:MOST_DETAILS]:
        text = _say(inner, depth + 1)
        if text:
            yield f"{name}: {text}"


def _code(value: object) -> str:
    return str(value).strip() if isinstance(value, (str, int)) and not isinstance(value, bool) else ""


def _distinct(texts: Iterator[str] | list[str]) -> list[str]:
    return list(dict.fromkeys(text for text in texts if text))


def _plain(text: str, content_type: str) -> str:
    if "html" not in content_type.lower() and not text.lstrip().startswith("<"):
        return text
    title = _TITLE.search(text)
    return title[1] if title and title[1].strip() else _TAGS.sub(" ", text)


def _phrase(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"status {status}"
