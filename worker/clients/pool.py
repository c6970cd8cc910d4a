"""The HTTP connections of a process."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, Self

import httpx

from worker.clients.transport import PooledTransport
from worker.errors import BadAnswer
from worker.settings import Timing

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

LARGEST: Final = 16 * 1024 * 1024


class ClientPool:
    """Connections shared by all threads and tenants of a process; `largest` is the most bytes of an answer, decompressed."""

    def __init__(self, timing: Timing | None = None, *, transport: httpx.BaseTransport | None = None, largest: int = LARGEST) -> None:
        timing = timing or Timing()
        self._transport = transport or PooledTransport(connect=timing.connect, read=timing.call)
        self._most_seconds = timing.connect + timing.call
        self._largest = largest

    def send(self, request: httpx.Request) -> tuple[httpx.Response, bytes]:
        """The answer and its whole body, decompressed. Raises httpx's exceptions, and `BadAnswer` for a body that is too large."""
        deadline = time.monotonic() + self._most_seconds
        response = self._transport.handle_request(request)
        try:
            return response, self._read(response, deadline)
        finally:
            response.close()

    def close(self) -> None:
        """Close the idle connections."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _read(self, response: httpx.Response, deadline: float) -> bytes:
        parts: list[bytes] = []
        size = 0
        for part in _pieces(response):
            size += len(part)
            if size > self._largest:
                raise BadAnswer(f"the answer is larger than {self._largest} bytes", status=response.status_code)
            if time.monotonic() > deadline:
                raise httpx.ReadTimeout("the answer took too long to arrive")
            parts.append(part)
        return b"".join(parts)


def _pieces(response: httpx.Response) -> Iterable[bytes]:
    """The body as it comes, decompressed; what is not compressed is spared httpx's decoders."""
    if isinstance(response.stream, httpx.SyncByteStream) and "content-encoding" not in response.headers:
        return response.stream
    return response.iter_bytes()
