"""An httpx transport over urllib3's connection pool.

httpx's own pool walks all its connections at each call, twice: measured with fifty threads, that costs more than the rest of the call.
urllib3 takes the newest connection from a stack, whatever their number. Requests, responses and exceptions stay httpx's.

Nothing is retried, redirected, decoded or stored as a cookie here. Proxies named in the environment are not used.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Final

import httpx
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, ProtocolError, ReadTimeoutError, SSLError
from urllib3.exceptions import TimeoutError as UrllibTimeout

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

NEVER: Final = urllib3.Retry(False, redirect=False)  # noqa: FBT003 (urllib3's word for: raise what happened)
CHUNK: Final = 65_536


@cache
def ssl_context() -> ssl.SSLContext:
    """The one TLS context of the process: making one takes 25 ms. It honours SSL_CERT_FILE and SSL_CERT_DIR."""
    return httpx.create_ssl_context(trust_env=True)


class _Watched:
    """What our connections add: a failure to connect is told apart from all later ones, and a long idle connection is not used again.

    A firewall may have forgotten an idle connection without a word; a write into it would be lost in doubt.
    """

    idle_most = 5.0
    used_at = 0.0

    def connect(self) -> None:
        """Connect, or raise httpx's ConnectTimeout or ConnectError: nothing has been sent then."""
        try:
            super().connect()  # type: ignore[misc]
        except (UrllibTimeout, TimeoutError) as error:
            raise httpx.ConnectTimeout(str(error)) from error
        except (HTTPError, OSError, ValueError) as error:  # ValueError: certificate and host name faults
            raise httpx.ConnectError(str(error)) from error
        self.used_at = time.monotonic()

    @property
    def is_connected(self) -> bool:
        """Whether the connection may be used again."""
        return bool(time.monotonic() - self.used_at <= self.idle_most and super().is_connected)  # type: ignore[misc]

    def close(self) -> None:
        """Close, and forget when it was used."""
        self.used_at = 0.0
        super().close()  # type: ignore[misc]


class _Plain(_Watched, HTTPConnection):
    """A connection over TCP."""


class _Secure(_Watched, HTTPSConnection):
    """A connection over TLS."""


class _PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Secure


class _Body(httpx.SyncByteStream):
    """The raw bytes of an answer; closing it gives the connection back, or ends it when bytes are left."""

    def __init__(self, response: urllib3.BaseHTTPResponse) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        with _as_httpx():
            yield from self._response.stream(CHUNK, decode_content=False)

    def close(self) -> None:
        if self._response.length_remaining != 0 and not getattr(self._response, "closed", True):
            self._response.close()
        connection = getattr(self._response, "_connection", None)
        if connection is not None:
            connection.used_at = time.monotonic()
        self._response.release_conn()


class PooledTransport(httpx.BaseTransport):
    """Sends one request. `keep` connections to a host are kept for the next calls; more are made when needed and closed after use."""

    def __init__(self, *, connect: float, read: float, keep: int = 128) -> None:
        self._timeout = urllib3.Timeout(connect=connect, read=read)
        self._keep = keep
        self._pools: dict[tuple[str, str, int | None], urllib3.HTTPConnectionPool] = {}
        self._lock = Lock()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The answer, its body yet to be read. Raises httpx's exceptions; after `ConnectError` and `ConnectTimeout` nothing was sent."""
        url = request.url
        with _as_httpx():
            raw = self._pool(url).urlopen(
                request.method,
                url.raw_path.decode("ascii"),
                body=request.read() or None,
                headers={name.decode("ascii"): value.decode("latin-1") for name, value in request.headers.raw},
                retries=NEVER,
                redirect=False,
                assert_same_host=False,
                timeout=self._timeout,
                preload_content=False,
                decode_content=False,
            )
        return httpx.Response(raw.status, headers=list(raw.headers.items()), stream=_Body(raw), request=request)

    def close(self) -> None:
        """Close every idle connection."""
        with self._lock:
            pools, self._pools = list(self._pools.values()), {}
        for pool in pools:
            pool.close()

    def _pool(self, url: httpx.URL) -> urllib3.HTTPConnectionPool:
        key = (url.scheme, url.host, url.port)
        pool = self._pools.get(key)
        if pool is not None:
            return pool
        with self._lock:
            return self._pools.setdefault(key, self._make(url))

    def _make(self, url: httpx.URL) -> urllib3.HTTPConnectionPool:
        if url.scheme == "https":
            return _SecurePool(url.host, url.port, maxsize=self._keep, block=False, ssl_context=ssl_context())
        return _PlainPool(url.host, url.port, maxsize=self._keep, block=False)


@contextmanager
def _as_httpx() -> Iterator[None]:
    try:
        yield
    except ReadTimeoutError as error:
        raise httpx.ReadTimeout("no answer in time") from error
    except ProtocolError as error:
        raise httpx.RemoteProtocolError(_cause(error)) from error
    except (SSLError, HTTPError, OSError) as error:
        raise httpx.ReadError(_cause(error)) from error


def _cause(error: Exception) -> str:
    """What lies beneath urllib3's wrapping, such as `Remote end closed connection without response`."""
    inner = error.args[1] if len(error.args) > 1 else error
    return str(inner) or type(inner).__name__
