"""Intacct's tokens: kept once for all processes and renewed by one.

A second authorisation of the same user kills the first one's grant without a word (seen): processes must share a token. Each keeps it in
memory, so that a call costs no look into the store; who finds it old, or refused, takes what another has put there since, or renews it
while the others wait. Client credentials take a `username` of the form user@company, else GW-0012 (documented); the entity is named by a
header of each call, never in the token. How long a token lasts is in `expires_in`, else in its own `exp` (seen: 1 h, 6 h, 24 h).
"""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from threading import Lock, local
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

import httpx

from worker.clients.answers import ignore
from worker.clients.auth import FORM, Token, TokenSource
from worker.clients.base import Caller, ClientPool, Observe
from worker.clients.intacct.faults import judge
from worker.clients.intacct.jwt import expiry_of
from worker.clients.intacct.stores import MemoryTokenStore, TokenStore
from worker.errors import AuthRefused, BadAnswer, CallError, Missing, NotSent, RateLimited, Rejected

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.settings import Intacct, Secret

EARLY: Final = 300.0
"""Seconds before its end from which a token is renewed; the same for all processes, so that one renews and none is surprised."""

UNSAID: Final = 1800.0
"""Seconds that a token is taken to last where neither the answer nor the token says."""


@dataclass(frozen=True, slots=True)
class IntacctCredentials:
    """Who asks. Equal credentials share one token."""

    token_url: str
    client_id: str
    client_secret: Secret
    username: str

    def name(self) -> str:
        """The token's name in a store: a hash of client and username, and of the address, since no token may go to another host."""
        return sha256(f"{self.token_url}\0{self.client_id}\0{self.username}".encode()).hexdigest()


class IntacctTokens:
    """Every Intacct token of a process; `store` is what it shares with others."""

    def __init__(self, pool: ClientPool, store: TokenStore | None = None, *, clock: Callable[[], float] = time.time) -> None:
        self._pool = pool
        self._store = store or MemoryTokenStore(clock)
        self._clock = clock
        self._sources: dict[IntacctCredentials, TokenSource] = {}
        self._lock = Lock()

    def auth(self, settings: Intacct, observe: Observe = ignore) -> IntacctAuth:
        """The token flow of a connection; connections with the same credentials share a token, whatever their entity."""
        url = f"{settings.base_url.rstrip('/')}/oauth2/token"
        credentials = IntacctCredentials(url, settings.client_id, settings.client_secret, settings.username)
        with self._lock:
            source = self._sources.get(credentials)
            if source is None:
                caller = Caller(url, self._pool, observe=observe, token=True, judge=judge, clock=self._clock)
                shared = SharedFetch(self._store, credentials.name(), partial(fetch_token, caller, credentials, self._clock), self._clock)
                source = TokenSource(shared, clock=self._clock, spread=lambda: 1.0)
                self._sources[credentials] = source
        return IntacctAuth(source)


class IntacctAuth(httpx.Auth):
    """Sends the token, and renews it for a thread whose call it did not open.

    The flow can't do so itself: an expired token may be refused with a 400, and only its text tells.
    """

    def __init__(self, source: TokenSource) -> None:
        self._source = source
        self._sent = local()

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """The request with its token."""
        self._sent.token = None
        token = self._source.current()
        self._sent.token = token
        request.headers["Authorization"] = f"Bearer {token}"
        yield request

    def renew(self) -> bool:
        """Get another token than the one that this thread sent last; False when it sent none. Raises as a call without token does."""
        refused: str | None = getattr(self._sent, "token", None)
        if refused is None:
            return False
        self._source.after(refused)
        return True


class SharedFetch:
    """Gives a token and the seconds it lasts: one that another process put into the store since, else a new one."""

    def __init__(self, store: TokenStore, name: str, fetch: Callable[[], tuple[str, float]], clock: Callable[[], float]) -> None:
        self._store = store
        self._name = name
        self._fetch = fetch
        self._clock = clock
        self._last: str | None = None

    def __call__(self) -> tuple[str, float]:
        """Called by one thread of a process at a time. Raises what `fetch` does; a store never fails."""
        token = self._kept(self._store.get(self._name)) or self._renewed()
        self._last = token.value
        return token.value, max(token.expires_at - self._clock(), 1.0)

    def _renewed(self) -> Token:
        with self._store.renewing(self._name) as renewal:
            token = self._kept(renewal.token)
            if token is not None:
                return token
            value, lasts = self._fetch()
            now = self._clock()
            token = Token(value, now + lasts - min(EARLY, lasts / 2), now + lasts)
            renewal.put(token)
            return token

    def _kept(self, token: Token | None) -> Token | None:
        """A stored token, if it is news and will hold for a while."""
        return token if token is not None and token.value != self._last and self._clock() < token.renew_at else None


def fetch_token(caller: Caller, credentials: IntacctCredentials, clock: Callable[[], float]) -> tuple[str, float]:
    """A new token and the seconds it lasts.

    A refusal is `AuthRefused`. Whatever else goes wrong is `NotSent` (or `RateLimited`): the call that needs the token was not made.
    """
    secret = credentials.client_secret.reveal()
    form = {
        "grant_type": "client_credentials",
        "client_id": credentials.client_id,
        "client_secret": secret,
        "username": credentials.username,
    }
    try:
        reply = caller.call("POST", "", body=urlencode(form).encode(), headers=FORM, write=False)
        return _read_token(reply.json(), clock())
    except RateLimited:
        raise
    except (AuthRefused, Missing, Rejected) as error:
        message = error.message.replace(secret, "***")
        raise AuthRefused(f"the token endpoint refuses: {message}", status=error.status) from None
    except CallError as error:
        raise NotSent(f"no token: {error.message.replace(secret, '***')}", retry_after=error.retry_after) from None


def _read_token(value: object, now: float) -> tuple[str, float]:
    if not isinstance(value, Mapping) or not isinstance(value.get("access_token"), str) or not value["access_token"]:
        raise BadAnswer("the token endpoint's answer holds no access_token")
    token: str = value["access_token"]
    try:
        lasts = float(value["expires_in"])
    except (KeyError, TypeError, ValueError):
        expiry = expiry_of(token)
        lasts = expiry - now if expiry is not None else UNSAID
    return token, max(lasts, 1.0)
