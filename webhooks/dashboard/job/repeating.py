"""How a kept call is made once more by a person: as a command, and what to know before it is run. Pure.

The command carries the headers that were kept with the call. Of a call without any, those that such a call has to carry are told from the
settings.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from webhooks.dashboard.job.curl import BEARER, Secret, as_curl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker.jobs.model import Exchange
    from worker.settings import Tenant

RENEWALS: Final = ("/api/users/refresh",)
"""Sign-ins that a token of their own opens."""

SIGN_INS: Final = ("/connect/token", "/oauth2/token", "/api/users/login", *RENEWALS)
READS: Final = ("GET", "HEAD")
MASK: Final = "***"
_WITH_LENGTH: Final = ("POST", "PUT", "PATCH")
_FORM: Final = "application/x-www-form-urlencoded"
_CUT: Final = re.compile(r"… \(\d+ bytes in all\)$")


def command(exchange: Exchange, erp: str, tenant: Tenant | None) -> str:
    """The call for a shell. Where it went is rebuilt from the settings; where they say nothing, the reader has to say it."""
    path = urlsplit(exchange.url).path
    own: Any = getattr(tenant, erp, None) if erp else None
    signs_in = path.endswith(SIGN_INS) or path == _token_path(own)
    carried = _guessed(exchange, own, signs_in=signs_in) if exchange.headers is None else exchange.headers
    headers: list[str | Secret] = ["Accept: application/json", *(f"{name}: {value}" for name, value in carried.items())]
    if exchange.request is None and exchange.method in _WITH_LENGTH:  # curl leaves it out, and servers refuse such a call
        headers.append("Content-Length: 0")
    if own is not None and (not signs_in or path.endswith(RENEWALS)):
        headers.append(BEARER)
    origin = _origin(exchange.url, path, own)
    base = Secret("", "BASE_URL") if origin is None else None
    return as_curl(exchange.method, (origin or "") + exchange.url, exchange.request, headers, base)


def caveats(exchange: Exchange, erp: str) -> tuple[str, ...]:
    """What to know before the command is run, in sentences."""
    carried = {name.lower() for name in exchange.headers or ()}
    writes = exchange.method not in READS
    told = (
        (_masked((exchange.url, exchange.request or "", *(exchange.headers or {}).values())), f"Secrets were taken out ({MASK})."),
        (_CUT.search(exchange.request or "") is not None, "Only the beginning of its body was kept."),
        (writes, "This call may change something in the ERP."),
        ("idempotency-key" in carried, "An ERP that still knows its Idempotency-Key repeats its answer and does nothing more."),
        ("erp-api-background" in carried, "Visma does it in the background: its answer only names the operation."),
        (
            writes and erp == "visma" and exchange.headers is None,
            "kitrelay had it done in the background, but no headers are kept of it; this command waits for it.",
        ),
    )
    return tuple(sentence for holds, sentence in told if holds)


def _masked(texts: Iterable[str]) -> bool:
    return any(MASK in text for text in texts)


def _guessed(exchange: Exchange, own: Any, *, signs_in: bool) -> dict[str, str]:  # noqa: ANN401 - one of the connections' settings, or None
    found = {}
    if exchange.request is not None:
        found["Content-Type"] = _FORM if signs_in and not exchange.request.startswith("{") else "application/json"
    entity = "" if signs_in else getattr(own, "entity", "")
    if entity:
        found["X-IA-API-Param-Entity"] = entity
    return found


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
