"""Answers, framed by hand: a simulated ERP shares its cores with what is measured, so an answer costs one join and one write."""

from __future__ import annotations

import time
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson
from aiohttp import web

if TYPE_CHECKING:
    from aiohttp.abc import AbstractStreamWriter

_LINES: Final = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}
_BODILESS: Final = frozenset({204, 304})
JSON: Final = b"Content-Type: application/json; charset=utf-8\r\n"


class Answer(NamedTuple):
    """A status, a body and what stands in the head beside them (whole lines, each ending in CRLF)."""

    status: int
    body: bytes = b""
    head: bytes = b""


def json_answer(status: int, content: object, head: bytes = b"") -> Answer:
    """An answer with a JSON body."""
    return Answer(status, orjson.dumps(content), JSON + head)


def message(status: int, text: str, head: bytes = b"") -> Answer:
    """The error body of business faults, `{"message": …}` (seen)."""
    return json_answer(status, {"message": text}, head)


def parsed(body: bytes) -> Any:  # noqa: ANN401 - JSON can be anything
    """The JSON of a body. Raises `ValueError`."""
    return orjson.loads(body)


class _Dates:
    """The Date header, made once a second."""

    second = 0
    line = b""

    @classmethod
    def header(cls) -> bytes:
        second = int(time.time())
        if second != cls.second:
            cls.second, cls.line = second, f"Date: {formatdate(second, usegmt=True)}\r\n".encode()
        return cls.line


def frame(answer: Answer, head: bytes = b"") -> bytes:
    """The bytes of an HTTP/1.1 answer."""
    status, body, own = answer
    if status in _BODILESS:
        return b"".join((_LINES[status], _Dates.header(), head, own, b"\r\n"))
    return b"".join((_LINES[status], _Dates.header(), head, own, b"Content-Length: %d\r\n\r\n" % len(body), body))


class Framed(web.StreamResponse):
    """An answer that is written as it is. aiohttp keeps the connection or closes it as the request asked."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self._data = data
        self._request: web.BaseRequest | None = None

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Take the request's connection; nothing is sent yet."""
        self._request = request
        self._keep_alive = request.keep_alive
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Send all of it."""
        transport = self._request.transport if self._request is not None else None
        if transport is not None and not transport.is_closing():
            transport.write(self._data + data)


class Dropped(web.StreamResponse):
    """No answer at all: the connection is closed."""

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Close the connection at once."""
        self._keep_alive = False
        if request.transport is not None:
            request.transport.abort()
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing is sent."""
