"""The ERP's own words, from every shape of error body that was seen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.clients.messages import MOST, message_in, message_of

SAMPLES = Path(__file__).parents[2] / "samples" / "visma"
SHAPES = [
    ({"message": "Payment can't be updated because it is already released."}, "Payment can't be updated because it is already released."),
    (
        {"Message": "The request is invalid.", "ModelState": {"kit.quantity": ["must be a number"]}},
        "The request is invalid.: kit.quantity: must be a number",
    ),
    (
        {
            "ExceptionType": "IPPException",
            "ExceptionMessage": "No license for this company",
            "ExceptionFaultCode": "12027",
            "ExceptionDetails": "",
        },
        "No license for this company (12027)",
    ),
    ({"ExceptionMessage": "Missing header", "FaultCode": 12002}, "Missing header (12002)"),
    ({"ExceptionMessageID": "GI-7"}, "GI-7"),
    ({"error": "invalid_client", "error_description": "Unknown client"}, "Unknown client (invalid_client)"),
    ({"error": "invalid_tenant"}, "invalid_tenant"),
    (
        {"title": "One or more validation errors occurred.", "errors": {"type": ["P or D", "required"]}},
        "One or more validation errors occurred.: type: P or D; required",
    ),
    ({"title": "Bad", "detail": "The warehouse is unknown."}, "The warehouse is unknown."),
    ({"errors": [{"message": "first"}, {"message": "second"}]}, "first; second"),
    ({"error": {"code": "X1", "message": "nested"}}, "nested (X1)"),
    ({"code": "E5"}, "E5"),
    ({"errorInfo": "The lot is missing."}, "The lot is missing."),
    ({"strange": "shape"}, "strange: shape"),
    (["one", "two"], "one; two"),
    ("just text", "just text"),
    ({}, "400 Bad Request, without a message"),
    (None, "400 Bad Request, without a message"),
]


@pytest.mark.parametrize(("value", "message"), SHAPES)
def test_shape_is_read(value: object, message: str) -> None:
    """Each shape gives its message, with its code and its details."""
    assert message_of(json.dumps(value).encode(), "application/json", 400) == message
    assert message_in(value, 400) == message


@pytest.mark.parametrize(
    ("body", "content_type", "message"),
    [
        (b"Same request made too many times", "text/plain", "Same request made too many times"),
        (b"", "", "503 Service Unavailable, without a message"),
        (b"<html><head><title>502 Bad\n Gateway</title></head><body><h1>nginx</h1></body></html>", "text/html", "502 Bad Gateway"),
        (b"<p>Under <b>maintenance</b></p>", "text/html; charset=utf-8", "Under maintenance"),
        (b"\xef\xbb\xbf" + b'{"message": "with a byte order mark"}', "application/json", "with a byte order mark"),
        (b"\xff\xfe broken \x00", "application/octet-stream", "\ufffd\ufffd broken \ufffd"),
        (b"[" * 200_000, "application/json", "[" * (MOST - 1) + "…"),
    ],
)
def test_other_text_is_read(body: bytes, content_type: str, message: str) -> None:
    """What is not JSON gives its text, HTML its title."""
    assert message_of(body, content_type, 503) == message


def test_secrets_are_masked() -> None:
    """A message that repeats a token keeps it to itself."""
    assert message_in({"message": "Authorization: Bearer abcdefghijkl expired"}, 401) == "Authorization: Bearer *** expired"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["message", "errors", "Error", "detail", "code", "x"]), inner, max_size=4)
    ),
    max_leaves=30,
)


@given(value=JSON, status=st.integers(100, 999))
def test_any_json_gives_words(value: object, status: int) -> None:
    """Whatever the body says, the message is text, not empty, and not too long."""
    message = message_in(value, status)

    assert 0 < len(message) <= MOST


@given(body=st.binary(max_size=300), content_type=st.sampled_from(["", "text/html", "application/json"]))
def test_any_bytes_give_words(body: bytes, content_type: str) -> None:
    """No bytes make it fail."""
    assert 0 < len(message_of(body, content_type, 500)) <= MOST
