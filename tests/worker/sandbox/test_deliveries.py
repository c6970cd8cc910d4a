"""Delivery over connections that are kept."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from worker.sandbox.counters import Counters
from worker.sandbox.deliveries import CONNECTIONS, Deliveries

if TYPE_CHECKING:
    from collections.abc import Sequence


class Server:
    """Answers each request with the next of some raw texts, the last again and again; None closes the connection instead."""

    def __init__(self, answers: Sequence[bytes | None]) -> None:
        self.answers = list(answers)
        self.connections = 0
        self.requests = 0
        self.open_now = self.most_open = 0
        self._served: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/hook"

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await asyncio.wait_for(asyncio.gather(*self._served), 5)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._served.append(task)
        self.open_now += 1
        self.most_open = max(self.most_open, self.open_now)
        while await reader.readline():
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.partition(b"Content-Length: ")[2].partition(b"\r")[0]))
            self.requests += 1
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if answer is None:
                break
            writer.write(answer)
        writer.close()
        await writer.wait_closed()
        self.open_now -= 1


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
EMPTY = b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"
CHUNKED = b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
CLOSING = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
WRONG = b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n"
NO_HTTP = b"220 mail ready\r\n\r\n"


def delivered(answers: Sequence[bytes | None], *, count: int = 1, at_once: bool = False, tries: int = 1) -> tuple[Server, dict[str, int]]:
    """Some notifications, to a server that answers so."""
    server, counters = Server(answers), Counters()

    async def run() -> None:
        deliveries = Deliveries()
        async with server as url:
            work = [deliveries.deliver(url, b"", b"{}", counters, tries=tries, first_retry=0.01) for _ in range(count)]
            if at_once:
                await asyncio.gather(*work)
            else:
                for one in work:
                    await one
            await deliveries.close()

    asyncio.run(run())
    return server, counters.notifications


@pytest.mark.parametrize(
    ("answer", "taken", "connections"),
    [(OK, 3, 1), (EMPTY, 3, 1), (CHUNKED, 3, 3), (CLOSING, 3, 3), (WRONG, 0, 1), (NO_HTTP, 0, 3), (None, 0, 3)],
)
def test_answers(answer: bytes | None, taken: int, connections: int) -> None:
    """2xx is taken; an answer of known length keeps its connection, any other costs it."""
    server, numbers = delivered([answer], count=3)
    assert (numbers["accepted"], numbers["given_up"]) == (taken, 3 - taken)
    assert server.connections == connections


def test_stale_connection_is_no_try() -> None:
    """A kept connection that the receiver closed meanwhile is replaced at once, without using up a try."""
    server, numbers = delivered([OK, None, OK], count=2)
    assert (numbers["accepted"], numbers["refused"], server.requests) == (2, 0, 3)


def test_bounded_connections() -> None:
    """No more than so many notifications are on their way at once; the others wait, and all are taken."""
    server, numbers = delivered([OK], count=3 * CONNECTIONS, at_once=True)
    assert numbers["accepted"] == 3 * CONNECTIONS
    assert server.most_open <= CONNECTIONS
