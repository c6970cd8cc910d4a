"""Read an ERP through a connection of the settings, for a person who looks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import httpx

from worker.cli.group import WrongUse
from worker.clients.auth import Tokens
from worker.clients.base import ClientPool
from worker.clients.visma.client import VismaClient, visma_auth

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.clients.answers import Answer
    from worker.settings import Settings


@dataclass(frozen=True, slots=True)
class Reader:
    """A client, and the connections that it uses."""

    client: VismaClient
    pool: ClientPool

    def close(self) -> None:
        """Close the connections."""
        self.pool.close()


def visma_client(settings: Settings, tenant: str, observe: Callable[[Answer], None] = lambda _answer: None) -> Reader:
    """A client for the tenant's company in Visma; `observe` is told of every answer."""
    visma = settings.tenants[tenant].visma
    if visma is None:
        raise WrongUse(f"{tenant} has no connection to visma")
    pool = ClientPool(settings.timing)
    return Reader(VismaClient(visma, pool, visma_auth(visma, Tokens(pool), observe), observe), pool)


def erp_clock(base_url: str, timeout: float) -> float | None:
    """By how many seconds the ERP's clock is ahead of ours: the Date of an answer that needs no token. None if it does not say."""
    try:
        answer = httpx.get(base_url, timeout=timeout, follow_redirects=False)
        told = parsedate_to_datetime(answer.headers["Date"])
    except (httpx.HTTPError, KeyError, ValueError):
        return None
    return (told - datetime.now(UTC)).total_seconds()
