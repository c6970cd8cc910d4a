"""Marshmallow fields for addresses: of ERPs, of the database, of Redis. They may carry passwords, so no message repeats one."""

from __future__ import annotations

import ipaddress
from typing import Final
from urllib.parse import SplitResult, urlsplit

from marshmallow import ValidationError
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from worker.configuration.fields import Text, Value

POSTGRESQL: Final = "postgresql+psycopg"
DRIVERS: Final = {"sqlite": "sqlite", "postgres": POSTGRESQL, "postgresql": POSTGRESQL, POSTGRESQL: POSTGRESQL}
"""What may stand before `://`, platforms' habits included, and what SQLAlchemy needs there."""


class WebAddress(Value[str]):
    """An https address without anything secret in it; http only on this machine. No slash at its end."""

    def convert(self, value: object) -> str:
        """The address."""
        text = Text().convert(value)
        if _secure(text).query:
            raise ValidationError("must have no query")
        return text.rstrip("/")


class ReceiverAddress(Value[str]):
    """Where somebody is told something: likewise, but exactly as it is written, and with a query if it has one."""

    def convert(self, value: object) -> str:
        """The address."""
        text = Text().convert(value)
        _secure(text)
        return text


class DatabaseAddress(Value[str]):
    """SQLite or PostgreSQL, as SQLAlchemy writes it; `postgres://` and `postgresql://` are understood."""

    def convert(self, value: object) -> str:
        """The address with the driver in it."""
        scheme, found, rest = Text().convert(value).partition("://")
        driver = DRIVERS.get(scheme)
        if not found or driver is None:
            raise ValidationError("must start with sqlite:/// or postgresql://")
        try:
            address = make_url(f"{driver}://{rest}")
        except (ArgumentError, ValueError):
            raise ValidationError("is no database address") from None
        if driver == "sqlite" and (not rest.startswith("/") or address.database in {None, "", ":memory:"}):
            raise ValidationError("must name a file, such as sqlite:///var/kitrelay.db: memory forgets")
        if driver != "sqlite" and not address.database:
            raise ValidationError("must name a database after the host")
        return f"{driver}://{rest}"


class RedisAddress(Value[str]):
    """`redis://` or `rediss://`; empty for a server of our own."""

    def convert(self, value: object) -> str:
        """The address."""
        text = Text(empty=True).convert(value)
        if not text:
            return text
        parts = _split(text)
        if parts is None or parts.scheme not in {"redis", "rediss"}:
            raise ValidationError("must be an address such as redis://host:6379/0, or empty for a server of our own")
        if not (parts.path in {"", "/"} or parts.path[1:].isdecimal()):
            raise ValidationError("must end with the number of a database, such as /0")
        return text


def is_loopback(host: str) -> bool:
    """Whether a host name or address can only mean this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _secure(text: str) -> SplitResult:
    """The parts of an address that others can't listen to. Raises ValidationError."""
    parts = _split(text)
    if parts is None or parts.scheme not in {"http", "https"}:
        raise ValidationError("must be an address such as https://host.example/path")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise ValidationError("must have no user, password or fragment")
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise ValidationError("must be https; http is accepted on loopback only")
    return parts


def _split(text: str) -> SplitResult | None:
    """The parts, or None when there is no host, a port out of range, or something that no address has."""
    if any(character.isspace() or not character.isprintable() for character in text):
        return None
    try:
        parts = urlsplit(text)
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if usable else None
