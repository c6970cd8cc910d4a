"""Who is logged in: a cookie that names an API key, signed with what only that key and this installation know.

The signing key is derived from the API key itself. So there is no further secret to keep, every web process of every machine can check a
cookie, and a key that is changed or taken out of the settings ends its sessions at once. The cookie holds no key, and role and tenants are
read from the settings at each request. Whether somebody logged out of a session only the ledger knows (`worker.jobs.ended_sessions`).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from itsdangerous import BadData, URLSafeSerializer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.settings import ApiKey

LONGEST: Final = timedelta(hours=12)
"""Then one logs in again: a night shift and some."""

_LEEWAY: Final = timedelta(hours=1)
"""Clocks of machines differ: an ended session is remembered for longer than any of them takes its cookie."""

_PURPOSE: Final = b"kitrelay session"
_LONGEST_COOKIE: Final = 1_000
_PAD: Final = 32


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is logged in by an API key. `token` is what a form of theirs must carry.

    `nonce` names the session among all, and after `forgotten_at` no cookie of it is taken anywhere.
    """

    key: ApiKey
    token: bytes = field(repr=False)
    nonce: str = field(repr=False)
    forgotten_at: datetime

    def masked(self) -> str:
        """The token as a page shows it: another text each time, so that nothing can be learned from the sizes of compressed pages."""
        pad = secrets.token_bytes(_PAD)
        return (pad + _mixed(pad, self.token)).hex()

    def admits(self, given: str | None) -> bool:
        """Whether a form carries the token."""
        try:
            raw = bytes.fromhex(given or "")
        except ValueError:
            raw = b""
        pad, mixed = raw[:_PAD], raw[_PAD:]
        return hmac.compare_digest(_mixed(pad, mixed), self.token) and len(mixed) == len(self.token)


class Sessions:
    """The sessions of these API keys."""

    def __init__(self, keys: Sequence[ApiKey]) -> None:
        self._signers = [(key, _derived(key)) for key in keys]

    def begin(self, key: ApiKey, now: datetime) -> str:
        """The cookie of a new session."""
        secret = _derived(key)
        return str(_signer(secret).dumps({"begun": int(now.timestamp()), "nonce": secrets.token_hex(16)}))

    def find(self, cookie: str | None, now: datetime) -> Session | None:
        """Whose session it is; None for a cookie that is not ours, or too old."""
        if not cookie or len(cookie) > _LONGEST_COOKIE:
            return None
        for key, secret in self._signers:
            told = _told(secret, cookie)
            if told is not None:
                return _session(key, secret, told, now)
        return None


def _session(key: ApiKey, secret: bytes, told: dict[str, Any], now: datetime) -> Session | None:
    begun, nonce = datetime.fromtimestamp(told["begun"], UTC), str(told["nonce"])
    age = now - begun
    if not -timedelta(minutes=5) <= age <= LONGEST:
        return None
    return Session(key, hmac.digest(secret, b"form " + nonce.encode(), hashlib.sha256), nonce, begun + LONGEST + _LEEWAY)


def _told(secret: bytes, cookie: str) -> dict[str, Any] | None:
    try:
        told: dict[str, Any] = _signer(secret).loads(cookie)
    except BadData:
        return None
    return told


def _signer(secret: bytes) -> URLSafeSerializer:
    return URLSafeSerializer(secret, salt=_PURPOSE, signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256})


def _derived(key: ApiKey) -> bytes:
    """Bound to the name as well: two keys of one value, which settings may hold by mistake, are still two."""
    return hmac.digest(key.key.reveal().encode(), _PURPOSE + key.name.encode(), hashlib.sha256)


def _mixed(left: bytes, right: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(left, right, strict=False))
