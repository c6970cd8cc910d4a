"""Signs as Sage Intacct does, and in ways that it must not."""

from __future__ import annotations

import hmac
from base64 import b64encode, urlsafe_b64encode
from hashlib import sha256
from typing import Any

import orjson

from tests.webhooks.world import INTACCT_SECRET, NOW

NOW_MS = round(NOW.timestamp() * 1000)
HOUR_MS = 3_600_000


def claims_of(body: bytes, now_ms: int = NOW_MS, **changes: Any) -> dict[str, Any]:
    """The claims of a token for a body; a change of None leaves one out."""
    plain = {"iss": "Sage Intacct", "iat": now_ms, "exp": now_ms + HOUR_MS, "payload_signature": sha256(body).hexdigest()}
    return {name: value for name, value in {**plain, **changes}.items() if value is not None}


def signed(claims: Any, key: str = INTACCT_SECRET, head: Any = None) -> str:
    """A token with these claims."""
    head = {"alg": "HS256", "typ": "JWT"} if head is None else head
    text = ".".join(_part(orjson.dumps(each)) for each in (head, claims))
    return f"{text}.{_part(hmac.digest(key.encode(), text.encode(), sha256))}"


def token(body: bytes, key: str = INTACCT_SECRET, now_ms: int = NOW_MS, **changes: Any) -> str:
    """A token for a body."""
    return signed(claims_of(body, now_ms, **changes), key)


def wrapped(jwt: str) -> str:
    """The other form of the header."""
    return b64encode(orjson.dumps({"clientId": "client", "jwtData": jwt})).decode()


def context(**members: Any) -> str:
    """A context header."""
    return b64encode(orjson.dumps(members)).decode()


def _part(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
