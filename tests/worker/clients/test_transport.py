"""Connections: TLS, proxies, how many are kept and for how long."""

from __future__ import annotations

import ssl
import time
from typing import TYPE_CHECKING

import httpx
import pytest
import trustme

from tests.worker.clients.erp import Erp, Said
from worker.clients import transport
from worker.clients.base import Caller, ClientPool
from worker.clients.transport import PooledTransport
from worker.errors import NotSent

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Who makes the certificates of these tests."""
    return trustme.CA()


@pytest.fixture
def secure_erp(authority: trustme.CA) -> Iterator[Erp]:
    """An ERP over TLS, with a certificate for localhost."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    server = Erp(context)
    yield server
    server.close()


@pytest.fixture
def trusting(authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that trusts this certificate's maker."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    monkeypatch.setattr(transport, "ssl_context", lambda: context)


@pytest.mark.usefixtures("trusting")
def test_tls_is_spoken(secure_erp: Erp, pool: ClientPool) -> None:
    """A trusted certificate with the right name: calls go through, and share a connection."""
    caller = Caller(secure_erp.url.replace("127.0.0.1", "localhost"), pool)

    replies = [caller.call("POST", "/v1/x", body=b"{}") for _ in range(2)]

    assert [reply.status for reply in replies] == [200, 200]
    assert len({asked.port for asked in secure_erp.asked}) == 1


def test_unknown_authority_is_refused(secure_erp: Erp, pool: ClientPool) -> None:
    """A certificate from nobody we know: nothing is said to that server."""
    with pytest.raises(NotSent, match="certificate verify failed"):
        Caller(secure_erp.url.replace("127.0.0.1", "localhost"), pool).call("POST", "/v1/x")

    assert secure_erp.asked == []


@pytest.mark.usefixtures("trusting")
def test_other_name_is_refused(secure_erp: Erp, pool: ClientPool) -> None:
    """A certificate made out to another name."""
    with pytest.raises(NotSent, match="certificate verify failed"):
        Caller(secure_erp.url, pool).call("POST", "/v1/x")


def test_one_context_for_all() -> None:
    """Making a TLS context is dear: there is one."""
    assert transport.ssl_context() is transport.ssl_context()


def test_proxies_of_the_environment_are_not_used(erp: Erp, pool: ClientPool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy variable meant for something else does not carry our tokens."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    assert Caller(erp.url, pool).call("GET", "/v1/x").status == 200


def test_idle_connection_grows_old(erp: Erp) -> None:
    """A connection that was idle for longer than its time is not written to again."""
    with ClientPool(transport=PooledTransport(connect=1, read=1, idle_most=0.05)) as pool:
        caller = Caller(erp.url, pool)
        for pause in (0.0, 0.1):
            caller.call("GET", "/v1/x")
            time.sleep(pause)
        caller.call("GET", "/v1/x")

    ports = [asked.port for asked in erp.asked]
    assert ports[0] == ports[1] != ports[2]


def test_no_more_than_asked_are_kept(erp: Erp) -> None:
    """Beyond the number to keep, a connection is closed after its use."""
    with PooledTransport(connect=1, read=1, keep=1) as shelf:
        request = httpx.Request("GET", f"{erp.url}/v1/x")
        first, second = shelf.handle_request(request), shelf.handle_request(request)
        for response in (first, second):
            response.read()
            response.close()
        for _ in range(2):
            shelf.handle_request(request).read()

    ports = [asked.port for asked in erp.asked]
    assert ports[0] != ports[1]
    assert ports[2] == ports[1]


def test_unread_answer_ends_its_connection(erp: Erp) -> None:
    """An answer that nobody read to its end must not be mistaken for the next one's."""
    erp.else_ = Said(200, b"x" * 500_000)
    with PooledTransport(connect=1, read=1) as shelf:
        request = httpx.Request("GET", f"{erp.url}/v1/x")
        shelf.handle_request(request).close()
        answer = shelf.handle_request(request)
        body = answer.read()
        answer.close()

    assert len(body) == 500_000
    assert erp.asked[0].port != erp.asked[1].port


def test_chunked_answer_is_read(erp: Erp, pool: ClientPool) -> None:
    """An answer without a length, in chunks, is read to its end, and the connection is kept."""
    erp.says(Said(200, b"4\r\n[1, \r\n2\r\n2]\r\n0\r\n\r\n", {"Transfer-Encoding": "chunked", "Content-Length": ""}), Said(200, {}))
    caller = Caller(erp.url, pool)

    assert caller.call("GET", "/v1/x").json() == [1, 2]
    caller.call("GET", "/v1/x")
    assert len({asked.port for asked in erp.asked}) == 1
