"""Inbound triggers: events of any system, by the source's own scheme. Proof first, on the raw bytes; then the event and its rules.

What a signature covers differs: Standard Webhooks covers id, time and body, an HMAC the body alone. The attributes of a CloudEvent in
binary mode are headers, and so are not covered: a source that signs should send structured ones.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import orjson

from webhooks.cloudevents import event_in
from webhooks.receiver import header_variable, kept_headers, plain, text_of
from webhooks.signatures_standard import bearer_known, hmac_signed, standard_signed
from worker.errors import NotFound
from worker.jobs.arrivals import Arrival
from worker.rules.events import SPECVERSION
from worker.rules.expressions import Expression, NoResult
from worker.rules.judging import key_text
from worker.rules.work import Meter, TooMuchWork

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from webhooks.answers import Answer
    from webhooks.receiver import Receiver, Sender
    from worker.settings import Settings, Source

UNREAD: Final = "unknown"
"""The type of a delivery whose content was not looked at."""

STANDARD: Final = "standard-webhooks"
_ID: Final = "HTTP_WEBHOOK_ID"
_TIMESTAMP: Final = "HTTP_WEBHOOK_TIMESTAMP"
_SIGNATURE: Final = "HTTP_WEBHOOK_SIGNATURE"
_UNNAMED: Final = "it has no id: nobody can tell whether it came before"


def receive(receiver: Receiver, environ: Mapping[str, Any], tenant: str, name: str) -> Answer:
    """Take one event. Raises `Problem`, `NotFound` or `LedgerUnavailable`."""
    source = _source(receiver.settings, tenant, name)
    answer = receiver.hear(
        _Trigger(tenant, source), environ, admit=lambda: receiver.rates.admit(tenant, source, receiver.clock().timestamp())
    )
    return replace(answer, status=202)


def sender_of(settings: Settings, tenant: str, name: str) -> Sender:
    """Who proves and reads what this source sends. Raises `NotFound`."""
    return _Trigger(tenant, _source(settings, tenant, name))


def _source(settings: Settings, tenant: str, name: str) -> Source:
    found = settings.tenants.get(tenant)
    source = found.sources.get(name) if found is not None else None
    if source is None:
        raise NotFound("there is no such receiver")
    return source


@dataclass(frozen=True)
class _Trigger:
    """What is a source's own in receiving."""

    tenant: str
    source: Source

    def proven(self, environ: Mapping[str, Any], body: bytes, now: datetime) -> bool:
        """By the source's scheme."""
        return _PROOFS[self.source.scheme](self.source, environ, body, now)

    def bare(self, environ: Mapping[str, Any], body: bytes) -> Arrival:
        """As it is kept whatever becomes of it; its proof is not kept."""
        headers = kept_headers(environ, hidden=self.source.header)
        return Arrival(self.tenant, self.source.name, UNREAD, headers, text_of(body), None, "")

    def read(self, environ: Mapping[str, Any], body: bytes) -> object:
        """The event. Raises `Problem`."""
        return event_in(environ, body)

    def told(self, arrival: Arrival, environ: Mapping[str, Any], content: Any, now: datetime) -> Arrival:  # noqa: ANN401, ARG002 - the event
        """With its type, and the id that makes it unique where there is one."""
        key = self._key(environ, content)
        wanted = bool(self.source.id_header or self.source.id)
        return replace(arrival, type=content["type"], key=key, reason=_UNNAMED if key is None and wanted else None)

    def event(self, arrival: Arrival, content: Any, body: bytes) -> Mapping[str, Any]:  # noqa: ANN401, ARG002 - the event is the content
        """The event itself."""
        event: Mapping[str, Any] = content
        return event

    def _key(self, environ: Mapping[str, Any], event: Mapping[str, Any]) -> str | None:
        """The message's id of Standard Webhooks, which is signed; source and id of a CloudEvent; or what the settings name."""
        if self.source.scheme == STANDARD:
            return _named("id", str(environ.get(_ID, "")))
        if event.get("specversion") == SPECVERSION and isinstance(event.get("id"), str) and isinstance(event.get("source"), str):
            return _named("cloudevent", orjson.dumps([event["source"], event["id"]]).decode())
        if self.source.id_header:
            return _named("id", str(environ.get(header_variable(self.source.id_header)) or "").strip())
        return self._key_in(event) if self._id is not None else None

    def _key_in(self, event: Mapping[str, Any]) -> str | None:
        try:
            return _named("id", key_text(self._id.over(event, Meter()))) if self._id is not None else None
        except (NoResult, TooMuchWork):
            return None

    @cached_property
    def _id(self) -> Expression | None:
        return Expression(self.source.id) if self.source.id else None


def _named(kind: str, name: str) -> str | None:
    """A key of bounded length: what is long or odd stands for itself by its hash."""
    if not name:
        return None
    return f"{kind}:{name}" if plain(name) == name else f"{kind}-sha256:{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _standard(source: Source, environ: Mapping[str, Any], body: bytes, now: datetime) -> bool:
    message, timestamp, signature = (environ.get(name) for name in (_ID, _TIMESTAMP, _SIGNATURE))
    secrets = [secret.reveal() for secret in source.secrets]
    return standard_signed(message, timestamp, signature, body, secrets, round(now.timestamp() * 1000))


def _hmac(source: Source, environ: Mapping[str, Any], body: bytes, now: datetime) -> bool:  # noqa: ARG001 - a plain HMAC tells no time
    secrets = [secret.reveal() for secret in source.secrets]
    return hmac_signed(environ.get(header_variable(source.header)), body, secrets, source.encoding)


def _bearer(source: Source, environ: Mapping[str, Any], body: bytes, now: datetime) -> bool:  # noqa: ARG001 - nor does a token
    return bearer_known(environ.get("HTTP_AUTHORIZATION"), [secret.reveal() for secret in source.secrets])


_PROOFS: Final[Mapping[str, Callable[[Source, Mapping[str, Any], bytes, datetime], bool]]] = {
    STANDARD: _standard,
    "hmac-sha256": _hmac,
    "bearer": _bearer,
}
