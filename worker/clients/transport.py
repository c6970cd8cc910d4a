"""An httpx transport over the standard library's HTTP connections, with a pool that costs the same however many there are.

httpx's own pool walks all its connections at each call, twice. CPU of one POST with fifty threads, medians taken in turn on a busy two-core
machine: one shared httpx client 2.9 ms, clients of eight threads 1.6, one for each thread 1.4, a client over urllib3 1.0,
a client over this 1.0, this without a client 0.6. Requests, responses and exceptions stay httpx's.

Nothing is retried, redirected, decoded or stored as a cookie here. Proxies named in the environment are not used.
"""

from __future__ import annotations

import select
import socket
import time
from collections import deque
from collections.abc import Callable
from contextlib import contextmanager, nullcontext, suppress
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from threading import Event, Timer
from typing import TYPE_CHECKING, Final

import httpx

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

CHUNK: Final = 65_536
WRITE: Final = 10.0
Dial = Callable[[str, int, float], socket.socket]
"""Opens a connection to host and port within so many seconds. Raises `OSError`."""

_PORTS: Final = {"https": 443, "http": 80}


@cache
def ssl_context() -> ssl.SSLContext:
    """The one TLS context of the process: making one takes 25 ms. It honours SSL_CERT_FILE and SSL_CERT_DIR."""
    return httpx.create_ssl_context(trust_env=True)


class PooledTransport(httpx.BaseTransport):
    """Sends one request. `keep` idle connections to a host are kept, each for `idle_most` seconds.

    Not longer: a firewall forgets an idle connection without a word, and a write into it would be in doubt. `dial` decides where a
    connection goes, if not to where this machine's resolver says; TLS and the `Host` header stay those of the name. `read` is for each
    piece of an answer; `begin` for all of it up to the body, so that nobody keeps a thread by sending a byte now and then.
    """

    def __init__(
        self,
        *,
        connect: float,
        read: float,
        write: float = WRITE,
        keep: int = 128,
        idle_most: float = 5.0,
        dial: Dial | None = None,
        begin: float | None = None,
    ) -> None:
        self._connect = connect
        self._read = read
        self._write = write
        self._keep = keep
        self._idle_most = idle_most
        self._dial = dial
        self._begin = begin
        self._shelves: dict[tuple[str, bytes, int | None], _Shelf] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The answer, its body yet to be read. Raises httpx's exceptions; after `ConnectError` and `ConnectTimeout` nothing was sent."""
        shelf = self._shelf(request.url)
        connection = shelf.take() or self._made(request.url)
        try:
            answer = self._exchange(connection, request)
        except Exception as fault:
            connection.close()
            raise _as_httpx(fault) from fault
        return httpx.Response(answer.status, headers=answer.getheaders(), stream=_Body(answer, connection, shelf), request=request)

    def close(self) -> None:
        """Close every idle connection."""
        for shelf in list(self._shelves.values()):
            shelf.close()

    def _shelf(self, url: httpx.URL) -> _Shelf:
        key = (url.scheme, url.raw_host, url.port)
        return self._shelves.get(key) or self._shelves.setdefault(key, _Shelf(self._keep, self._idle_most))

    def _made(self, url: httpx.URL) -> HTTPConnection:
        host = url.raw_host.decode("ascii")
        if self._dial is not None or url.scheme != "https":
            connection = HTTPConnection(host, url.port or _PORTS[url.scheme], timeout=self._connect)
        else:
            connection = HTTPSConnection(host, url.port, timeout=self._connect, context=ssl_context())
        try:
            if self._dial is None:
                connection.connect()
            else:
                _join(connection, self._dial(host, connection.port, self._connect), secure=url.scheme == "https")
        except TimeoutError as error:
            raise httpx.ConnectTimeout("no connection in time") from error
        except (OSError, ValueError) as error:  # ValueError: names that are none, certificates that do not fit
            connection.close()
            raise httpx.ConnectError(str(error)) from error
        return connection

    def _exchange(self, connection: HTTPConnection, request: httpx.Request) -> HTTPResponse:
        body = request.read() or None
        connection.putrequest(request.method, request.url.raw_path.decode("ascii"), skip_host=True, skip_accept_encoding=True)
        for name, value in request.headers.raw:
            connection.putheader(name, value)
        connection.sock.settimeout(self._write)
        with suppress(BrokenPipeError, ConnectionResetError):  # the server may have answered before it read all: see what it says
            connection.endheaders(body)
        connection.sock.settimeout(self._read)
        with nullcontext() if self._begin is None else _ending(connection.sock, self._begin):
            return connection.getresponse()


