"""What an event looks like to rules: `{"type": …, "data": …}`, or a CloudEvents 1.0 event with its attributes beside them. Pure."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final

from worker.rules import exact

LONGEST_TYPE: Final = 200
SPECVERSION: Final = "1.0"


class NoEvent(ValueError):
    """It is no event; the message says why."""


def plain_event(content: object) -> dict[str, Any]:
    """An object with a type, as any system may send it. Raises `NoEvent`."""
    event = _object(content)
    _must_have_type(event)
    return {**event, "data": event.get("data")}


def cloud_event(content: object) -> dict[str, Any]:
    """A structured CloudEvents 1.0 event; data in base64 is read where it says to be JSON. Raises `NoEvent`."""
    event = _object(content)
    if event.get("specversion") != SPECVERSION:
        raise NoEvent(f"specversion must be {SPECVERSION!r}")
    for name in ("id", "source"):
        if not (isinstance(event.get(name), str) and event[name]):
            raise NoEvent(f"a CloudEvent needs {name}, as text")
    _must_have_type(event)
    if "data" in event and "data_base64" in event:
        raise NoEvent("a CloudEvent has data or data_base64, not both")
    if "data_base64" not in event:
        return {**event, "data": event.get("data")}
    raw = _decoded(event["data_base64"])
    return {**event, "data": _read(raw) if _is_json(event.get("datacontenttype")) else None}


def any_event(content: object) -> dict[str, Any]:
    """Either, by what stands in it. Raises `NoEvent`."""
    return cloud_event(content) if isinstance(content, dict) and "specversion" in content else plain_event(content)


def announced(kind: str, data: object) -> dict[str, Any]:
    """What an ERP's webhook is to rules."""
    return {"type": kind, "data": data}


def _object(content: object) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise NoEvent('an event is an object: {"type": …, "data": …}')
    return content


def _must_have_type(event: dict[str, Any]) -> None:
    found = event.get("type")
    if not isinstance(found, str) or not found.strip():
        raise NoEvent("an event needs a type, as text")
    if len(found) > LONGEST_TYPE or not found.isprintable():
        raise NoEvent(f"the type of an event has at most {LONGEST_TYPE} characters, all of them printable")


def _decoded(value: object) -> bytes:
    try:
        return base64.b64decode(value, validate=True) if isinstance(value, str) else _no_base64()
    except (binascii.Error, ValueError):
        return _no_base64()


def _no_base64() -> bytes:
    raise NoEvent("data_base64 is no base64")


def _read(raw: bytes) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return exact.loads(raw)
    except ValueError:
        raise NoEvent("data_base64 holds no JSON, though datacontenttype says so") from None


def _is_json(content_type: object) -> bool:
    """Without a word about it data is JSON (the JSON format of CloudEvents says so)."""
    if content_type is None:
        return True
    kind = str(content_type).partition(";")[0].strip().lower()
    return kind.endswith(("/json", "+json"))
