"""Login, refresh and the tokens of one installation."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import orjson

from worker.sandbox.itempath.refusals import refused, unproven
from worker.sandbox.itempath.times import time_text

if TYPE_CHECKING:
    from worker.sandbox.settings import CompanySettings

_JWT_DOTS: Final = 2
USER_ID: Final = 1
APPLICATION_ID: Final = 2


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who calls, with which kind of token (`access` or `refresh`), and until when."""

    user_id: int
    username: str
    kind: str
    expires: float


class Tokens:
    """The tokens that one installation gave."""

    __slots__ = ("_given",)

    def __init__(self) -> None:
        self._given: dict[str, Bearer] = {}

    def login(self, settings: CompanySettings, body: bytes, lives: tuple[float, float], now: float) -> dict[str, Any]:
        """The answer of `POST /api/users/login`; `lives` of access and refresh token.

        Raises `Refused`, with 404 when name or password are wrong (documented).
        """
        try:
            form = orjson.loads(body)
        except ValueError:
            raise refused("The body is no JSON.") from None
        if not isinstance(form, dict) or not _is_user(settings, form):
            raise refused("The user name or password is incorrect.", 404)
        self._drop_expired(now)
        name = settings.itempath_username
        access = self._give(Bearer(USER_ID, name, "access", now + lives[0]), now)
        refresh = self._give(Bearer(USER_ID, name, "refresh", now + lives[1]), now)
        return {
            "login": True,
            "accessToken": access,
            "accessTokenExpiration": time_text(now + lives[0]),
            "refreshToken": refresh,
            "refreshTokenExpiration": time_text(now + lives[1]),
            "username": name,
            "id": USER_ID,
        }

    def refresh(self, header: str | None, life: float, now: float) -> dict[str, Any]:
        """A new access token for a refresh token. Raises `Refused`."""
        bearer = self._found(header, now)
        if bearer.kind != "refresh":
            raise unproven("Only refresh tokens are allowed", 422)
        access = self._give(Bearer(bearer.user_id, bearer.username, "access", now + life), now)
        return {"accessToken": access, "accessTokenExpiration": time_text(now + life)}

    def find(self, header: str | None, settings: CompanySettings, now: float) -> Bearer:
        """Who calls. An application token never expires (documented). Raises `Refused`."""
        if header is not None and hmac.compare_digest(header.encode(), f"Bearer {settings.itempath_token}".encode()):
            return Bearer(APPLICATION_ID, f"{settings.name}-application", "access", float("inf"))
        bearer = self._found(header, now)
        if bearer.kind != "access":
            raise unproven("Only access tokens are allowed", 422)
        return bearer

    def _found(self, header: str | None, now: float) -> Bearer:
        """The bearer of a token that was given and has not expired. Raises `Refused`."""
        scheme, _, token = (header or "").partition(" ")
        if scheme != "Bearer" or not token:
            raise unproven("Missing Authorization Header")
        bearer = self._given.get(token)
        if bearer is not None and now < bearer.expires:
            return bearer
        if token.count(".") != _JWT_DOTS:
            raise unproven("Not enough segments", 422)
        raise unproven("Token has expired")

    def _give(self, bearer: Bearer, now: float) -> str:
        """A new token with the claims that the samples show. Nobody checks its signature."""
        claims = {
            "fresh": False,
            "iat": int(now),
            "jti": str(uuid4()),
            "type": bearer.kind,
            "identity": bearer.username,
            "nbf": int(now),
            "exp": int(bearer.expires),
        }
        text = b".".join(_part(orjson.dumps(part)) for part in ({"typ": "JWT", "alg": "HS256"}, claims))
        token = b".".join((text, _part(sha256(text).digest()))).decode()
        self._given[token] = bearer
        return token

    def _drop_expired(self, now: float) -> None:
        """Keep only what still works."""
        self._given = {token: bearer for token, bearer in self._given.items() if now < bearer.expires}


def _is_user(settings: CompanySettings, form: dict[str, Any]) -> bool:
    """Whether these are the user's name and password."""
    name, password = form.get("username"), form.get("password")
    if not isinstance(name, str) or not isinstance(password, str):
        return False
    return name == settings.itempath_username and hmac.compare_digest(password.encode(), settings.itempath_password.encode())


def _part(data: bytes) -> bytes:
    """Base64 as tokens have it."""
    return urlsafe_b64encode(data).rstrip(b"=")
