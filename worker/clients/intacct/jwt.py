"""When a token says that it ends. Pure. The signature is the receiver's business, not ours."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from typing import Final

_PARTS: Final = 3


def expiry_of(token: str) -> float | None:
    """The epoch second in a JWT's `exp`; None for what is no JWT or names none."""
    parts = token.split(".")
    if len(parts) != _PARTS:
        return None
    try:
        claims = json.loads(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return float(claims["exp"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
