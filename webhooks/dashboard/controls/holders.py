"""Who may come in and who is told: keys, sources of triggers, receivers of notices.

Names only: no value, no secret, and of an address its host.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from webhooks.api.access import sees

if TYPE_CHECKING:
    from worker.settings import ApiKey, Settings


@dataclass(frozen=True, slots=True)
class Holder:
    """An API key; `tenants` are those of it that the reader may see, None for all."""

    name: str
    role: str
    tenants: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Sender:
    """A source of triggers; `secrets` is how many hold now: several while they change."""

    tenant: str
    name: str
    scheme: str
    per_minute: int
    secrets: int


@dataclass(frozen=True, slots=True)
class Receiver:
    """Who is told of what happens; `kinds` empty for all."""

    tenant: str
    name: str
    host: str
    events: tuple[str, ...]
    kinds: tuple[str, ...]


def holders(settings: Settings, key: ApiKey) -> list[Holder]:
    """The keys that reach to any tenant that the reader may see."""
    found = []
    for each in settings.api_keys:
        if "*" in each.tenants:
            found.append(Holder(each.name, each.role, None))
        elif mine := tuple(name for name in each.tenants if sees(key, name)):
            found.append(Holder(each.name, each.role, mine))
    return found


def senders(settings: Settings, key: ApiKey) -> list[Sender]:
    """The sources of the tenants that the reader may see."""
    return [
        Sender(tenant.name, source.name, source.scheme, source.per_minute, len(source.secrets))
        for tenant in settings.tenants.values()
        if sees(key, tenant.name)
        for source in tenant.sources.values()
    ]


def receivers(settings: Settings, key: ApiKey) -> list[Receiver]:
    """The receivers of their notices. The rest of a URL may be as good as a password."""
    return [
        Receiver(tenant.name, notice.name, urlsplit(notice.url).hostname or "", notice.events, notice.kinds)
        for tenant in settings.tenants.values()
        if sees(key, tenant.name)
        for notice in tenant.notices.values()
    ]
