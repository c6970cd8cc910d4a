"""Answers: JSON with the same few safe headers on each."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import orjson
from flask import Response

from webhooks.problems import MEDIA_TYPE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from wsgiref.types import StartResponse, WSGIEnvironment

    from webhooks.problems import Problem

SAFE: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


_SAFE: Final = tuple(SAFE.items())


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler gives back: a status, a JSON value, and headers of its own."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)


def response(answer: Answer) -> Response:
    """The answer as Flask sends it."""
    return _response(answer.status, orjson.dumps(answer.body), "application/json", answer.headers)


@dataclass(frozen=True, slots=True)
class Streaming:
    """What a handler gives back that goes on: parts, sent as they come, which are closed in the end."""

    parts: Iterable[bytes]
    content_type: str


def streaming_response(answer: Streaming) -> Response:
    """The parts as Flask sends them. Proxies are asked to keep none of them back."""
    told = [("Content-Type", answer.content_type), ("X-Accel-Buffering", "no"), *_SAFE]
    return Response(answer.parts, 200, told)


def problem_response(problem: Problem) -> Response:
    """The problem as Flask sends it."""
    return _response(problem.status, orjson.dumps(problem.body()), MEDIA_TYPE, problem.headers)


def text_response(body: bytes, content_type: str, headers: Mapping[str, str] = MappingProxyType({})) -> Response:
    """Anything else, such as metrics; headers of its own stand in the place of ours."""
    return _response(200, body, content_type, headers)


class _Whole(Response):
    """A response that is complete when made: sent as it is, without the copies and corrections that others need."""

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response(self.status, self.headers.to_wsgi_list())
        return () if environ["REQUEST_METHOD"] == "HEAD" else self.response  # type: ignore[return-value] # bytes, as made below


def _response(status: int, body: bytes, content_type: str, headers: Mapping[str, str]) -> Response:
    safe = [each for each in _SAFE if each[0] not in headers] if headers else _SAFE
    told = [("Content-Type", content_type), ("Content-Length", str(len(body))), *safe, *headers.items()]
    return _Whole([body], status, told)
