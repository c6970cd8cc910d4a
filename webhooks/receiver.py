"""What every receiver shares: verified deliveries are stored, answered and rung for; all others are kept within bounds and counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn

from webhooks.answers import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from webhooks.concurrency import Concurrency
    from webhooks.problems import Problem
    from webhooks.refusals import Refusals
    from webhooks.writer import Writer
    from worker.jobs.arrivals import Arrival
    from worker.jobs.bell import Ringing
    from worker.metrics import Metrics
    from worker.settings import Settings

_HIDDEN: Final = frozenset({"authorization", "cookie", "proxy-authorization", "x-api-key"})
_KEPT_VALUE: Final = 500


@dataclass(frozen=True, slots=True)
class Receiver:
    """The parts that a receiver works with."""

    settings: Settings
    writer: Writer
    refusals: Refusals
    bell: Ringing
    metrics: Metrics
    concurrency: Concurrency
    clock: Callable[[], datetime]

    def take(self, arrival: Arrival) -> Answer:
        """Store, ring, answer. Raises `LedgerUnavailable`."""
        stored = self.writer.store(arrival)
        if stored.lane is not None:
            self.bell.ring(stored.lane)
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


def kept_headers(environ: Mapping[str, object]) -> dict[str, str]:
    """The headers as they are stored: names in lower case, no proof and no credentials."""
    found = {key[5:].replace("_", "-").lower(): str(value) for key, value in environ.items() if key.startswith("HTTP_")}
    if environ.get("CONTENT_TYPE"):
        found["content-type"] = str(environ["CONTENT_TYPE"])
    return {name: _storable(value[:_KEPT_VALUE]) for name, value in found.items() if not _is_secret(name)}


def text_of(body: bytes) -> str:
    """A body as it is stored: what is no text shows as a mark, and NUL, which a database refuses, too."""
    return body.decode("utf-8", "replace").replace("\x00", "\ufffd")


def _is_secret(name: str) -> bool:
    return name in _HIDDEN or "signature" in name or "token" in name or "secret" in name


def _storable(value: str) -> str:
    """A header arrives as Latin-1."""
    return value if value.isprintable() else "".join(char if char.isprintable() else "\ufffd" for char in value)
