"""Read an ERP through a connection of the settings, for a person who looks."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import httpx

from worker.cli.group import WrongUse
from worker.cli.opening import redis_folder
from worker.clients.answers import ignore
from worker.clients.auth import Tokens
from worker.clients.base import ClientPool, Observe
from worker.clients.intacct.client import IntacctClient
from worker.clients.intacct.stores import MemoryTokenStore, RedisTokenStore, TokenStore
from worker.clients.intacct.tokens import IntacctTokens
from worker.clients.itempath.client import ItemPathClient
from worker.clients.itempath.login import Sessions
from worker.clients.visma.client import VismaClient, visma_auth
from worker.embedded import running_url

if TYPE_CHECKING:
    from worker.settings import Settings

C = TypeVar("C")
HIDDEN: Final = frozenset({"extras", "nulls", "metadata", "timestamp"})


@dataclass(frozen=True, slots=True)
class Reader(Generic[C]):
    """A client, and the connections that it uses."""

    client: C
    pool: ClientPool

    def close(self) -> None:
        """Close the connections."""
        self.pool.close()


def visma_client(settings: Settings, tenant: str, observe: Observe = ignore) -> Reader[VismaClient]:
    """A client for the tenant's company in Visma; `observe` is told of every answer."""
    visma = settings.tenants[tenant].visma
    if visma is None:
        raise WrongUse(f"{tenant} has no connection to visma")
    pool = ClientPool(settings.timing)
    return Reader(VismaClient(visma, pool, visma_auth(visma, Tokens(pool), observe), observe), pool)


def itempath_client(settings: Settings, tenant: str, observe: Observe = ignore) -> Reader[ItemPathClient]:
    """A client for the tenant's ItemPath, likewise. A login of its own does the workers' no harm."""
    itempath = settings.tenants[tenant].itempath
    if itempath is None:
        raise WrongUse(f"{tenant} has no connection to itempath")
    pool = ClientPool(settings.timing)
    return Reader(ItemPathClient(itempath, pool, Sessions(pool).auth(itempath, observe), observe), pool)


def intacct_client(settings: Settings, tenant: str, observe: Observe = ignore) -> Reader[IntacctClient]:
    """A client for the tenant's company in Intacct, likewise. It shares the workers' token: one of its own would kill theirs (seen)."""
    intacct = settings.tenants[tenant].intacct
    if intacct is None:
        raise WrongUse(f"{tenant} has no connection to intacct")
    pool = ClientPool(settings.timing)
    tokens = IntacctTokens(pool, token_store(settings))
    return Reader(IntacctClient(intacct, pool, tokens.auth(intacct, observe), observe), pool)


def token_store(settings: Settings) -> TokenStore:
    """Where the workers keep tokens: the Redis of the settings, or our own if it runs now. Where none does, no worker holds a token."""
    url = settings.redis_url or running_url(redis_folder(settings))
    return MemoryTokenStore() if url is None else RedisTokenStore.from_url(url)


def erp_clock(base_url: str, timeout: float) -> float | None:
    """By how many seconds the ERP's clock is ahead of ours: the Date of an answer that needs no token. None if it does not say."""
    try:
        answer = httpx.get(base_url, timeout=timeout, follow_redirects=False)
        told = parsedate_to_datetime(answer.headers["Date"])
    except (httpx.HTTPError, KeyError, ValueError):
        return None
    return (told - datetime.now(UTC)).total_seconds()


def plain(record: object) -> Any:  # noqa: ANN401 - a JSON value
    """A record as JSON holds it, in snake case; numbers exact, empty fields left out."""
    if is_dataclass(record):
        named = {field.name: getattr(record, field.name) for field in fields(record) if field.name not in HIDDEN}
        return {name: plain(value) for name, value in named.items() if value is not None}
    if isinstance(record, (list, tuple)):
        return [plain(each) for each in record]
    return record
