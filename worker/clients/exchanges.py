"""What was said between us and an ERP, redacted and cut, so that an operator can read it with the attempt.

>>> with recorded() as exchanges:
...     client.release_kit_assembly("P", "000123")
>>> exchanges[0].status
202
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from worker.clients.headers import kept
from worker.clients.redaction import redact
from worker.connections import Exchange

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

MOST: Final = 4096
_recorder: ContextVar[list[Exchange] | None] = ContextVar("exchanges", default=None)
_counter: ContextVar[Count | None] = ContextVar("calls", default=None)


@dataclass(slots=True)
class Count:
    """Calls that were sent."""

    calls: int = 0


@contextmanager
def recorded() -> Iterator[list[Exchange]]:
    """Collect the exchanges of the calls made inside, in this thread, in their order."""
    exchanges: list[Exchange] = []
    token = _recorder.set(exchanges)
    try:
        yield exchanges
    finally:
        _recorder.reset(token)


@contextmanager
def counted() -> Iterator[Count]:
    """Count the calls made inside, in this thread, whether anyone records them or not. Tokens are no calls, nor is what was never sent."""
    count = Count()
    token = _counter.set(count)
    try:
        yield count
    finally:
        _counter.reset(token)


def count_one() -> None:
    """A call was sent."""
    count = _counter.get()
    if count is not None:
        count.calls += 1


def note(
    *,
    at: datetime,
    method: str,
    url: str,
    status: int | None,
    ms: float,
    request: bytes | None,
    response: bytes | None,
    headers: Iterable[tuple[bytes, bytes]] = (),
) -> None:
    """Keep one exchange, if anyone records. Bodies may be of any size: they are cut before they are read. `headers`: the request's."""
    exchanges = _recorder.get()
    if exchanges is None:
        return
    exchanges.append(Exchange(at, method, redact(url), status, round(ms, 1), shown(request), shown(response), kept(headers)))


def shown(body: bytes | None) -> str | None:
    """At most 4 KiB of a body as text without secrets; None for no body."""
    if not body:
        return None
    text = redact(body[:MOST].decode("utf-8", errors="replace"))
    return text if len(body) <= MOST else f"{text}… ({len(body)} bytes in all)"


__all__ = ["MOST", "Count", "Exchange", "count_one", "counted", "note", "recorded", "shown"]
