"""What a Visma notification offers to find its job. Pure; says nothing of the outcome, and no address in it is ever used.

The body's exact shape is undocumented. Object and array are both taken (arrays were documented for the older hooks); the id is looked for
under the names that integrators have seen, then inside the addresses of state and content.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from worker.jobs.arrivals import News

HEADER: Final = "kitrelay-job"
"""Our own header: what a write asked Visma to send back."""

MOST_ELEMENTS: Final = 1000
_ID_NAMES: Final = ("id", "requestid", "jobid", "referenceid", "reference")
_LOCATIONS: Final = ("statelocation", "contentlocation")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")


def news_of(body: Any, header: str | None) -> tuple[News, ...]:  # noqa: ANN401 - any JSON value
    """One piece of news for each element that names a job or an operation. Our header counts only where all is about one thing."""
    elements = body[:MOST_ELEMENTS] if isinstance(body, list) else [body]
    found = [_told(each) for each in elements if isinstance(each, Mapping)]
    ours = uuid_in(header, whole=True)
    if ours is not None and len({news.operation for news in found} - {None}) <= 1 and {news.job for news in found} <= {None, ours}:
        operation = next((news.operation for news in found if news.operation), None)
        return (News(job=ours, operation=operation),)
    return tuple(dict.fromkeys(news for news in found if news.job or news.operation))


def uuid_in(value: object, *, whole: bool = False) -> str | None:
    """The uuid that a text is (`whole`) or holds, in lower case; ids are compared as text."""
    if not isinstance(value, str) or len(value) > 2000:  # noqa: PLR2004 - longer than any address
        return None
    match = _UUID.fullmatch(value.strip()) if whole else _UUID.search(value)
    return match.group().lower() if match else None


def _told(element: Mapping[str, Any]) -> News:
    plain = {str(name).lower(): value for name, value in element.items()}
    return News(job=_job(plain), operation=_operation(plain))


def _job(plain: Mapping[str, Any]) -> str | None:
    direct = uuid_in(plain.get(HEADER), whole=True)
    inner = plain.get("headers")
    if direct is not None or not isinstance(inner, Mapping):
        return direct
    return next((uuid_in(value, whole=True) for name, value in inner.items() if str(name).lower() == HEADER), None)


def _operation(plain: Mapping[str, Any]) -> str | None:
    named = (uuid_in(plain.get(name), whole=True) for name in _ID_NAMES)
    located = (uuid_in(plain.get(name)) for name in _LOCATIONS)
    return next((found for found in (*named, *located) if found), None)
