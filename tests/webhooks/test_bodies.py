"""Bodies: how much is read, and what counts as JSON."""

from __future__ import annotations

import io
from typing import Any

import pytest

from webhooks.bodies import DEEPEST, must_be_json, read, strict_loads
from webhooks.concurrency import Threads
from webhooks.problems import Problem


class Watched(io.BytesIO):
    """A stream that knows whether it was read."""

    touched = False

    def read(self, size: int | None = -1, /) -> bytes:
        """Note it."""
        self.touched = True
        return super().read(size)


def environ(body: bytes, **changes: Any) -> dict[str, Any]:
    """A request with this body."""
    return {"CONTENT_LENGTH": str(len(body)), "wsgi.input": Watched(body), **changes}


def status_of(sent: dict[str, Any], limit: int = 10) -> int:
    """The problem's status."""
    with pytest.raises(Problem) as caught:
        read(sent, limit, Threads())
    return caught.value.status


def test_body_is_read() -> None:
    """Up to the limit, as many bytes as were told."""
    assert read(environ(b"0123456789"), 10, Threads()) == b"0123456789"
    assert read(environ(b"0123456789", CONTENT_LENGTH="4"), 10, Threads()) == b"0123"


def test_large_body_stays_unread() -> None:
    """What is told to be too large is refused before a byte is read."""
    sent = environ(b"01234567890")

    assert status_of(sent) == 413
    assert not sent["wsgi.input"].touched


def test_untold_length_is_bounded() -> None:
    """A chunked body is read only as far as the limit."""
    stream = io.BytesIO(b"x" * 1000)

    assert status_of({"wsgi.input": stream, "wsgi.input_terminated": True}) == 413
    assert stream.tell() == 11


def test_no_length_no_body() -> None:
    """Without a length and without chunks there is nothing to read."""
    assert read({"wsgi.input": io.BytesIO(b"x")}, 10, Threads()) == b""


@pytest.mark.parametrize("length", ["-1", "1e3", "x", "٣"])
def test_bad_length(length: str) -> None:
    """A length that is no number is refused."""
    assert status_of(environ(b"{}", CONTENT_LENGTH=length)) == 400


def test_short_body() -> None:
    """A body that ends early is not taken for a whole one."""
    assert status_of(environ(b"{}", CONTENT_LENGTH="5")) == 400


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"NaN",
        b"[1,]",
        b'{"a": Infinity}',
        b'"\\ud800"',
        b"\xff\xfe",
        b'{"a": 1, "a": 2}',
        b'{"x": [{"a": 1, "a": 1}]}',
        b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1),
        b"[" * 100_000 + b"]" * 100_000,
    ],
)
def test_strict_json(body: bytes) -> None:
    """Only JSON is JSON: no NaN, no lone surrogate, no name twice, no abyss."""
    with pytest.raises(Problem) as caught:
        strict_loads(body)
    assert caught.value.status == 400


def test_plain_json() -> None:
    """And JSON is JSON, as deep as any command of ours, and deeper."""
    assert strict_loads(b'{"a": [1, {"b": "\xc3\xa9"}], "c": null}') == {"a": [1, {"b": "é"}], "c": None}
    assert strict_loads(b"[" * (DEEPEST - 1) + b"]" * (DEEPEST - 1))


@pytest.mark.parametrize(
    ("headers", "passes"),
    [
        ({"CONTENT_TYPE": "application/json"}, True),
        ({"CONTENT_TYPE": "Application/JSON; charset=UTF-8"}, True),
        ({"CONTENT_TYPE": "application/cloudevents+json"}, True),
        ({"CONTENT_TYPE": 'application/json; charset="utf-8"'}, True),
        ({"CONTENT_TYPE": "application/json; charset=utf-16"}, False),
        ({"CONTENT_TYPE": "text/plain"}, False),
        ({"CONTENT_TYPE": "application/x-www-form-urlencoded"}, False),
        ({}, False),
        ({"CONTENT_TYPE": "application/json", "HTTP_CONTENT_ENCODING": "gzip"}, False),
        ({"CONTENT_TYPE": "application/json", "HTTP_CONTENT_ENCODING": "identity"}, True),
    ],
)
def test_media_type(headers: dict[str, str], passes: bool) -> None:  # noqa: FBT001 - a column of the table
    """JSON in UTF-8, as it is."""
    if passes:
        must_be_json(headers)
        return
    with pytest.raises(Problem) as caught:
        must_be_json(headers)
    assert caught.value.status == 415
