"""Where processes share a token, and who of them may renew it: in memory for one process, in Redis for all."""

from __future__ import annotations

import json
import secrets
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Final, Protocol

import redis
import structlog

from worker.clients.auth import Token

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

PREFIX: Final = "kitrelay:token:"
LOCK_SECONDS: Final = 45
"""So long the right to renew lasts at most: longer than a call can take, so that only a dead process loses it."""

PAUSE: Final = 0.05
_TIMEOUT: Final = 2.0
_RELEASE: Final = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"
_log = structlog.get_logger("intacct")


@dataclass(frozen=True, slots=True)
class Renewal:
    """The right to renew: the token as it is now, which another may just have renewed, and where to put a new one."""

    token: Token | None
    put: Callable[[Token], None]


class TokenStore(Protocol):
    """Tokens by name. No method fails for what becomes of the store."""

    def get(self, key: str) -> Token | None:
        """The token, if there is one that has not ended."""

    def renewing(self, key: str) -> AbstractContextManager[Renewal]:
        """The right to renew, for one at a time; whoever comes meanwhile waits, and then finds what the other put."""


class MemoryTokenStore:
    """Tokens of one process."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._tokens: dict[str, Token] = {}
        self._locks: dict[str, Lock] = {}

    def get(self, key: str) -> Token | None:
        """See `TokenStore`."""
        token = self._tokens.get(key)
        return token if token is not None and self._clock() < token.expires_at else None

    @contextmanager
    def renewing(self, key: str) -> Iterator[Renewal]:
        """See `TokenStore`."""
        with self._locks.setdefault(key, Lock()):
            yield Renewal(self.get(key), partial(self.put, key))

    def put(self, key: str, token: Token) -> None:
        """Keep it."""
        self._tokens[key] = token


class RedisTokenStore:
    """Tokens of all processes of an installation.

    A token lies as JSON (`value`, `renew_at`, `expires_at`; times in epoch seconds) under `kitrelay:token:` and its name, in plain text:
    who can read this Redis can also ring and steer all work, so it is kept private anyway. It goes when the token ends. Beside it, with
    `:lock` behind, the right to renew. While Redis is away, each process keeps to its own tokens.
    """

    def __init__(self, client: redis.Redis, *, clock: Callable[[], float] = time.time, pause: float = PAUSE) -> None:
        self._redis = client
        self._own = MemoryTokenStore(clock)
        self._clock = clock
        self._pause = pause

    @classmethod
    def from_url(cls, url: str) -> RedisTokenStore:
        """A store on this server; a server that hangs counts as away."""
        return cls(redis.Redis.from_url(url, socket_timeout=_TIMEOUT, socket_connect_timeout=_TIMEOUT))

    def get(self, key: str) -> Token | None:
        """See `TokenStore`."""
        with suppress(redis.RedisError):
            shared = _read(self._redis.get(f"{PREFIX}{key}"))
            if shared is not None and self._clock() < shared.expires_at:
                return shared
        return self._own.get(key)

    @contextmanager
    def renewing(self, key: str) -> Iterator[Renewal]:
        """See `TokenStore`. The process's own threads queue here, so that one of them at most waits for other processes."""
        with self._own.renewing(key):
            mark = secrets.token_hex(16)
            self._wait(f"{PREFIX}{key}:lock", mark)
            try:
                yield Renewal(self.get(key), partial(self._put, key))
            finally:
                with suppress(redis.RedisError):
                    self._redis.eval(_RELEASE, 1, f"{PREFIX}{key}:lock", mark)

    def _wait(self, name: str, mark: str) -> None:
        """Until the right is ours; or Redis is away; or whoever had it is surely dead."""
        until = time.monotonic() + LOCK_SECONDS + 1
        try:
            while not self._redis.set(name, mark, nx=True, ex=LOCK_SECONDS) and time.monotonic() < until:
                time.sleep(self._pause)
        except redis.RedisError as error:
            _log.warning("Redis is away: tokens are kept by each process alone", error=type(error).__name__)

    def _put(self, key: str, token: Token) -> None:
        self._own.put(key, token)
        life = int(token.expires_at - self._clock())
        text = json.dumps({"value": token.value, "renew_at": token.renew_at, "expires_at": token.expires_at})
        with suppress(redis.RedisError):
            self._redis.set(f"{PREFIX}{key}", text, ex=max(life, 1))


def _read(raw: object) -> Token | None:
    if not isinstance(raw, (str, bytes)):
        return None
    try:
        told = json.loads(raw)
        return Token(str(told["value"]), float(told["renew_at"]), float(told["expires_at"]))
    except (ValueError, KeyError, TypeError):
        return None
