"""Prove that a body came from its sender. Pure; every comparison takes the same time whatever is wrong."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_LONGEST: Final = 512
"""No signature or token of ours is longer; what is, is not looked at."""

TOLERANCE_MS: Final = 5 * 60 * 1000
_MOST_DIGITS: Final = 16


def visma_signature(key: str, body: bytes) -> str:
    """`x-vwd-signature-v1`: base64 of HMAC-SHA256 over the raw body, the key used as plain text (seen in a sister product's sample)."""
    return base64.b64encode(hmac.digest(key.encode(), body, hashlib.sha256)).decode()


def visma_signed(signature: str | None, body: bytes, keys: Iterable[str]) -> bool:
    """Whether one of the keys made this signature. Any malformed value is False; every key is tried, so that time tells nothing."""
    given = _decoded(signature)
    found = False
    for key in keys:
        found |= bool(key) and hmac.compare_digest(hmac.digest(key.encode(), body, hashlib.sha256), given)
    return found


def digest(secret: str) -> bytes:
    """What `knows` compares: of one length for every secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def which(given: str | None, digests: Iterable[bytes]) -> int | None:
    """The place of the secret that was given, or None. All are compared, whichever fits."""
    if not given or len(given) > _LONGEST:
        given = ""
    mine = digest(given)
    found = None
    for place, each in enumerate(digests):
        if hmac.compare_digest(mine, each):
            found = place
    return found if given else None


def fresh(epoch_ms: str | None, now_ms: int) -> bool:
    """Whether a timestamp in epoch milliseconds is within five minutes of now. None (no such header) is fresh; what is no number is not."""
    if epoch_ms is None:
        return True
    text = epoch_ms.strip()
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        return False
    return abs(now_ms - int(text)) <= TOLERANCE_MS


def _decoded(signature: str | None) -> bytes:
    if not signature or len(signature) > _LONGEST:
        return b""
    try:
        raw = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return raw if base64.b64encode(raw).decode() == signature else b""  # one spelling only: base64's spare bits may not vary
