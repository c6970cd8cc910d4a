"""CloudEvents 1.0 over HTTP: which mode a request is in, and the event in it. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_to_bytes

from webhooks.bodies import loads, must_be_json
from webhooks.problems import Problem
from worker.rules import exact
from worker.rules.events import NoEvent, cloud_event, plain_event

if TYPE_CHECKING:
    from collections.abc import Mapping

STRUCTURED: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"
_PREFIX: Final = "HTTP_CE_"
_SPECVERSION: Final = f"{_PREFIX}SPECVERSION"
_NAME: Final = re.compile(r"[a-z0-9]+")
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)


def event_in(environ: Mapping[str, Any], body: bytes) -> dict[str, Any]:
    """The event of a request: structured or binary CloudEvent, or an object with a type. Numbers are exact. Raises `Problem` 400 or 415."""
    kind = str(environ.get("CONTENT_TYPE", "")).partition(";")[0].strip().lower()
    if kind == BATCH:
        raise Problem(415, "batches of CloudEvents are not taken: send them one by one")
    must_be_json(environ, required=False)
    try:
        if kind != STRUCTURED and _SPECVERSION in environ and not _is_event(content := _value(body) if body else None):
            return cloud_event(_binary(environ, content, kind))
        content = _value(body)
        return cloud_event(content) if kind == STRUCTURED else plain_event(content)
    except NoEvent as error:
        raise Problem(400, str(error)) from None


def header_value(value: str) -> str:
    """An attribute as it was before it became a header: quotes taken away, then one round of percent-decoding, as UTF-8.

    Raises `NoEvent` for what is no UTF-8.
    """
    quoted = _QUOTED.fullmatch(value)
    text = _ESCAPED.sub(r"\1", quoted[1]) if quoted else value
    try:
        return unquote_to_bytes(text.encode("latin-1")).decode()
    except UnicodeError:
        raise NoEvent("a ce- header is no UTF-8, percent-encoded") from None


def _is_event(content: object) -> bool:
    """Whether a body says itself what it is: then no header, which no signature covers, may say that it is something else."""
    return isinstance(content, dict) and isinstance(content.get("type"), str) and "data" in content


def _binary(environ: Mapping[str, Any], content: object, kind: str) -> dict[str, Any]:
    """Attributes in headers, data in the body: without a body there is none."""
    named = {key[len(_PREFIX) :].lower(): str(value) for key, value in environ.items() if key.startswith(_PREFIX)}
    attributes: dict[str, Any] = {name: header_value(value) for name, value in named.items() if _NAME.fullmatch(name)}
    typed = {"datacontenttype": kind} if kind else {}
    return {**attributes, **typed, "data": content}


def _value(body: bytes) -> Any:  # noqa: ANN401 - any JSON value
    loads(body)  # what is no JSON is told with its place
    try:
        return exact.loads(body)
    except exact.TooDeep as error:
        raise Problem(400, f"the body {error}") from None
