"""The calls of a job's attempts as its page shows them: bodies to read, bounded, and each call as a command. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from webhooks.dashboard.job.curl import BEARER, Secret, as_curl, harmless
from webhooks.dashboard.printing import cut, pretty
from worker.kinds import KINDS

if TYPE_CHECKING:
    from datetime import datetime

    from worker.jobs.model import Attempt, Exchange, Job
    from worker.settings import Tenant

BEGINNINGS: Final = {"visma": ("/v1/",), "itempath": ("/api/",), "intacct": ("/objects/", "/services/", "/oauth2/")}
"""How the paths of each ERP begin behind the base address of its connection."""

SIGN_INS: Final = ("/connect/token", "/oauth2/token", "/api/users/login", "/api/users/refresh")
_READS: Final = ("GET", "HEAD")
_FORM: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Call:
    """One call. `number` is its attempt and its place in it, `2.3`; `more`: the bodies shown are beginnings of what was kept."""

    number: str
    at: datetime
    erp: str
    method: str
    path: str
    status: int | None
    ms: float
    request: str
    response: str
    more: bool
    curl: str
    writes: bool
    masked: bool

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
        request=request,
        response=response,
        more=more_asked or more_told,
        curl=command(exchange, erp, tenant) if most else "",
        writes=exchange.method not in _READS,
        masked="***" in (exchange.request or "") or "***" in exchange.url,
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


def command(exchange: Exchange, erp: str, tenant: Tenant | None) -> str:
    """The call for a shell. Where it went is rebuilt from the settings; where they say nothing, the reader has to say it."""
    path = urlsplit(exchange.url).path
    own: Any = getattr(tenant, erp, None) if erp else None
    signs_in = path.endswith(SIGN_INS) or path == _token_path(own)
    headers: list[str | Secret] = ["Accept: application/json"]
    if exchange.request is not None:
        headers.append(f"Content-Type: {_FORM if signs_in and not exchange.request.startswith('{') else 'application/json'}")
    if own is not None and not signs_in:
        headers.append(BEARER)
        headers += [f"X-IA-API-Param-Entity: {own.entity}"] if getattr(own, "entity", "") else []
    origin = _origin(exchange.url, path, own)
    base = Secret("", "BASE_URL") if origin is None else None
    return as_curl(exchange.method, (origin or "") + exchange.url, exchange.request, headers, base)


def _body(text: str | None, most: int) -> tuple[str, bool]:
    return cut(harmless(pretty(text)), most) if text and most else ("", bool(text))


def _beginnings(tenant: Tenant, erp: str) -> tuple[str, ...]:
    base = urlsplit(getattr(tenant, erp).base_url).path.rstrip("/")
    return tuple(base + each for each in BEGINNINGS.get(erp, ()))


def _origin(url: str, path: str, own: Any) -> str | None:  # noqa: ANN401 - one of the connections' settings, or None
    """Scheme and host of where the path belongs; empty for what is an address already; None: not known."""
    if url.startswith(("https://", "http://")):
        return ""
    if own is None:
        return None
    found = urlsplit(own.token_url if path == _token_path(own) else own.base_url)
    host = found.netloc.rpartition("@")[2]
    return f"{found.scheme}://{host}"


def _token_path(own: Any) -> str | None:  # noqa: ANN401 - likewise
    """Where tokens are asked for, of an ERP that has another address for it."""
    return urlsplit(own.token_url).path if getattr(own, "token_url", "") else None
