"""The other side of proof: the headers by which a sender would prove a body, made with the secrets of the settings. Pure.

They are for test deliveries alone, which are made and checked in one process: what is made here is sent to nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from webhooks import intacct, itempath, visma
from webhooks.signatures import visma_signature
from webhooks.signatures_intacct import intacct_token
from webhooks.signatures_standard import hmac_signature, standard_signature

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from worker.settings import Settings, Source, Tenant


@dataclass(frozen=True, slots=True)
class Message:
    """What is proven: the raw body, the sender's id for it, and when."""

    body: bytes
    id: str
    at: datetime

    @property
    def seconds(self) -> int:
        """The time as Standard Webhooks counts it."""
        return round(self.at.timestamp())

    @property
    def ms(self) -> int:
        """The time as the ERPs count it."""
        return round(self.at.timestamp() * 1000)


def prover_of(settings: Settings, tenant: str, source: str) -> Callable[[Message], dict[str, str]] | None:
    """What makes the headers of a sender's proof; None where the tenant has no such sender, or it has nothing to prove with."""
    home = settings.tenants.get(tenant)
    if home is None:
        return None
    find = _ERPS.get(source)
    if find is not None:
        return find(home)
    found = home.sources.get(source)
    return None if found is None or not found.secrets else lambda message: _SCHEMES[found.scheme](found, message)


def token_of(settings: Settings, tenant: str) -> str | None:
    """What stands at the end of Visma's address where nothing else proves: in url mode."""
    found = settings.tenants[tenant].visma
    return None if found is None or found.webhook_keys or not found.callback_tokens else found.callback_tokens[0].reveal()


def _visma(home: Tenant) -> Callable[[Message], dict[str, str]] | None:
    found = home.visma
    if found is None or not (found.webhook_keys or (found.background == "url" and found.callback_tokens)):
        return None
    key = next(iter(found.webhook_keys), None)

    def prove(message: Message) -> dict[str, str]:
        signed = {} if key is None else {"x-vwd-signature-v1": visma_signature(key.reveal(), message.body)}
        return {**signed, "x-vwd-webhook-timestamp": f"{message.ms}", "x-vwd-notification-id": message.id}

    return prove


def _itempath(home: Tenant) -> Callable[[Message], dict[str, str]] | None:
    found = home.itempath
    if found is None or found.webhook_secret is None:
        return None
    header, secret = found.webhook_header, found.webhook_secret
    return lambda _message: {header: secret.reveal()}


def _intacct(home: Tenant) -> Callable[[Message], dict[str, str]] | None:
    found = home.intacct
    if found is None:
        return None
    key = found.client_secret
    return lambda message: {
        "X-IA-Sage-Signature": intacct_token(key.reveal(), message.body, message.ms),
        "Idempotency-Key": message.id,
    }


_ERPS: Final[Mapping[str, Callable[[Tenant], Callable[[Message], dict[str, str]] | None]]] = {
    visma.SOURCE: _visma,
    itempath.SOURCE: _itempath,
    intacct.SOURCE: _intacct,
}


def _standard(source: Source, message: Message) -> dict[str, str]:
    signature = standard_signature(source.secrets[0].reveal(), message.id, message.seconds, message.body)
    return {"webhook-id": message.id, "webhook-timestamp": f"{message.seconds}", "webhook-signature": signature}


def _hmac(source: Source, message: Message) -> dict[str, str]:
    return {**_named(source, message), source.header: hmac_signature(source.secrets[0].reveal(), message.body, source.encoding)}


def _bearer(source: Source, message: Message) -> dict[str, str]:
    return {**_named(source, message), "Authorization": f"Bearer {source.secrets[0].reveal()}"}


def _named(source: Source, message: Message) -> dict[str, str]:
    return {source.id_header: message.id} if source.id_header else {}


_SCHEMES: Final[Mapping[str, Callable[[Source, Message], dict[str, str]]]] = {
    "standard-webhooks": _standard,
    "hmac-sha256": _hmac,
    "bearer": _bearer,
}
