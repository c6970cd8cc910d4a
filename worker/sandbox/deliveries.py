"""Notifications on their way: POST, and again with growing waits while nobody takes them.

The HTTP here is our own, because only a status is wanted: measured, aiohttp's client took half of the sandbox's CPU for a release
(0.70 ms, and 0.35 ms with this). An answer of known length keeps its connection; any other costs the connection.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING, Final, Protocol, cast
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Coroutine

CONNECTIONS: Final = 64
TIMEOUT: Final = 10.0
_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"\r\ncontent-length:"


class Counted(Protocol):
    """Where the numbers of deliveries are kept: `sent`, `retried`, `accepted`, `refused` and `given_up`."""

    notifications: dict[str, int]


class Connection(asyncio.Protocol):
    """One connection to a receiver, used by one notification after another."""

    __slots__ = ("_buffer", "_status", "_transport", "kept")

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._status: asyncio.Future[int] | None = None
        self._buffer = b""
        self.kept = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The receiver is there."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The receiver has gone, perhaps before it answered."""
        self.kept = False
        if self._status is not None and not self._status.done():
            self._status.set_exception(ConnectionResetError("closed without an answer"))

    def data_received(self, data: bytes) -> None:
        """A part of an answer."""
        self._buffer += data
        head, found, rest = self._buffer.partition(_END)
        if not found or self._status is None or self._status.done():
            return
        length = _content_length(head)
        if length is None or not head.startswith(b"HTTP/1.1 "):
            self.close()
        elif len(rest) < length:
            return
        self._buffer = b""
        self._status.set_result(_status(head))

    async def post(self, data: bytes) -> int:
        """The status with which a whole request is answered. Raises `OSError` or `TimeoutError`."""
        if self._transport is None or not self.kept:
            raise ConnectionResetError("not connected")
        loop = asyncio.get_running_loop()
        self._status = loop.create_future()
        timer = loop.call_later(TIMEOUT, self._late)
        self._transport.write(data)
        try:
            return await self._status
        except BaseException:  # also when it is cancelled: an answer may still come, and would be taken for the next one's
            self.close()
            raise
        finally:
            timer.cancel()

    def close(self) -> None:
        """Give the connection up."""
        self.kept = False
        if self._transport is not None:
            self._transport.close()

    def _late(self) -> None:
        """Nobody waits for this answer any longer."""
        if self._status is not None and not self._status.done():
            self._status.set_exception(TimeoutError())
        self.close()


class Deliveries:
    """Delivers over connections that are kept. Which answers count as taken is not documented: here any 2xx."""

    def __init__(self) -> None:
        self._idle: dict[str, list[Connection]] = {}
        self._open = 0
        self._free: deque[asyncio.Future[None]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        """Do this in the background."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def deliver(self, url: str, head: bytes, body: bytes, counters: Counted, *, tries: int, first_retry: float) -> None:
        """POST the body with these head lines until somebody takes it or the tries are used up."""
        numbers = counters.notifications
        numbers["sent"] += 1
        for number in range(tries):
            if number:
                numbers["retried"] += 1
                await asyncio.sleep(first_retry * 2 ** (number - 1))
            if await self.post(url, head, body) // 100 == 2:  # noqa: PLR2004 - 2xx
                numbers["accepted"] += 1
                return
            numbers["refused"] += 1
        numbers["given_up"] += 1

    async def post(self, url: str, head: bytes, body: bytes) -> int:
        """The status of one try; 0 when there is no answer. A kept connection that turns out to be closed is no try."""
        data = b"".join((_start(url), head, b"Content-Length: %d\r\n\r\n" % len(body), body))
        if self._open >= CONNECTIONS:
            await self._turn()
        self._open += 1
        try:
            idle = self._idle.setdefault(url, [])
            while idle:
                with contextlib.suppress(ConnectionResetError):
                    return await self._over(idle.pop(), idle, data)
            return await self._over(await _connect(url), idle, data)
        except (OSError, TimeoutError):
            return 0
        finally:
            self._open -= 1
            self._next()

    async def _over(self, connection: Connection, idle: list[Connection], data: bytes) -> int:
        """The status over this connection, which is then kept."""
        status = await connection.post(data)
        if connection.kept:
            idle.append(connection)
        return status

    async def _turn(self) -> None:
        """Wait until another notification is through."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._free.append(turn)
        await turn

    def _next(self) -> None:
        """Let the next one go."""
        while self._free:
            turn = self._free.popleft()
            if not turn.done():
                turn.set_result(None)
                return

    def cancel(self) -> None:
        """What is not delivered yet never will be."""
        for task in self._tasks:
            task.cancel()

    async def close(self) -> None:
        """Stop, and give the connections back."""
        self.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in (connection for idle in self._idle.values() for connection in idle):
            connection.close()
        self._idle.clear()


async def _connect(url: str) -> Connection:
    """A new connection. Raises `OSError` or `TimeoutError`."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    loop = asyncio.get_running_loop()
    port = parts.port or (443 if secure else 80)
    async with asyncio.timeout(TIMEOUT):
        _, connection = await loop.create_connection(Connection, parts.hostname or "", port, ssl=secure or None)
    return connection


_STARTS: dict[str, bytes] = {}


def _start(url: str) -> bytes:
    """Request line and Host for a URL."""
    start = _STARTS.get(url)
    if start is None:
        parts = urlsplit(url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        start = _STARTS[url] = f"POST {path} HTTP/1.1\r\nHost: {parts.netloc.rpartition('@')[2]}\r\n".encode()
    return start


def _content_length(head: bytes) -> int | None:
    """The length of the body; None when only the end of the connection or chunks tell it, or when the connection will be closed."""
    low = head.lower()
    if b"\r\nconnection: close" in low:
        return None
    _, found, after = low.partition(_LENGTH)
    text = after.partition(b"\r\n")[0].strip()
    return int(text) if found and text.isdigit() else None


def _status(head: bytes) -> int:
    """The status of an answer; 0 when it is no HTTP."""
    parts = head.split(b" ", 2)
    return int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else 0
