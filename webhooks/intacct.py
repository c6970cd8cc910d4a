"""Sage Intacct's platform triggers: something about a kit has changed. Proof first, on the raw bytes; then the kits that it names."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import orjson

from webhooks.kits import announced, kits_named
from webhooks.receiver import kept_headers, key_of, plain, text_of
from webhooks.ruling import Announcer
from webhooks.signatures_intacct import intacct_signed
from worker.errors import NotFound
from worker.jobs.arrivals import Arrival

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from webhooks.answers import Answer
    from webhooks.receiver import Receiver, Sender
    from worker.settings import Intacct, Settings

SOURCE: Final = "intacct"
EVENT: Final = "PLATFORM_TRIGGER"
_SIGNATURE: Final = "HTTP_X_IA_SAGE_SIGNATURE"
_KEYS: Final = ("HTTP_IDEMPOTENCY_KEY", "HTTP_X_IDEMPOTENCYKEY")
"""The header of the idempotency key: both names are documented, each in one place."""

_OLD_PROOF: Final = "X-Trusted-Context"
"""What older pages call the header of the proof (documented). It is no proof here, and not kept."""

_LONGEST: Final = 8192


def receive(receiver: Receiver, environ: Mapping[str, Any], tenant: str) -> Answer:
    """Take one trigger. Raises `Problem`, `NotFound` or `LedgerUnavailable`."""
    return receiver.hear(sender_of(receiver.settings, tenant), environ)


def sender_of(settings: Settings, tenant: str) -> Sender:
    """Who proves and reads the tenant's triggers. Raises `NotFound`."""
    found = settings.tenants.get(tenant)
    if found is None or found.intacct is None:
        raise NotFound("there is no such receiver")
    return _Trigger(settings, tenant, found.intacct)


@dataclass(frozen=True, slots=True)
class _Trigger(Announcer):
    """What is Intacct's own in receiving."""

    settings: Settings
    tenant: str
    intacct: Intacct

    def proven(self, environ: Mapping[str, Any], body: bytes, now: datetime) -> bool:
        """By the client's secret, or a key of its own while they rotate."""
        keys = [key.reveal() for key in (self.intacct.client_secret, *self.intacct.webhook_keys)]
        return intacct_signed(environ.get(_SIGNATURE), body, keys, round(now.timestamp() * 1000))

    def bare(self, environ: Mapping[str, Any], body: bytes) -> Arrival:
        """As it is kept whatever becomes of it."""
        key, life = key_of(next((found for name in _KEYS if (found := plain(environ.get(name)))), None), body)
        headers = kept_headers(environ, hidden=_OLD_PROOF)
        return Arrival(self.tenant, SOURCE, EVENT, headers, text_of(body), key, SOURCE, key_life=life)

    def told(self, arrival: Arrival, environ: Mapping[str, Any], content: object, now: datetime) -> Arrival:
        """With the syncs that it makes."""
        named = kits_named(self.intacct.webhook_kits, [content])
        news = announced(self.settings, self.tenant, SOURCE, named, now)
        reasons = [each for each in (news.reason, _raised_by_us(environ, self.intacct.username)) if each]
        return replace(arrival, makes=news.makes, reason="; ".join(reasons) or None)


def _raised_by_us(environ: Mapping[str, Any], username: str) -> str | None:
    """Whether the context says that our own user did it. It is unsigned: it is told, and nothing follows from it."""
    user = username.partition("@")[0]
    said = (_user(value) for name, value in environ.items() if name.startswith("HTTP_X_") and "CONTEXT" in name)
    return f"raised by our own user {user}, as its context says" if user.lower() in said else None


def _user(value: object) -> str | None:
    """The USER of a context header: base64 of JSON (documented; the header's name is not)."""
    text = str(value)
    if len(text) > _LONGEST:
        return None
    try:
        context = orjson.loads(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        return None
    found = context.get("USER") if isinstance(context, dict) else None
    return found.partition("@")[0].lower() if isinstance(found, str) else None
