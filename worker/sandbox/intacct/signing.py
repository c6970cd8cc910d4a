"""How a trigger proves where it comes from: a JWT signed with the client's secret, over the hash of the body (documented)."""

from __future__ import annotations

import hmac
from base64 import b64encode, urlsafe_b64encode
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ISSUER: Final = "Sage Intacct"
LIFE: Final = 3_600
TIMES: Final[Mapping[str, tuple[int, int]]] = {"ms": (1000, 1000), "seconds": (1, 1), "mixed": (1000, 1)}
"""In how many parts of a second `iat` and `exp` count: milliseconds (documented), seconds, or one of each (seen both)."""


def jwt(body: bytes, secret: str, client_id: str, now: float, times: str) -> str:
    """The signed token for a raw body."""
    issued, expires = TIMES[times]
    claims = {
        "iss": ISSUER,
        "iat": int(now * issued),
        "exp": int((now + LIFE) * expires),
        "tenant_id": client_id,
        "app_id": client_id,
        "payload_signature": sha256(body).hexdigest(),
        "payload_signature_alg": "SHA-256",
    }
    text = b".".join(_part(orjson.dumps(part)) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    return b".".join((text, _part(hmac.digest(secret.encode(), text, "sha256")))).decode()


def wrapped(token: str, client_id: str) -> str:
    """The other form that was seen: base64 of JSON."""
    return b64encode(orjson.dumps({"clientId": client_id, "jwtData": token})).decode()


FORMS: Final[Mapping[str, Callable[[str, str], str]]] = {"jwt": lambda token, _client: token, "json": wrapped}


def _part(data: bytes) -> bytes:
    """Base64 as tokens have it."""
    return urlsafe_b64encode(data).rstrip(b"=")
