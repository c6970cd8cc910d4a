"""Paths, ids and names in Visma's addresses. Pure. No address from an answer is ever called: only ids and names are taken from it."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from worker.settings import Visma

_UUID: Final = re.compile(r"\b[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\b", re.IGNORECASE)
_PLAIN: Final = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*")
_WRAPPED: Final = re.compile(r"b64\((?P<text>[A-Za-z0-9_=-]*)\)")
_DOCUMENT: Final = re.compile(r"/kitassembly/(?P<first>[^/?#]+)(?:/(?P<second>[^/?#]+))?", re.IGNORECASE)
_TYPES: Final = ("P", "D")
_JOB_ID: Final = re.compile(r"[A-Za-z0-9._-]+")
KIT_ASSEMBLIES: Final = "/v1/kitassembly"
JOB_HEADER: Final = "kitrelay-job"


def path_value(text: str) -> str:
    """A value as one segment of a path: with reserved characters `b64(<base64url>)` (documented; without padding, inferred)."""
    if _PLAIN.fullmatch(text):
        return text
    return f"b64({urlsafe_b64encode(text.encode()).decode().rstrip('=')})"


def value_of_path(segment: str) -> str:
    """The value that a segment of a path stands for."""
    plain = unquote(segment)
    match = _WRAPPED.fullmatch(plain)
    if match is None:
        return plain
    text = match["text"].rstrip("=")
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except ValueError:
        return plain


def document_path(kind: str, ref_no: str) -> str:
    """The path of a kit assembly."""
    return f"{KIT_ASSEMBLIES}/{path_value(kind)}/{path_value(ref_no)}"


def operation_path(operation_id: str) -> str:
    """The path of a background operation's state."""
    return f"/v1/background/{quote(operation_id, safe='')}"


def operation_id(*texts: object) -> str | None:
    """The first UUID in these texts, such as an id or a state's address."""
    found = (_UUID.search(text) for text in texts if isinstance(text, str))
    return next((match[0] for match in found if match), None)


def ref_no_from_location(headers: Mapping[str, object] | None) -> tuple[str | None, str] | None:
    """Type (if it is there) and number of the document that a Location header names, on any host; None if there is none.

    The header's case is unknown, and whether its value is a text or a list of them.
    """
    for location in _locations(headers or {}):
        match = _DOCUMENT.search(location)
        if match is None:
            continue
        first, second = value_of_path(match["first"]), match["second"]
        if second is not None and second.lower() != "action":
            return first, value_of_path(second)
        if second is None and first not in _TYPES:
            return None, first
    return None


def background_header(settings: Visma, job_id: str) -> str:
    """The value of `erp-api-background` for a job, by the tenant's setting.

    The pair becomes a header of the notification, so that it names our job even if the 202 never reached us. No escaping is documented: ids
    are letters, digits, point, hyphen and underscore only; anything else is a `ValueError`.
    """
    if not _JOB_ID.fullmatch(job_id):
        raise ValueError("a job id has letters, digits, point, hyphen and underscore only")
    if settings.background == "none":
        return "none"
    if settings.background == "subscription":
        return f"subscription:{JOB_HEADER}={job_id}"
    token = settings.callback_tokens[0].reveal() if settings.callback_tokens else ""
    address = f"{settings.callback_url.rstrip('/')}/{quote(token, safe='')}" if token else settings.callback_url
    return f"{address}?job={job_id}"


def _locations(headers: Mapping[str, object]) -> Iterator[str]:
    for name, value in headers.items():
        if str(name).lower() != "location":
            continue
        values = value if isinstance(value, (list, tuple)) else [value]
        yield from (text for text in values if isinstance(text, str))
