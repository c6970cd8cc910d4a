"""`/oauth2/token` and `/oauth2/revoke`: client credentials with a `user@company`, and the grants that live by them.

A second authorisation of the same user in the same company kills the first one's grant (seen); a setting turns that off.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl
from uuid import uuid4

import orjson

from worker.sandbox.intacct.refusals import Refused, gateway
from worker.sandbox.wire import Answer, json_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from worker.sandbox.intacct.company import Company
    from worker.sandbox.world import World


@dataclass(slots=True)
class Grant:
    """One authorisation. `tokens`: until when each of its access tokens works."""

    company: Company
    user: str
    entity: str
    refresh: str
    alive: bool = True
    tokens: dict[str, float] = field(default_factory=dict)

    def works(self, now: float) -> bool:
        """Whether any of its tokens still does."""
        return self.alive and any(now < until for until in self.tokens.values())


class Tokens:
    """All grants. An access token is found by the whole Authorization header."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._grants: dict[str, Grant] = {}
        self._by_refresh: dict[str, Grant] = {}
        self._of_user: dict[tuple[str, str], Grant] = {}

    def clear(self) -> None:
        """Nobody has a token any more."""
        self._grants.clear()
        self._by_refresh.clear()
        self._of_user.clear()

    def find(self, header: str) -> Grant | None:
        """The grant of this header, dead or alive."""
        return self._grants.get(header)

    def works(self, header: str, now: float) -> bool:
        """Whether the token in this header does."""
        grant = self._grants.get(header)
        return grant is not None and grant.alive and now < grant.tokens[header]

    def kill(self, grant: Grant) -> None:
        """Somebody else was authorised as the same user."""
        grant.alive = False
        grant.company.counts.tokens_killed += 1

    def issue(self, form: Mapping[str, str], companies: Mapping[str, Company]) -> Answer:
        """The token endpoint's answer to a form that has been read. Raises `Refused`."""
        company = _client(form, companies)
        kind = form.get("grant_type", "")
        grants: dict[str, Callable[[Mapping[str, str], Company], Grant]] = {
            "client_credentials": self._authorised,
            "refresh_token": self._refreshed,
        }
        if kind not in grants:
            raise gateway(400, "0032", "Invalid Token Payload")
        grant = grants[kind](form, company)
        company.counts.token_calls += 1
        now, lifetime = self._world.clock.now(), self._world.settings.intacct_token_seconds
        text = _jwt(grant, now, lifetime)
        grant.tokens[f"Bearer {text}"] = now + lifetime
        self._grants[f"Bearer {text}"] = grant
        return json_answer(200, {"token_type": "Bearer", "access_token": text, "expires_in": int(lifetime), "refresh_token": grant.refresh})

    def revoke(self, form: Mapping[str, str], companies: Mapping[str, Company]) -> Answer:
        """A token and its grant end; one that is unknown is none (as in RFC 7009). Raises `Refused`."""
        company = _client(form, companies)
        grant = self._grants.get(f"Bearer {form.get('token', '')}") or self._by_refresh.get(form.get("token", ""))
        if grant is not None and grant.company is company:
            grant.alive = False
        return json_answer(200, {})

    def _authorised(self, form: Mapping[str, str], company: Company) -> Grant:
        """A new grant; the one before it dies."""
        username = form.get("username", "")
        if not username:
            raise gateway(400, "0036", "Missing User Name")
        user, _, rest = username.partition("@")
        tenant, _, entity = rest.partition("|")
        if not tenant:
            raise gateway(400, "0012", "Missing Tenant Data")
        if not user or tenant != company.settings.tenant_id or (entity and entity not in company.entities):
            raise gateway(401, "0011", "Invalid Request")
        before = self._of_user.get((tenant, user))
        if before is not None and before.works(self._world.clock.now()) and self._world.settings.intacct_one_token:
            self.kill(before)
        grant = Grant(company, user, entity, uuid4().hex)
        self._of_user[tenant, user] = self._by_refresh[grant.refresh] = grant
        return grant

    def _refreshed(self, form: Mapping[str, str], company: Company) -> Grant:
        """The grant of a refresh token, which is replaced. A dead one is refused with REST-2102 (seen)."""
        grant = self._by_refresh.pop(form.get("refresh_token", ""), None)
        if grant is None or not grant.alive or grant.company is not company:
            raise Refused(400, "tokenInvalid", "The refresh token is invalid", error_id="REST-2102")
        grant.refresh = uuid4().hex
        self._by_refresh[grant.refresh] = grant
        return grant


_ONCE: Final = {"client_id": ("0038", "Multiple Client IDs"), "username": ("0039", "Multiple Usernames")}


def read_form(body: bytes, content_type: str) -> dict[str, str]:
    """The fields of a form or of a JSON object (both seen). Raises `Refused`."""
    if not body:
        raise gateway(400, "0035", "Missing Token Payload")
    if "xml" in content_type:
        raise gateway(400, "0014", "Invalid Content Type")
    pairs = _json_pairs(body) if "json" in content_type else parse_qsl(body.decode(errors="replace"), keep_blank_values=True)
    names = [name for name, _ in pairs]
    for name, (number, text) in _ONCE.items():
        if names.count(name) > 1:
            raise gateway(400, number, text)
    return dict(pairs)


def _json_pairs(body: bytes) -> list[tuple[str, str]]:
    try:
        found = orjson.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise gateway(400, "0032", "Invalid Token Payload")
    return [(name, str(value)) for name, value in found.items()]


def _client(form: Mapping[str, str], companies: Mapping[str, Company]) -> Company:
    """The company whose client asks."""
    client_id = form.get("client_id", "")
    if not client_id:
        raise gateway(400, "0037", "Missing Client ID")
    secret = form.get("client_secret", "")
    if not secret:
        raise gateway(400, "0015", "Missing client_secret Attribute")
    for company in companies.values():
        settings = company.settings
        if settings.client_id == client_id and hmac.compare_digest(secret.encode(), settings.client_secret.encode()):
            return company
    raise gateway(401, "0011", "Invalid Request")


def _jwt(grant: Grant, now: float, lifetime: float) -> str:
    """Something that looks like a signed token. Nobody checks the signature."""
    head = {"alg": "RS256", "typ": "JWT"}
    claims = {
        "iss": "Sage Intacct",
        "iat": int(now),
        "exp": int(now + lifetime),
        "cnyId": grant.company.settings.tenant_id,
        "userId": grant.user,
        "jti": uuid4().hex,
    }
    text = b".".join(_part(orjson.dumps(part)) for part in (head, claims))
    return b".".join((text, _part(sha256(text).digest()))).decode()


def _part(data: bytes) -> bytes:
    """Base64 as tokens have it."""
    return urlsafe_b64encode(data).rstrip(b"=")
