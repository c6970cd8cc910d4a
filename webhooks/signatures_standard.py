"""Prove that a trigger came from its source: Standard Webhooks, HMAC-SHA256 of a named header, or a bearer token. Pure.

Every secret is tried, whichever fits, and each signature has one right spelling, so that no byte of it may vary.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from typing import TYPE_CHECKING, Final, Literal

from webhooks.signatures import TOLERANCE_MS, digest, which

if TYPE_CHECKING:
    from collections.abc import Iterable

PREFIX: Final = "whsec_"
_VERSION: Final = "v1,"
_MOST_SIGNATURES: Final = 16
_LONGEST: Final = 4096
_SECONDS: Final = re.compile(r"[0-9]{1,12}", re.ASCII)
_HASH_PREFIX: Final = "sha256="
_SCHEME: Final = "bearer "

Encoding = Literal["hex", "base64"]


def standard_signed(
    message_id: str | None, timestamp: str | None, signatures: str | None, body: bytes, secrets: Iterable[str], now_ms: int
) -> bool:
    """Whether one of the secrets signed `id.timestamp.body` within five minutes of now, in one of the `v1` signatures.

    Versions other than `v1` are passed over (Standard Webhooks says so). Any malformed value is False.
    """
    message_id, timestamp, signatures = message_id or "", timestamp or "", signatures or ""
    whole = bool(message_id) and max(map(len, (message_id, timestamp, signatures))) <= _LONGEST
    signed = b".".join((_raw(message_id), _raw(timestamp), body)) if whole else b""
    given = [_canonical(each[len(_VERSION) :]) for each in signatures[:_LONGEST].split(" ")[:_MOST_SIGNATURES] if each.startswith(_VERSION)]
    found = False
    for secret in secrets:
        for key in standard_keys(secret):
            made = hmac.digest(key, signed, hashlib.sha256)
            for each in given:
                found |= hmac.compare_digest(made, each)
    return found & whole & _in_time(timestamp, now_ms)


def standard_keys(secret: str) -> list[bytes]:
    """The keys that a secret may stand for: what its base64 holds, with `whsec_` before it or not, or its plain text.

    The official libraries read every secret as base64, with or without padding; others sign with the text as it is.
    """
    text = secret.removeprefix(PREFIX)
    keys = [_loose(text)] if secret.startswith(PREFIX) else [_loose(text), text.encode()]
    found = [key for key in keys if key]
    return found or ([secret.encode()] if secret else [])


def standard_signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """What a sender with this secret writes as `webhook-signature`."""
    signed = b".".join((_raw(message_id), str(timestamp).encode(), body))
    return _VERSION + base64.b64encode(hmac.digest(standard_keys(secret)[0], signed, hashlib.sha256)).decode()


def hmac_signature(secret: str, body: bytes, encoding: Encoding) -> str:
    """What a sender with this secret writes into its header."""
    made = hmac.digest(secret.encode(), body, hashlib.sha256)
    return made.hex() if encoding == "hex" else base64.b64encode(made).decode()


def hmac_signed(signature: str | None, body: bytes, secrets: Iterable[str], encoding: Encoding) -> bool:
    """Whether one of the secrets made this HMAC-SHA256 of the raw body, in hex or base64; many senders write `sha256=` before it."""
    text = (signature or "").removeprefix(_HASH_PREFIX)
    given = _unhexed(text) if encoding == "hex" else _canonical(text)
    found = False
    for secret in secrets:
        found |= bool(secret) and hmac.compare_digest(hmac.digest(secret.encode(), body, hashlib.sha256), given)
    return found


def bearer_known(authorization: str | None, secrets: Iterable[str]) -> bool:
    """Whether the header carries one of the secrets as a bearer token. The scheme's name knows no case (RFC 9110)."""
    text = authorization or ""
    token = text[len(_SCHEME) :] if text[: len(_SCHEME)].lower() == _SCHEME else ""
    return which(token, [digest(secret) for secret in secrets]) is not None


def _in_time(timestamp: str, now_ms: int) -> bool:
    return bool(_SECONDS.fullmatch(timestamp)) and abs(now_ms - int(timestamp) * 1000) <= TOLERANCE_MS


def _raw(header: str) -> bytes:
    """The bytes that were sent: a header arrives as Latin-1."""
    return header.encode("latin-1", "replace")


def _canonical(text: str) -> bytes:
    """What base64 holds, in its one right spelling."""
    try:
        raw = base64.b64decode(text, validate=True) if len(text) <= _LONGEST else b""
    except (binascii.Error, ValueError):
        return b""
    return raw if base64.b64encode(raw).decode() == text else b""


def _loose(text: str) -> bytes:
    """What base64 holds, with padding or without; nothing if it is none."""
    try:
        return base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _unhexed(text: str) -> bytes:
    """Hex in lower or upper case, not mixed."""
    if len(text) != 2 * hashlib.sha256().digest_size or text not in (text.lower(), text.upper()) or not text.isascii():
        return b""
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        return b""
    return raw if raw.hex() == text.lower() else b""
