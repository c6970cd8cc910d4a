"""Signatures of notices are those of Standard Webhooks, by its own library."""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from worker.notices.signing import headers_for
from worker.settings import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

OLD = "whsec_" + base64.b64encode(b"o" * 24).decode()
NEW = "whsec_" + base64.b64encode(b"n" * 32).decode()
MESSAGE = "019a0000-0000-7000-8000-000000000001"
BODY = b'{"type":"job.succeeded","timestamp":"2026-03-01T12:00:00Z","data":{}}'


def test_sample_of_the_specification() -> None:
    """The signature of the sample that the specification's libraries share."""
    secrets = (Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),)
    headers = headers_for("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}', secrets)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("known", [OLD, NEW])
def test_either_secret_verifies(known: str) -> None:
    """While secrets rotate, a receiver that knows the old one or the new one takes the notice."""
    headers = headers_for(MESSAGE, int(time.time()), BODY, (Secret(OLD), Secret(NEW)))
    assert Webhook(known).verify(BODY, headers)["type"] == "job.succeeded"


@given(st.binary(min_size=24, max_size=64), st.binary(max_size=200))
def test_library_agrees(key: bytes, text: bytes) -> None:
    """The library makes the same signature for any key and body, with the prefix of a secret or without."""
    secret = base64.b64encode(key).decode()
    body = text.hex()
    now = int(time.time())
    signed = headers_for(MESSAGE, now, body.encode(), (Secret(secret), Secret(f"whsec_{secret}")))["webhook-signature"]
    assert signed.split() == [signed.split()[0]] * 2
    assert Webhook(secret).verify(f'"{body}"', headers_for(MESSAGE, now, f'"{body}"'.encode(), (Secret(secret),))) == body


CHANGES: list[Callable[[dict[str, str], bytes], tuple[dict[str, str], bytes]]] = [
    lambda headers, body: (headers, body.replace(b"succeeded", b"succeedee")),
    lambda headers, body: ({**headers, "webhook-id": MESSAGE[:-1] + "2"}, body),
    lambda headers, body: ({**headers, "webhook-timestamp": str(int(headers["webhook-timestamp"]) + 1)}, body),
]


@pytest.mark.parametrize("change", CHANGES)
def test_changes_are_noticed(change: Callable[[dict[str, str], bytes], tuple[dict[str, str], bytes]]) -> None:
    """Body, id and time are all signed."""
    headers, body = change(headers_for(MESSAGE, int(time.time()), BODY, (Secret(NEW),)), BODY)
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify(body, headers)
