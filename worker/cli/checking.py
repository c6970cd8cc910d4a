"""What `check` looks at, thing by thing. Every finding says what is wrong and what to do."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import redis
from sqlalchemy import text

from worker.cli.opening import NONE_YET, OLD, sqlite_file
from worker.embedded import find_server
from worker.errors import LedgerUnavailable, SettingsError
from worker.jobs.engine import Database
from worker.jobs.ledger import is_current

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from worker.settings import Settings

SKEW: Final = 60.0
"""Seconds by which our clock may be off: proofs of deliveries are good for five minutes."""

SHORT: Final = 16
TIMEOUT: Final = 3.0
LOSING: Final[Mapping[str, tuple[frozenset[str], str]]] = {
    "appendonly": (frozenset({"yes"}), "rings are lost with a restart, and made up a second later: set appendonly yes"),
    "appendfsync": (frozenset({"everysec", "always"}), "the last rings may be lost with a crash: set appendfsync everysec"),
    "maxmemory-policy": (frozenset({"noeviction"}), "Redis may throw rings away when it is full: set maxmemory-policy noeviction"),
}
"""Settings of Redis that keep what it is given, and what the others mean."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`state` is ok, warning or wrong."""

    what: str
    state: str
    message: str

    def view(self) -> dict[str, str]:
        """As JSON."""
        return {"what": self.what, "state": self.state, "message": self.message}


def secrets(settings: Settings) -> Iterator[Finding]:
    """Keys and tokens of ours that can be guessed. Visma's own are as long as Visma makes them."""
    ours = [(f"API key {key.name}", key.key) for key in settings.api_keys]
    for tenant in settings.tenants.values():
        tokens = tenant.visma.callback_tokens if tenant.visma is not None else ()
        ours += [(f"{tenant.name}: callback_tokens[{number}]", token) for number, token in enumerate(tokens)]
        keys = tenant.intacct.webhook_keys if tenant.intacct is not None else ()
        ours += [(f"{tenant.name}: webhook_keys[{number}] of intacct", key) for number, key in enumerate(keys)]
        if tenant.itempath is not None and tenant.itempath.webhook_secret is not None:
            ours.append((f"{tenant.name}: webhook_secret of itempath", tenant.itempath.webhook_secret))
        ours += [(f"{tenant.name}: secrets of {source.name}", secret) for source in tenant.sources.values() for secret in source.secrets]
    for name, secret in ours:
        if len(secret.reveal()) < SHORT:
            yield Finding("secrets", "warning", f"{name} has fewer than {SHORT} characters and can be guessed: make it longer")


def database(settings: Settings) -> Iterator[Finding]:
    """Reachable, at this version, writable; SQLite's way of writing."""
    file = sqlite_file(settings)
    if file is not None and not file.exists():
        wrong = _unwritable(file)
        yield Finding("database", "wrong", wrong or f"{NONE_YET} ({file})")
        return
    found = Database(settings.database_url)
    try:
        yield _version(found)
        if file is not None:
            yield _sqlite(found, file)
    except LedgerUnavailable as error:
        yield Finding("database", "wrong", f"{error}; is it up, and is database_url right?")
    finally:
        found.close()


def _version(found: Database) -> Finding:
    if not is_current(found):
        return Finding("database", "wrong", OLD)
    kind = "SQLite" if found.is_sqlite else "PostgreSQL"
    return Finding("database", "ok", f"{kind}, at this version")


def _sqlite(found: Database, file: Path) -> Finding:
    wrong = _unwritable(file)
    if wrong:
        return Finding("database file", "wrong", wrong)
    with found.read() as connection:
        mode = connection.execute(text("PRAGMA journal_mode")).scalar()
        sync = connection.execute(text("PRAGMA synchronous")).scalar()
    if (mode, sync) != ("wal", 2):
        return Finding(
            "database file", "warning", f"journal_mode is {mode}, synchronous {sync}: is {file} on a network drive? Use a local one"
        )
    return Finding("database file", "ok", f"{file}, write-ahead log, full synchronous")


def _unwritable(file: Path) -> str:
    folder = next(each for each in (file.parent, *file.parent.absolute().parents) if each.exists())
    if not os.access(folder, os.W_OK | os.X_OK) or (file.exists() and not os.access(file, os.W_OK)):
        return f"{file} can't be written by this user: change its owner, or database_url"
    return ""


def redis_server(settings: Settings) -> Iterator[Finding]:
    """Reachable, and set so that it loses nothing; or the program for one of our own."""
    if not settings.redis_url:
        yield _embedded()
        return
    client = redis.Redis.from_url(
        settings.redis_url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT, retry=None, decode_responses=True
    )
    with closing(client):
        try:
            version = client.info("server").get("redis_version", "?")
        except (redis.RedisError, OSError) as error:
            yield Finding("redis", "wrong", f"can't be used: {type(error).__name__}; is it up, and is redis_url right?")
            return
        yield Finding("redis", "ok", f"version {version}")
        yield from _keeping(client)


def _keeping(client: Any) -> Iterator[Finding]:  # noqa: ANN401 - the client's own types join sync and async
    try:
        settings = {name: client.config_get(name).get(name) for name in LOSING}
    except redis.RedisError:
        yield Finding("redis settings", "warning", "can't be read: make sure of appendonly yes and maxmemory-policy noeviction")
        return
    if settings["appendonly"] == "no":  # then its way of flushing means nothing
        settings.pop("appendfsync")
    found = [
        Finding("redis settings", "warning", why) for name, (good, why) in LOSING.items() if name in settings and settings[name] not in good
    ]
    yield from found or [Finding("redis settings", "ok", "nothing is thrown away")]


def _embedded() -> Finding:
    try:
        return Finding("redis", "ok", f"one of our own, {find_server()}")
    except SettingsError as error:
        return Finding("redis", "wrong", "; ".join(str(fault) for fault in error.faults))


def clock(times: Sequence[tuple[str, float]]) -> Iterator[Finding]:
    """Our clock against those of the ERPs."""
    for name, ahead in times:
        if abs(ahead) > SKEW:
            way = "behind" if ahead > 0 else "ahead of"
            yield Finding(
                "clock", "wrong", f"ours is {abs(ahead):.0f} s {way} that of {name}: signatures would be refused; set this machine's"
            )
            return
    if times:
        yield Finding("clock", "ok", f"within {max(abs(ahead) for _, ahead in times):.0f} s of the ERP's")
    else:
        yield Finding("clock", "warning", "no ERP told its time: make sure that this machine's clock is set")
