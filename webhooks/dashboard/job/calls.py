"""The calls of a job's attempts as its page shows them: bodies to read, bounded, and each call as a command. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from webhooks.dashboard.job.curl import harmless
from webhooks.dashboard.job.repeating import caveats, command
from webhooks.dashboard.printing import cut, pretty
from worker.kinds import KINDS

if TYPE_CHECKING:
    from datetime import datetime

    from worker.jobs.model import Attempt, Job
    from worker.settings import Tenant

BEGINNINGS: Final = {"visma": ("/v1/",), "itempath": ("/api/",), "intacct": ("/objects/", "/services/", "/oauth2/")}
"""How the paths of each ERP begin behind the base address of its connection."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call. `number` is its attempt and its place in it, `2.3`; `more`: the bodies shown are beginnings of what was kept.

    `headers` are lines, of those that were kept; `caveats` what to know before the command is run.
    """

    number: str
    at: datetime
    erp: str
    method: str
    path: str
    status: int | None
    ms: float
    headers: tuple[str, ...]
    request: str
    response: str
    more: bool
    curl: str
    caveats: tuple[str, ...]

    @property
    def good(self) -> bool:
        """Whether it was answered with a 2xx."""
        return self.status is not None and self.status // 100 == 2  # noqa: PLR2004 - of a 2xx


def call_of(job: Job, attempt: Attempt, place: int, tenant: Tenant | None, most: int) -> Call:
    """A call of an attempt, the first at place 1, with at most `most` characters of each body; for none at all, no command either.

    `tenant` says where its connections are, while the settings have it.
    """
    exchange = attempt.exchanges[place - 1]
    erp = called(job, exchange.url, tenant)
    (request, more_asked), (response, more_told) = (_body(text, most) for text in (exchange.request, exchange.response))
    return Call(
        number=f"{attempt.number}.{place}",
        at=exchange.at,
        erp=erp,
        method=exchange.method,
        path=harmless(exchange.url),
        status=exchange.status,
        ms=exchange.ms,
        headers=tuple(harmless(f"{name}: {value}") for name, value in (exchange.headers or {}).items()) if most else (),
        request=request,
        response=response,
        more=more_asked or more_told,
        curl=command(exchange, erp, tenant) if most else "",
        caveats=caveats(exchange, erp) if most else (),
    )


def called(job: Job, path: str, tenant: Tenant | None) -> str:
    """Whom a call of the job went to; empty where its path does not say."""
    kind = KINDS.get(job.kind)
    own = job.erp if kind is None else kind.erp
    if own or tenant is None:
        return own
    found = {erp: max((len(each) for each in _beginnings(tenant, erp) if path.startswith(each)), default=0) for erp in tenant.erps()}
    longest = max(found.values(), default=0)
    best = [erp for erp, length in found.items() if length == longest]
    return best[0] if longest and len(best) == 1 else ""


def _body(text: str | None, most: int) -> tuple[str, bool]:
    return cut(harmless(pretty(text)), most) if text and most else ("", bool(text))


def _beginnings(tenant: Tenant, erp: str) -> tuple[str, ...]:
    base = urlsplit(getattr(tenant, erp).base_url).path.rstrip("/")
    return tuple(base + each for each in BEGINNINGS.get(erp, ()))
