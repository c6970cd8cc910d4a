"""OAuth client credentials: one token for each client, tenant and scopes in a process, renewed early by one thread while the others go on.

Visma Connect answers a form with `access_token` and `expires_in` (3600 s, seen live); there is no refresh token (documented).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from threading import Lock
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

import httpx

from worker.clients.answers import ignore
from worker.clients.base import Caller, ClientPool, Observe
from worker.errors import AuthRefused, BadAnswer, CallError, Missing, NotSent, RateLimited, Rejected

if TYPE_CHECKING:
    from worker.settings import Secret

EARLIEST: Final = 300.0
LATEST: Final = 60.0
PAUSE: Final = 15.0  # after a renewal that failed while the old token still holds
FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who asks. Equal credentials share one token. `tenant_id` is the company's, not the customer's (documented by Visma)."""

    token_url: str
    client_id: str
    client_secret: Secret
    tenant_id: str
    scopes: str


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token; times are epoch seconds by our clock."""

    value: str = field(repr=False)
    renew_at: float
    expires_at: float


class TokenSource:
    """The current token of one set of credentials, for all threads."""

    def __init__(
        self,
        fetch: Callable[[], tuple[str, float]],
        *,
        clock: Callable[[], float] = time.time,
        spread: Callable[[], float] = random.random,
    ) -> None:
        """`fetch` gives a new token and the seconds it lasts; `spread`, from 0 to 1, keeps processes from renewing together."""
        self._fetch = fetch
        self._clock = clock
        self._spread = spread
        self._lock = Lock()
        self._token: Token | None = None
        self._failures = 0
        self._failure: CallError | None = None

    def current(self) -> str:
        """A token that holds. Raises `AuthRefused`, `RateLimited` or `NotSent`."""
        token, now = self._token, self._clock()
        if token is None or now >= token.expires_at:
            return self._renew(stale=token)
        if now >= token.renew_at and self._lock.acquire(blocking=False):
            try:
                return self._renew_early(token, now)
            finally:
                self._lock.release()
        return token.value

    def after(self, refused: str) -> str:
        """A token other than the one that was refused: the current one if it is another by now, else a new one."""
        token = self._token
        if token is not None and token.value != refused:
            return token.value
        return self._renew(stale=token)

    def _renew(self, stale: Token | None) -> str:
        failures = self._failures
        with self._lock:
            if self._token is not None and self._token is not stale:
                return self._token.value
            if self._failures != failures and self._failure is not None:
                raise _again(self._failure)  # another thread tried while this one waited: its failure is ours too
            return self._take()

    def _renew_early(self, token: Token, now: float) -> str:
        if self._token is not token:
            return self._token.value if self._token else token.value
        try:
            return self._take()
        except CallError:
            self._token = Token(token.value, now + PAUSE, token.expires_at)
            return token.value

    def _take(self) -> str:
        try:
            value, lasts = self._fetch()
        except CallError as error:
            self._failure = error
            self._failures += 1
            raise
        now = self._clock()
        early = min(LATEST + (EARLIEST - LATEST) * self._spread(), lasts / 2)
        self._token = Token(value, now + lasts - early, now + lasts)
        return value


class Tokens:
    """Every token of a process."""

    def __init__(self, pool: ClientPool, *, clock: Callable[[], float] = time.time) -> None:
        self._pool = pool
        self._clock = clock
        self._sources: dict[Credentials, TokenSource] = {}
        self._lock = Lock()

    def auth(self, credentials: Credentials, observe: Observe = ignore) -> BearerAuth:
        """The auth flow of these credentials; `observe` is told of token calls, marked as such, if no one asked for these before."""
        with self._lock:
            source = self._sources.get(credentials)
            if source is None:
                caller = Caller(credentials.token_url, self._pool, observe=observe, token=True, clock=self._clock)
                source = TokenSource(lambda: fetch_token(caller, credentials), clock=self._clock)
                self._sources[credentials] = source
        return BearerAuth(source)


class BearerAuth(httpx.Auth):
    """Sends the token; after a 401, which means that nothing was done, once more with another."""

    def __init__(self, source: TokenSource) -> None:
        self._source = source

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """The request with its token, at most twice."""
        token = self._source.current()
        request.headers["Authorization"] = f"Bearer {token}"
        response = yield request
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            request.headers["Authorization"] = f"Bearer {self._source.after(token)}"
            yield request


def fetch_token(caller: Caller, credentials: Credentials) -> tuple[str, float]:
    """A new token and the seconds it lasts.

    A refusal is `AuthRefused`. Whatever else goes wrong is `NotSent` (or `RateLimited`): the call that needs the token was not made.
    """
    form = {
        "grant_type": "client_credentials",
        "client_id": credentials.client_id,
        "client_secret": credentials.client_secret.reveal(),
        "scope": credentials.scopes,
        "tenant_id": credentials.tenant_id,
    }
    try:
        reply = caller.call("POST", "", body=urlencode(form).encode(), headers=FORM, write=False)
        return _read_token(reply.json())
    except RateLimited:
        raise
    except (AuthRefused, Missing, Rejected) as error:
        message = error.message.replace(credentials.client_secret.reveal(), "***")
        raise AuthRefused(f"the token endpoint refuses: {message}", status=error.status) from None
    except CallError as error:
        raise NotSent(f"no token: {error.message}", retry_after=error.retry_after) from error


def _read_token(value: object) -> tuple[str, float]:
    if not isinstance(value, Mapping) or not isinstance(value.get("access_token"), str) or not value["access_token"]:
        raise BadAnswer("the token endpoint's answer holds no access_token")
    try:
        lasts = float(value.get("expires_in", 3600))
    except (TypeError, ValueError):
        lasts = 0.0
    return value["access_token"], max(lasts, 1.0)


def _again(error: CallError) -> CallError:
    return type(error)(error.message, status=error.status, retry_after=error.retry_after, error_class=error.error_class)
