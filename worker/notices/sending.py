"""One POST to a receiver, over a connection to an address that was checked. Redirects are never followed.

What was said is kept with the attempt, but of the address only scheme and host: with many receivers its path is as good as a password.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import httpx

from worker.clients import exchanges
from worker.clients.answers import retry_after
from worker.clients.transport import PooledTransport
from worker.errors import CallError, NotSent, Rejected, Unclear
from worker.notices.addresses import Dialler, Forbidden, resolve
from worker.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from worker.notices.addresses import Resolve

CONNECT: Final = 5.0
ANSWER: Final = 15.0
"""Seconds: who needs longer to take a few hundred bytes should take them, and work later."""

LARGEST: Final = exchanges.MOST
UNSENT: Final = (httpx.ConnectError, httpx.ConnectTimeout)
HEADERS: Final = {
    "Content-Type": "application/json",
    "Accept-Encoding": "identity",  # a few bytes of the answer are kept, as they come
    "User-Agent": f"kitrelay/{VERSION}",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """What the receiver said. `retry_after`: the seconds that it asks to wait, up to an hour; `ms` milliseconds until it said so."""

    status: int
    retry_after: float | None
    ms: float


class Sender:
    """Sends from any thread. `resolve` says where names lead; `clock` gives epoch seconds."""

    def __init__(self, resolve: Resolve = resolve, *, clock: Callable[[], float] = time.time, answer: float = ANSWER) -> None:
        self._clock = clock
        self._answer = answer
        self._ways = {  # one for each: a connection that one receiver may have is not lent to another that may not
            private: PooledTransport(connect=CONNECT, read=answer, begin=answer, dial=Dialler(resolve, allow_private=private))
            for private in (False, True)
        }

    def post(self, url: str, body: bytes, headers: Mapping[str, str], *, allow_private: bool) -> Reply:
        """The receiver's answer, whatever its status.

        Raises `Rejected` for a host that leads where notices must not go, `NotSent` where there was no connection, `Unclear` where no
        answer came.
        """
        request = httpx.Request("POST", url, headers={**HEADERS, **headers}, content=body)
        at, started = self._clock(), time.perf_counter()
        try:
            response = self._ways[allow_private].handle_request(request)
        except httpx.TransportError as fault:
            _note(request, at, started, None, None)
            raise _error_of(fault, request.url.host) from fault
        try:
            said = self._beginning(response)
        finally:
            response.close()
        _note(request, at, started, response.status_code, said)
        wait = retry_after({name.lower(): value for name, value in response.headers.items()}, at)
        return Reply(response.status_code, wait, _since(started))

    def close(self) -> None:
        """Close the idle connections."""
        for way in self._ways.values():
            way.close()

    def _beginning(self, response: httpx.Response) -> bytes:
        """As much of the body as is kept. The status has said all that counts: a body that breaks off, or drags on, changes nothing."""
        deadline = time.monotonic() + self._answer
        found = b""
        with suppress(httpx.TransportError):
            for part in response.iter_raw():
                found += part
                if len(found) > LARGEST or time.monotonic() > deadline:
                    break
        return found[: LARGEST + 1]


def shown_url(url: httpx.URL) -> str:
    """Scheme and host; of the rest, that there is more."""
    return f"{url.scheme}://{url.netloc.decode('ascii')}/" + ("…" if url.raw_path != b"/" else "")


def _note(request: httpx.Request, at: float, started: float, status: int | None, said: bytes | None) -> None:
    exchanges.note(
        at=datetime.fromtimestamp(at, UTC),
        method=request.method,
        url=shown_url(request.url),
        status=status,
        ms=_since(started),
        request=request.content,
        response=said,
        headers=request.headers.raw,
    )


def _error_of(fault: httpx.TransportError, host: str) -> CallError:
    if isinstance(fault.__cause__, Forbidden):
        return Rejected(str(fault))
    if isinstance(fault, UNSENT):
        return NotSent(f"no connection to {host}: {fault}")
    if isinstance(fault, httpx.TimeoutException):
        return Unclear(f"{host} did not answer in time")
    return Unclear(f"{host} broke the connection before it answered: {fault}")


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000


__all__ = ["Reply", "Sender", "shown_url"]
