"""Visma's notifications: a background operation has finished. Proof first, on the raw bytes; then what helps to find the job."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from webhooks.news import HEADER, news_of
from webhooks.receiver import kept_headers, key_of, plain, text_of
from webhooks.ruling import Announcer
from webhooks.signatures import digest, fresh, visma_signed, which
from worker.errors import NotFound
from worker.jobs.arrivals import Arrival

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from webhooks.answers import Answer
    from webhooks.receiver import Receiver, Sender
    from worker.settings import Settings, Visma

SOURCE: Final = "visma"
EVENT: Final = "BACKGROUND_API_RESPONSE"
_SIGNATURE: Final = "HTTP_X_VWD_SIGNATURE_V1"
_TIMESTAMP: Final = "HTTP_X_VWD_WEBHOOK_TIMESTAMP"
_NOTIFICATION: Final = "HTTP_X_VWD_NOTIFICATION_ID"
_EVENT: Final = "HTTP_X_VWD_EVENT_ID"
_OURS: Final = "HTTP_" + HEADER.upper().replace("-", "_")


def receive(receiver: Receiver, environ: Mapping[str, Any], tenant: str, token: str | None = None) -> Answer:
    """Take one notification; `token` stands at the end of the address in url mode. Raises `Problem`, `NotFound` or `LedgerUnavailable`."""
    return receiver.hear(_Notification(tenant, _visma(receiver, tenant, token), token), environ)


def sender_of(settings: Settings, tenant: str) -> Sender:
    """Who reads a stored notification of the tenant again. Raises `NotFound`."""
    found = settings.tenants.get(tenant)
    if found is None or found.visma is None:
        raise NotFound("there is no such sender")
    return _Notification(tenant, found.visma, None)


def _visma(receiver: Receiver, tenant: str, token: str | None) -> Visma:
    """The tenant's connection, if it may be notified in this way: by token only in url mode, by signature only where there are keys."""
    found = receiver.settings.tenants.get(tenant)
    visma = found.visma if found is not None else None
    proofs = () if visma is None else visma.webhook_keys if token is None else visma.callback_tokens if visma.background == "url" else ()
    if visma is None or not proofs:
        raise NotFound("there is no such receiver")
    return visma


@dataclass(frozen=True, slots=True)
class _Notification(Announcer):
    """What is Visma's own in receiving."""

    tenant: str
    visma: Visma
    token: str | None

    def proven(self, environ: Mapping[str, Any], body: bytes, now: datetime) -> bool:
        """By the token in the address, or by the signature; and in time, where a time is told."""
        in_time = fresh(environ.get(_TIMESTAMP), round(now.timestamp() * 1000))
        if self.token is not None:
            return (which(self.token, [digest(each.reveal()) for each in self.visma.callback_tokens]) is not None) & in_time
        return visma_signed(environ.get(_SIGNATURE), body, [key.reveal() for key in self.visma.webhook_keys]) & in_time

    def bare(self, environ: Mapping[str, Any], body: bytes) -> Arrival:
        """As it is kept whatever becomes of it."""
        key, life = key_of(plain(environ.get(_NOTIFICATION)), body)
        event = plain(environ.get(_EVENT)) or EVENT
        return Arrival(self.tenant, SOURCE, event, kept_headers(environ), text_of(body), key, SOURCE, key_life=life)

    def told(self, arrival: Arrival, environ: Mapping[str, Any], content: object, now: datetime) -> Arrival:  # noqa: ARG002 - the protocol's
        """With what helps to find its jobs."""
        return replace(arrival, news=news_of(content, environ.get(_OURS)))
