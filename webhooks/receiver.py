"""What every receiver shares: a delivery is read, proven, understood, stored, answered and rung for; all others are kept within bounds.

What differs between senders is a `Sender` each.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, NoReturn, Protocol

from webhooks.answers import Answer
from webhooks.bodies import LIMIT, read
from webhooks.problems import Problem
from webhooks.ruling import ruled
from worker.jobs.arrivals import KEY_DAYS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from webhooks.concurrency import Concurrency
    from webhooks.rates import Rates
    from worker.jobs.arrivals import Arrival, Stored
    from worker.jobs.bell import Ringing
    from worker.metrics import Metrics
    from worker.rules import Rulebook
    from worker.settings import Settings

TEST_HEADER: Final = "kitrelay-test"
"""Ours, with a test delivery: who made it. Nobody else can say so."""

_HIDDEN: Final = frozenset({"cookie", TEST_HEADER})
_SECRET: Final = ("auth", "credential", "password", "secret", "signature", "token", "api-key", "apikey", "access-key", "functions-key")
"""What is in the names of headers that prove who somebody is, be it to us or to what stands before us."""

_UNPREFIXED: Final = frozenset({"CONTENT_TYPE", "CONTENT_LENGTH"})
KEPT_VALUE: Final = 500
_ATTRIBUTE: Final = "ce-"
_ABOUT_SENDERS: Final = frozenset({"ce-authtype", "ce-authid", "ce-authclaims"})
"""What CloudEvents says of who caused an event, without credentials."""

NOT_KEPT: Final = "[not kept]"
_LONGEST_NAME: Final = 200
UNPROVEN: Final = "the notification does not prove where it comes from"
BODY_KEY_LIFE: Final = timedelta(hours=1)


class Sender(Protocol):
    """What one sender's deliveries look like. `environ` is the request's, `content` what `read` gave."""

    def proven(self, environ: Mapping[str, Any], body: bytes, now: datetime) -> bool:
        """Whether the raw body comes from the sender."""

    def bare(self, environ: Mapping[str, Any], body: bytes) -> Arrival:
        """The delivery as it is kept, proven or not; nothing in its body was looked at."""

    def read(self, environ: Mapping[str, Any], body: bytes) -> object:
        """The content of a proven body. Raises `Problem`."""

    def told(self, arrival: Arrival, environ: Mapping[str, Any], content: object, now: datetime) -> Arrival:
        """The proven delivery with what its content says."""

    def event(self, arrival: Arrival, content: object, body: bytes) -> Mapping[str, Any]:
        """What rules see of it. Raises `ValueError` with the reason when there is nothing to see."""


class Storing(Protocol):
    """What stores deliveries."""

    def store(self, arrival: Arrival) -> Stored:
        """Store it. Raises `LedgerUnavailable`."""


class Keeping(Protocol):
    """What keeps those that were not taken, within bounds."""

    def keep(self, arrival: Arrival, state: str, reason: str) -> None:
        """Keep it as `duplicate` or `refused`, if there is room."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """The parts that a receiver works with."""

    settings: Settings
    writer: Storing
    refusals: Keeping
    bell: Ringing
    metrics: Metrics
    concurrency: Concurrency
    rules: Rulebook
    rates: Rates
    clock: Callable[[], datetime]

    def hear(self, sender: Sender, environ: Mapping[str, Any], *, admit: Callable[[], None] = lambda: None) -> Answer:
        """Take one delivery. Raises `Problem` for one that is refused, `LedgerUnavailable` for one that can't be stored.

        `admit` raises `Problem` for a proven one that is one too many.
        """
        try:
            body = read(environ, LIMIT, self.concurrency)
        except Problem as problem:
            self.refuse(sender.bare(environ, b""), problem, problem.detail)
        now = self.clock()
        if not sender.proven(environ, body, now):
            self.refuse(sender.bare(environ, body), Problem(401, UNPROVEN), "missing, wrong or stale proof")
        arrival = sender.bare(environ, body)
        try:
            admit()
            content = sender.read(environ, body)
        except Problem as problem:
            self.refuse(arrival, problem, problem.detail)
        return self.take(self.ruled(sender, sender.told(arrival, environ, content, now), content, body))

    def ruled(self, sender: Sender, arrival: Arrival, content: object, body: bytes) -> Arrival:
        """With what rules make of it, found where it holds up no other request."""
        if not self.rules.has(arrival.tenant, arrival.source):
            return ruled(self.rules, sender, arrival, content, body)
        return self.concurrency.call(lambda: ruled(self.rules, sender, arrival, content, body))

    def take(self, arrival: Arrival) -> Answer:
        """Store, ring, answer. Raises `LedgerUnavailable`."""
        stored = self.writer.store(arrival)
        for lane in dict.fromkeys((stored.lane, *stored.lanes)):
            if lane is not None:
                self.bell.ring(lane)
        if stored.duplicate:
            self.count(arrival, "duplicate")
            self.refusals.keep(arrival, "duplicate", f"it came before, as {stored.delivery}")
        else:
            self.count(arrival, "accepted" if stored.lane is not None or not arrival.news else "orphan")
        return Answer(200, {"delivery": stored.delivery, "duplicate": stored.duplicate})

    def refuse(self, arrival: Arrival, problem: Problem, reason: str) -> NoReturn:
        """Keep and count what is refused, then raise the problem."""
        self.count(arrival, "refused")
        self.refusals.keep(arrival, "refused", reason)
        raise problem

    def count(self, arrival: Arrival, state: str) -> None:
        """One more."""
        self.metrics.deliveries.labels(arrival.tenant, arrival.source, state).inc()


def kept_headers(environ: Mapping[str, object], hidden: str = "") -> dict[str, str]:
    """The headers as they are stored: names in lower case, no proof and no credentials, nor the one that is `hidden`.

    Those that are an event's attributes are kept whole, so that it can be read again: what is not printable percent-encoded, as they may
    come anyway. Of one that looks like a credential it is kept that it was there. The others are cut.
    """
    hidden = hidden.lower().replace("_", "-")
    found = {key[5:].replace("_", "-").lower(): str(value) for key, value in environ.items() if key.startswith("HTTP_")}
    if environ.get("CONTENT_TYPE"):
        found["content-type"] = str(environ["CONTENT_TYPE"])
    return {name: _kept(name, value) for name, value in found.items() if name != hidden and (_is_attribute(name) or not _is_secret(name))}


def key_of(named: str | None, body: bytes) -> tuple[str, timedelta]:
    """What makes a delivery unique and for how long: the sender's own id for it, or else its body for an hour."""
    return (f"id:{named}", KEY_DAYS) if named else (f"sha256:{hashlib.sha256(body).hexdigest()}", BODY_KEY_LIFE)


