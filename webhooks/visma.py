"""Visma's notifications: a background operation has finished. Proof first, on the raw bytes; then what helps to find the job."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from webhooks.bodies import LIMIT, loads, must_be_json, read
from webhooks.news import HEADER, news_of
from webhooks.problems import Problem
from webhooks.receiver import kept_headers, text_of
from webhooks.signatures import digest, fresh, visma_signed, which
from worker.errors import NotFound
from worker.jobs.arrivals import KEY_DAYS, Arrival

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from webhooks.answers import Answer
    from webhooks.receiver import Receiver
    from worker.settings import Visma

SOURCE: Final = "visma"
EVENT: Final = "BACKGROUND_API_RESPONSE"
BODY_KEY_LIFE: Final = timedelta(hours=1)
_SIGNATURE: Final = "HTTP_X_VWD_SIGNATURE_V1"
_TIMESTAMP: Final = "HTTP_X_VWD_WEBHOOK_TIMESTAMP"
_NOTIFICATION: Final = "HTTP_X_VWD_NOTIFICATION_ID"
_EVENT: Final = "HTTP_X_VWD_EVENT_ID"
_OURS: Final = "HTTP_" + HEADER.upper().replace("-", "_")
_LONGEST: Final = 200


def receive(receiver: Receiver, environ: Mapping[str, Any], tenant: str, token: str | None = None) -> Answer:
    """Take one notification; `token` stands at the end of the address in url mode. Raises `Problem`, `NotFound` or `LedgerUnavailable`."""
    visma = _visma(receiver, tenant, token)
    body = _body(receiver, environ, tenant)
    now = receiver.clock()
    if not _proven(visma, environ, body, token, now):
        refused = _arrival(environ, tenant, body, ())
        receiver.refuse(refused, Problem(401, "the notification does not prove where it comes from"), "missing, wrong or stale proof")
    try:
        content = _content(environ, body)
    except Problem as problem:
        receiver.refuse(_arrival(environ, tenant, body, ()), problem, problem.detail)
    return receiver.take(_arrival(environ, tenant, body, news_of(content, environ.get(_OURS))))


def _visma(receiver: Receiver, tenant: str, token: str | None) -> Visma:
    """The tenant's connection, if it may be notified in this way: by token only in url mode, by signature only where there are keys."""
    found = receiver.settings.tenants.get(tenant)
    visma = found.visma if found is not None else None
    proofs = () if visma is None else visma.webhook_keys if token is None else visma.callback_tokens if visma.background == "url" else ()
    if visma is None or not proofs:
        raise NotFound("there is no such receiver")
    return visma


def _body(receiver: Receiver, environ: Mapping[str, Any], tenant: str) -> bytes:
    try:
        return read(environ, LIMIT, receiver.concurrency)
    except Problem as problem:
        receiver.refuse(_arrival(environ, tenant, b"", ()), problem, problem.detail)


def _content(environ: Mapping[str, Any], body: bytes) -> dict[str, Any] | list[Any]:
    must_be_json(environ, required=False)
    content = loads(body)
    if not isinstance(content, (dict, list)):
        raise Problem(400, "the body is neither an object nor an array")
    return content


def _proven(visma: Visma, environ: Mapping[str, Any], body: bytes, token: str | None, now: datetime) -> bool:
    in_time = fresh(environ.get(_TIMESTAMP), round(now.timestamp() * 1000))
    if token is not None:
        return (which(token, [digest(each.reveal()) for each in visma.callback_tokens]) is not None) & in_time
    return visma_signed(environ.get(_SIGNATURE), body, [key.reveal() for key in visma.webhook_keys]) & in_time


def _arrival(environ: Mapping[str, Any], tenant: str, body: bytes, news: tuple[Any, ...]) -> Arrival:
    named = _plain(environ.get(_NOTIFICATION))
    return Arrival(
        tenant=tenant,
        source=SOURCE,
        type=_plain(environ.get(_EVENT)) or EVENT,
        headers=kept_headers(environ),
        body=text_of(body),
        key=f"id:{named}" if named else f"sha256:{hashlib.sha256(body).hexdigest()}",
        key_life=KEY_DAYS if named else BODY_KEY_LIFE,
        erp=SOURCE,
        news=news,
    )


def _plain(value: object) -> str | None:
    """A header's value that may serve as a name."""
    text = str(value or "").strip()
    return text if text and text.isprintable() and len(text) <= _LONGEST else None
