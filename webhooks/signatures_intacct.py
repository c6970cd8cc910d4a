"""Prove that a trigger came from Sage Intacct: a JWT over the raw body's hash. Pure; says nothing of what is wrong.

`X-IA-Sage-Signature` is a JWT, or base64 of JSON with the JWT in `jwtData` (both seen). HS256 with the client's secret, issuer, expiry and
`payload_signature` are documented; times in milliseconds are documented, in seconds seen. What surrounds the JWT proves nothing and is not
looked at. No algorithm is ever chosen by the token.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

import orjson

from webhooks.signatures import TOLERANCE_MS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ISSUER: Final = "Sage Intacct"
ALGORITHM: Final = "HS256"
_LONGEST: Final = 8192
_PARTS: Final = 3
_MILLISECONDS_FROM: Final = 100_000_000_000
"""A time from here on counts milliseconds: as seconds it would be after the year 5000, and as milliseconds less is before 1974."""


def intacct_signed(signature: str | None, body: bytes, keys: Iterable[str], now_ms: int) -> bool:
    """Whether one of the keys signed this body for this time, with five minutes of tolerance. Any malformed value is False."""
    signed, _, given = _token(signature).rpartition(".")
    proven = _made_by_one(signed, given, keys)
    head, _, claims = signed.partition(".")
    return proven and _is_ours(_object(head)) and _holds(_object(claims), body, now_ms)


def intacct_token(key: str, body: bytes, now_ms: int) -> str:
    """A token for this body that is good for the tolerance alone."""
    claims = {"iss": ISSUER, "iat": now_ms, "exp": now_ms, "payload_signature": hashlib.sha256(body).hexdigest()}
    signed = ".".join(_encoded(orjson.dumps(each)) for each in ({"alg": ALGORITHM, "typ": "JWT"}, claims))
    return f"{signed}.{_encoded(hmac.digest(key.encode(), signed.encode(), hashlib.sha256))}"


def _token(signature: str | None) -> str:
    """The JWT in either form of the header."""
    if not signature or len(signature) > _LONGEST or not signature.isascii():
        return ""
    if signature.count(".") == _PARTS - 1:
        return signature
    try:
        envelope = orjson.loads(base64.b64decode(_padded(signature.rstrip("=")), altchars=_alphabet(signature), validate=True))
    except (binascii.Error, ValueError):
        return ""
    token = envelope.get("jwtData") if isinstance(envelope, dict) else None
    return token if isinstance(token, str) and token.isascii() and token.count(".") == _PARTS - 1 else ""


def _made_by_one(signed: str, given: str, keys: Iterable[str]) -> bool:
    """Every key is tried, whichever fits, so that time tells nothing."""
    mac = _decoded(given)
    found = False
    for key in keys:
        found |= bool(key) and hmac.compare_digest(hmac.digest(key.encode(), signed.encode(), hashlib.sha256), mac)
    return found


def _is_ours(head: Mapping[str, Any]) -> bool:
    """HS256, and no extension that must be understood (`crit`)."""
    return head.get("alg") == ALGORITHM and "crit" not in head


def _holds(claims: Mapping[str, Any], body: bytes, now_ms: int) -> bool:
    expires, issued = _ms(claims.get("exp")), _ms(claims.get("iat"))
    if expires is None or issued is None:
        return False
    in_time = now_ms <= expires + TOLERANCE_MS and issued <= now_ms + TOLERANCE_MS
    return claims.get("iss") == ISSUER and in_time and _is_hash(claims.get("payload_signature"), body)


def _is_hash(given: object, body: bytes) -> bool:
    text = given.lower() if isinstance(given, str) else ""
    return hmac.compare_digest(text.encode(), hashlib.sha256(body).hexdigest().encode())


def _ms(value: object) -> float | None:
    """A moment in milliseconds since 1970; None if it is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value):
        return None
    return value if value >= _MILLISECONDS_FROM else value * 1000


def _object(part: str) -> dict[str, Any]:
    try:
        found = orjson.loads(_decoded(part))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _decoded(part: str) -> bytes:
    """A part of a JWT: base64url without padding, in its one right spelling."""
    try:
        raw = base64.b64decode(_padded(part), altchars="-_", validate=True)
    except (binascii.Error, ValueError):
        return b""
    return raw if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() == part else b""


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _padded(part: str) -> str:
    return part + "=" * (-len(part) % 4)


def _alphabet(text: str) -> str:
    return "-_" if {"-", "_"} & set(text) else "+/"
