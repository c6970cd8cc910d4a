"""Standard Webhooks: the headers of a message, signed with every secret there is. Pure.

Documented in the specification: what is signed is `id.timestamp.body` with HMAC-SHA256; a secret is `whsec_` and base64 of 24 to 64 bytes;
several signatures stand in one header with spaces between, so that a receiver may know the old secret or the new one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING, Final

from worker.configuration.standard import key_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.settings import Secret

VERSION: Final = "v1"


def headers_for(message: str, at: int, body: bytes, secrets: Sequence[Secret]) -> dict[str, str]:
    """The three headers. `message` is the id, the same at each try; `at` epoch seconds of this one."""
    signatures = (signature(secret, message, at, body) for secret in secrets)
    return {"webhook-id": message, "webhook-timestamp": str(at), "webhook-signature": " ".join(signatures)}


def signature(secret: Secret, message: str, at: int, body: bytes) -> str:
    """`v1,` and base64 of the MAC."""
    mac = hmac.digest(key_of(secret.reveal()), b"%s.%d." % (message.encode(), at) + body, hashlib.sha256)
    return f"{VERSION},{base64.b64encode(mac).decode()}"