@contextmanager
def _ending(opened: socket.socket, seconds: float) -> Iterator[None]:
    """Whatever waits on the socket after so many seconds finds it ended. Raises `TimeoutError` then."""
    late = Event()
    watch = Timer(seconds, _end, (opened, late))
    watch.daemon = True
    watch.start()
    try:
        yield
    except (OSError, HTTPException) as fault:
        if late.is_set():
            raise TimeoutError from fault
        raise
    finally:
        watch.cancel()
    if late.is_set():  # what came until then may look like a whole answer
        raise TimeoutError


def _end(opened: socket.socket, late: Event) -> None:
    late.set()
    with suppress(OSError):
        socket.socket.shutdown(opened, socket.SHUT_RDWR)  # below TLS, whose own way is not for two threads


def _join(connection: HTTPConnection, opened: socket.socket, *, secure: bool) -> None:
    """Let a connection go over a socket that was opened for it, and over no other."""
    connection.auto_open = 0
    connection.sock = ssl_context().wrap_socket(opened, server_hostname=connection.host) if secure else opened


class _Shelf:
    """Idle connections to one host, the newest taken first. A deque's ends are safe between threads without a lock."""

    def __init__(self, keep: int, idle_most: float) -> None:
        self._idle: deque[tuple[float, HTTPConnection]] = deque()
        self._keep = keep
        self._idle_most = idle_most

    def take(self) -> HTTPConnection | None:
        """A connection that is still good, or None."""
        while self._idle:
            try:
                since, connection = self._idle.pop()
            except IndexError:
                return None
            if time.monotonic() - since <= self._idle_most and _quiet(connection):
                return connection
            connection.close()
        return None

    def give(self, connection: HTTPConnection) -> None:
        """Keep it, in place of the oldest if there are enough."""
        self._idle.append((time.monotonic(), connection))
        if len(self._idle) > self._keep:
            with suppress(IndexError):
                self._idle.popleft()[1].close()

    def close(self) -> None:
        """Close all, and keep none from now on."""
        self._keep = 0
        with suppress(IndexError):
            while True:
                self._idle.pop()[1].close()


class _Body(httpx.SyncByteStream):
    """The raw bytes of an answer. Closing it shelves the connection if all was read, else ends it."""

    def __init__(self, answer: HTTPResponse, connection: HTTPConnection, shelf: _Shelf) -> None:
        self._answer = answer
        self._connection = connection
        self._shelf = shelf
        self._whole = False

    def __iter__(self) -> Iterator[bytes]:
        try:
            while part := self._answer.read1(CHUNK):  # whatever has come, so that the reader can watch the clock
                yield part
        except (OSError, HTTPException) as fault:
            raise _as_httpx(fault) from fault
        if self._answer.length:
            raise httpx.RemoteProtocolError(f"{self._answer.length} bytes of the body never came")
        self._whole = True

    def close(self) -> None:
        self._answer.close()
        if self._whole and not self._answer.will_close:
            self._shelf.give(self._connection)
        else:
            self._connection.close()
        self._whole = False


def _quiet(connection: HTTPConnection) -> bool:
    """Whether an idle connection has nothing to say: one that can be read has been closed, or broken, by the other side."""
    if connection.sock is None:
        return False
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return not poll.poll(0)


def _as_httpx(fault: Exception) -> Exception:
    """The same fault in httpx's words; what is none of the network's stays as it is."""
    if isinstance(fault, TimeoutError):
        return httpx.ReadTimeout("no answer in time")
    if isinstance(fault, HTTPException):
        return httpx.RemoteProtocolError(str(fault) or type(fault).__name__)
    if isinstance(fault, OSError):
        return httpx.ReadError(str(fault))
    return fault