def plain(value: object) -> str | None:
    """A header's value that may serve as a name."""
    text = str(value or "").strip()
    return text if text and text.isprintable() and len(text) <= _LONGEST_NAME else None


def text_of(body: bytes) -> str:
    """A body as it is stored: what is no text shows as a mark, and NUL, which a database refuses, too."""
    return body.decode("utf-8", "replace").replace("\x00", "\ufffd")


def header_variable(header: str) -> str:
    """Where a header stands in the environment of a request."""
    name = header.upper().replace("-", "_")
    return name if name in _UNPREFIXED else f"HTTP_{name}"


def _kept(name: str, value: str) -> str:
    if not _is_attribute(name):
        return _storable(value if name == "content-type" else value[:KEPT_VALUE])
    if _is_secret(name) and name not in _ABOUT_SENDERS:
        return NOT_KEPT
    return "".join(char if char.isprintable() else f"%{ord(char):02X}" for char in value)


def _is_attribute(name: str) -> bool:
    return name.startswith(_ATTRIBUTE)


def _is_secret(name: str) -> bool:
    return name in _HIDDEN or any(word in name for word in _SECRET)


def _storable(value: str) -> str:
    """A header arrives as Latin-1."""
    return value if value.isprintable() else "".join(char if char.isprintable() else "\ufffd" for char in value)
