"""The token endpoint and the tokens it gave: `POST /connect/token` with client credentials (documented)."""

from __future__ import annotations

import hmac
from base64 import b64decode, urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, unquote_plus
from uuid import uuid4

import orjson

from worker.sandbox.wire import json_answer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker.sandbox.visma.company import Company
    from worker.sandbox.wire import Answer

VERBS: Final = frozenset({"read", "create", "update", "delete"})
PREFIX: Final = "vismanet_erp_service_api:"
CUSTOMER: Final = "customer-of-"
"""Before a company's tenant id it makes the customer's: both get a token, only the company's works (documented)."""


@dataclass(slots=True)
class Token:
    """What a bearer may do, and until when."""

    company: Company
    verbs: frozenset[str]
    expires: float
    works: bool = True


class Tokens:
    """All tokens, by the whole Authorization header, so that a call costs one look."""

    __slots__ = ("_given",)

    def __init__(self) -> None:
        self._given: dict[str, Token] = {}

    def clear(self) -> None:
        """Forget all: nobody has a token any more."""
        self._given.clear()

    def find(self, header: str | None, now: float) -> Token | None:
        """The token, if it works."""
        token = self._given.get(header or "")
        return token if token is not None and token.works and now < token.expires else None

    def issue(self, body: str, authorization: str | None, companies: Iterable[Company], lifetime: float, now: float) -> Answer:
        """The answer of the token endpoint. Errors have the shape of RFC 6749; `invalid_tenant` with 400 was seen."""
        form = dict(parse_qsl(body))
        in_header = authorization is not None and authorization.startswith("Basic ")
        in_form = (form.get("client_id", ""), form.get("client_secret", ""))
        client_id, secret = _basic(authorization) if in_header and authorization else in_form
        if form.get("grant_type") != "client_credentials":
            return json_answer(400, {"error": "unsupported_grant_type"})
        of_client = [company for company in companies if _is_client(company, client_id, secret)]
        if not of_client:
            return json_answer(401 if in_header else 400, {"error": "invalid_client"})
        tenant = form.get("tenant_id", "")
        company = next((company for company in of_client if tenant.removeprefix(CUSTOMER) == company.settings.tenant_id), None)
        if company is None:
            return json_answer(400, {"error": "invalid_tenant"})
        asked = form.get("scope", "").split()
        if any(not scope.startswith(PREFIX) or scope.removeprefix(PREFIX) not in VERBS for scope in asked):
            return json_answer(400, {"error": "invalid_scope"})
        verbs = frozenset(scope.removeprefix(PREFIX) for scope in asked) or VERBS
        company.counters.token_calls += 1
        text = _jwt(tenant, client_id, asked, now, lifetime)
        self._drop_expired(now)
        self._given[f"Bearer {text}"] = Token(company, verbs, now + lifetime, works=tenant == company.settings.tenant_id)
        scope = " ".join(asked or sorted(PREFIX + verb for verb in VERBS))
        return json_answer(200, {"access_token": text, "expires_in": int(lifetime), "token_type": "Bearer", "scope": scope})

    def _drop_expired(self, now: float) -> None:
        """Keep only what may still work."""
        self._given = {header: token for header, token in self._given.items() if token.works and now < token.expires}


def _is_client(company: Company, client_id: str, secret: str) -> bool:
    """Whether these credentials are the company's client."""
    settings = company.settings
    return client_id == settings.client_id and hmac.compare_digest(secret.encode(), settings.client_secret.encode())


def _basic(authorization: str) -> tuple[str, str]:
    """Id and secret of a Basic header; empty when it is none."""
    try:
        client_id, _, secret = b64decode(authorization.removeprefix("Basic "), validate=True).decode().partition(":")
    except ValueError:
        return "", ""
    return unquote_plus(client_id), unquote_plus(secret)


def _jwt(tenant: str, client_id: str, scopes: list[str], now: float, lifetime: float) -> str:
    """Something that looks like a signed token. Nobody checks the signature."""
    head = {"alg": "RS256", "typ": "at+jwt", "kid": "sandbox"}
    claims = {
        "iss": "https://connect.visma.com",
        "nbf": int(now),
        "exp": int(now + lifetime),
        "client_id": client_id,
        "tenant_id": tenant,
        "scope": scopes,
        "jti": uuid4().hex,
    }
    text = b".".join(_part(orjson.dumps(part)) for part in (head, claims))
    return b".".join((text, _part(sha256(text).digest()))).decode()


def _part(data: bytes) -> bytes:
    """Base64 as tokens have it."""
    return urlsafe_b64encode(data).rstrip(b"=")
