"""ItemPath's Data Push: transactions such as a renamed kit, in records that each customer maps. Proven by a secret header alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from webhooks.kits import announced, kits_named
from webhooks.receiver import header_variable, kept_headers, key_of, text_of
from webhooks.ruling import Announcer
from webhooks.signatures import digest, which
from worker.errors import NotFound
from worker.jobs.arrivals import Arrival

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from webhooks.answers import Answer
    from webhooks.receiver import Receiver, Sender
    from worker.settings import ItemPath, Secret, Settings

SOURCE: Final = "itempath"
EVENT: Final = "DATA_PUSH"


def receive(receiver: Receiver, environ: Mapping[str, Any], tenant: str) -> Answer:
    """Take one push. Raises `Problem`, `NotFound` or `LedgerUnavailable`."""
    return receiver.hear(sender_of(receiver.settings, tenant), environ)


def sender_of(settings: Settings, tenant: str) -> Sender:
    """Who proves and reads the tenant's pushes. Raises `NotFound`."""
    found = settings.tenants.get(tenant)
    itempath = found.itempath if found is not None else None
    if itempath is None or itempath.webhook_secret is None:
        raise NotFound("there is no such receiver")
    return _Push(settings, tenant, itempath, itempath.webhook_secret)


@dataclass(frozen=True, slots=True)
class _Push(Announcer):
    """What is ItemPath's own in receiving."""

    settings: Settings
    tenant: str
    itempath: ItemPath
    secret: Secret

    def proven(self, environ: Mapping[str, Any], body: bytes, now: datetime) -> bool:  # noqa: ARG002 - the protocol's signature
        """By the whole value of the header that the settings name."""
        return which(environ.get(header_variable(self.itempath.webhook_header)), [digest(self.secret.reveal())]) is not None

    def bare(self, environ: Mapping[str, Any], body: bytes) -> Arrival:
        """As it is kept whatever becomes of it: a push has no id of its own, and its secret is not kept."""
        key, life = key_of(None, body)
        headers = kept_headers(environ, hidden=self.itempath.webhook_header)
        return Arrival(self.tenant, SOURCE, EVENT, headers, text_of(body), key, SOURCE, key_life=life)

    def told(self, arrival: Arrival, environ: Mapping[str, Any], content: object, now: datetime) -> Arrival:  # noqa: ARG002 - likewise
        """With the syncs that its records make."""
        records = content if isinstance(content, list) else [content]
        news = announced(self.settings, self.tenant, SOURCE, kits_named(self.itempath.webhook_kits, records), now)
        return replace(arrival, makes=news.makes, reason=news.reason)
