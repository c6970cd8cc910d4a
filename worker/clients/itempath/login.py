"""How we get into ItemPath: an application token as it is, or a login whose access token is refreshed for as long as it can be.

The access token lasts 15 minutes and the refresh token 30 days (documented); how long exactly is read from the tokens themselves. One
thread of the process renews for all. What is sent and answered here is full of secrets: their fields' names mask them when kept.
"""

from __future__ import annotations

import json
import re
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from threading import Lock
from typing import TYPE_CHECKING, Final

import httpx

from worker.clients.answers import ignore
from worker.clients.auth import TokenSource
from worker.clients.base import Caller, ClientPool, Observe, Reply
from worker.clients.codec import write_json
from worker.clients.itempath.routes import NEXT_FORM, OPERATIONS, Form
from worker.errors import AuthRefused, BadAnswer, CallError, Missing, NotSent, RateLimited, Rejected
from worker.settings import Secret

if TYPE_CHECKING:
    from worker.settings import ItemPath

ACCESS: Final = 900.0
REFRESH: Final = 2_592_000.0
MARGIN: Final = 60.0
_REFUSALS: Final = (AuthRefused, Missing, Rejected)
_NO_TOKEN: Final = (HTTPStatus.UNAUTHORIZED.value, HTTPStatus.UNPROCESSABLE_ENTITY.value)
# The samples' claims are those of the Flask JWT library, which answers 422 for a token it can't read (inferred).
_ABOUT_TOKEN: Final = re.compile(rb"token|signature|segments|padding|jwt", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Login:
    """Who asks. Equal logins share one session."""

    base_url: str
    username: str
    password: Secret


class Sessions:
    """Every session of a process."""

    def __init__(self, pool: ClientPool, *, clock: Callable[[], float] = time.time) -> None:
        self._pool = pool
        self._clock = clock
        self._sources: dict[Login, TokenSource] = {}
        self._lock = Lock()

    def auth(self, settings: ItemPath, observe: Observe = ignore) -> httpx.Auth:
        """The auth flow of a tenant; `observe` is told of token calls, marked as such, if no one asked for this login before."""
        if settings.token is not None:
            return ApplicationToken(settings.token)
        login = Login(settings.base_url.rstrip("/"), settings.username, settings.password or Secret(""))
        with self._lock:
            source = self._sources.get(login)
            if source is None:
                caller = Caller(login.base_url, self._pool, observe=observe, token=True, clock=self._clock)
                source = TokenSource(Session(caller, login, self._clock), clock=self._clock)
                self._sources[login] = source
        return SessionAuth(source)


class ApplicationToken(httpx.Auth):
    """Sends a token that never expires (documented)."""

    def __init__(self, token: Secret) -> None:
        self._token = token

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """The request with the token, once."""
        request.headers["Authorization"] = f"Bearer {self._token.reveal()}"
        yield request


class SessionAuth(httpx.Auth):
    """Sends the access token; where it is refused, which means that nothing was done, once more with another."""

    requires_response_body = True

    def __init__(self, source: TokenSource) -> None:
        self._source = source

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """The request with its token, at most twice."""
        token = self._source.current()
        request.headers["Authorization"] = f"Bearer {token}"
        response = yield request
        if refuses_token(response.status_code, response.content):
            request.headers["Authorization"] = f"Bearer {self._source.after(token)}"
            yield request


class Session:
    """One login. Called, it gives a new access token and the seconds it lasts; only one thread calls at a time (`TokenSource`)."""

    def __init__(self, caller: Caller, login: Login, clock: Callable[[], float]) -> None:
        self._caller = caller
        self._login = login
        self._clock = clock
        self._refresh: str | None = None
        self._refresh_until = 0.0
        self._refresh_forms = OPERATIONS["refresh"].forms

    def __call__(self) -> tuple[str, float]:
        """By the refresh token while it holds, else by login.

        A refusal is `AuthRefused`. Whatever else goes wrong is `NotSent` (or `RateLimited`): the call that needs the token was not made.
        """
        try:
            return self._refreshed() or self._logged_in()
        except RateLimited:
            raise
        except _REFUSALS as error:
            message = _without(self._login.password, error.message)
            raise AuthRefused(f"ItemPath refuses the login: {message}", status=error.status) from None
        except CallError as error:
            raise NotSent(f"no token: {error.message}", retry_after=error.retry_after) from error

    def _refreshed(self) -> tuple[str, float] | None:
        refresh, self._refresh = self._refresh, None
        if refresh is None or self._clock() >= self._refresh_until - MARGIN:
            return None
        try:
            reply = self._ask_refresh(refresh)
        except _REFUSALS:
            return None
        except CallError:
            self._refresh = refresh
            raise
        self._refresh = refresh
        return self._keep(reply)

    def _ask_refresh(self, refresh: str) -> Reply:
        """In the form that works: it is remembered by standing first."""
        for form in self._refresh_forms:
            try:
                reply = self._caller.call(form.method, form.at(), headers={"Authorization": f"Bearer {refresh}"}, write=False)
            except (Missing, Rejected) as error:
                if error.status in NEXT_FORM:
                    continue
                raise
            self._refresh_forms = _first(form, self._refresh_forms)
            return reply
        raise Missing("no form of refreshing a token is known there")

    def _logged_in(self) -> tuple[str, float]:
        form = OPERATIONS["login"].forms[0]
        body = write_json({"username": self._login.username, "password": self._login.password.reveal()})
        return self._keep(self._caller.call(form.method, form.at(), body=body, write=False))

    def _keep(self, reply: Reply) -> tuple[str, float]:
        value = reply.json()
        access = _text(value, "accessToken")
        if access is None:
            raise BadAnswer("ItemPath's answer to the login holds no accessToken", status=reply.status)
        if refresh := _text(value, "refreshToken"):
            self._refresh, self._refresh_until = refresh, self._clock() + (lasting(refresh) or REFRESH)
        return access, lasting(access) or ACCESS


def refuses_token(status: int, body: bytes) -> bool:
    """Whether an answer says that the token is not good: 401, or a 422 that speaks of it."""
    if status not in _NO_TOKEN:
        return False
    return status == HTTPStatus.UNAUTHORIZED or _ABOUT_TOKEN.search(body[:2000]) is not None


def lasting(token: str) -> float | None:
    """Seconds from a token's issue to its end, by its own claims; None where they can't be read. Nothing is proved by them."""
    parts = token.split(".")
    try:
        claims = json.loads(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        seconds = float(claims["exp"]) - float(claims["iat"])
    except (IndexError, KeyError, TypeError, ValueError, RecursionError):
        return None
    return seconds if 0 < seconds < 10 * REFRESH else None


def _first(form: Form, forms: tuple[Form, ...]) -> tuple[Form, ...]:
    return (form, *(other for other in forms if other != form))


def _text(value: object, name: str) -> str | None:
    found = value.get(name) if isinstance(value, Mapping) else None
    return found.strip() or None if isinstance(found, str) else None


def _without(password: Secret, message: str) -> str:
    secret = password.reveal()
    return message.replace(secret, "***") if secret else message
