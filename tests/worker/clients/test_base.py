"""One call: what each end of it becomes."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.worker.clients.erp import Said
from worker.clients.base import Caller, ClientPool
from worker.errors import AuthRefused, BadAnswer, CallError, Missing, NotSent, RateLimited, Rejected, Unclear
from worker.settings import Timing
from worker.version import VERSION

if TYPE_CHECKING:
    from tests.worker.clients.erp import Erp
    from worker.clients.answers import Answer

ENDS = [
    (400, "POST", Rejected, "validation"),
    (400, "GET", Rejected, "validation"),
    (401, "POST", AuthRefused, "auth"),
    (403, "GET", AuthRefused, "auth"),
    (404, "GET", Missing, "missing_reference"),
    (410, "GET", Missing, "missing_reference"),
    (408, "POST", Unclear, "timeout"),
    (409, "PUT", Rejected, "conflict"),
    (412, "PUT", Rejected, "conflict"),
    (422, "POST", Rejected, "validation"),
    (429, "POST", RateLimited, "rate_limited"),
    (500, "POST", Unclear, "unavailable"),
    (503, "DELETE", Unclear, "unavailable"),
    (502, "GET", CallError, "unavailable"),
    (301, "GET", Rejected, "validation"),
    (302, "POST", Unclear, "unavailable"),
]


@pytest.fixture
def told() -> list[Answer]:
    """What the observer was told."""
    return []


@pytest.fixture
def caller(erp: Erp, pool: ClientPool, told: list[Answer]) -> Caller:
    """Calls to the scripted ERP, without a token."""
    return Caller(erp.url, pool, observe=told.append)


@pytest.mark.parametrize(("status", "method", "expected", "error_class"), ENDS)
def test_status_becomes_error(
    erp: Erp, caller: Caller, told: list[Answer], status: int, method: str, expected: type[CallError], error_class: str
) -> None:
    """Each status has its exception, with the ERP's words, the status and the class; the observer hears of it."""
    erp.says(Said(status, {"message": "No."}))

    with pytest.raises(CallError) as caught:
        caller.call(method, "/v1/x")

    assert type(caught.value) is expected
    assert (caught.value.error_class, caught.value.status) == (error_class, status)
    assert "No." in caught.value.message
    assert [(answer.status, answer.error_class) for answer in told] == [(status, error_class)]


def test_reply_is_read(erp: Erp, caller: Caller, told: list[Answer]) -> None:
    """A 2xx gives its JSON with exact numbers; the request carries our name and accepts compression."""
    erp.says(Said(200, gzip.compress(b'{"quantity": 0.10}'), {"Content-Encoding": "gzip", "X-RateLimit-Remaining": "7"}))

    reply = caller.call("GET", "/v1/x?a=b")

    assert str(reply.json()["quantity"]) == "0.10"
    assert erp.asked[0].path == "/v1/x?a=b"
    assert erp.asked[0].headers["user-agent"] == f"kitrelay/{VERSION}"
    assert "gzip" in erp.asked[0].headers["accept-encoding"]
    assert (told[0].remaining, told[0].error_class) == (7, None)


def test_post_without_body(erp: Erp, caller: Caller) -> None:
    """A release has no body: its length is sent as 0, since servers ask for it, and no content type."""
    caller.call("POST", "/v1/x")

    assert erp.asked[0].headers["content-length"] == "0"
    assert "content-type" not in erp.asked[0].headers


def test_retry_after_is_carried(erp: Erp, caller: Caller) -> None:
    """The seconds that the ERP asks us to wait come with the error; without them, those until its window starts anew."""
    erp.says(Said(429, {}, {"Retry-After": "411"}), Said(429, {}, {"X-RateLimit-Reset": "30"}), Said(503, {}, {"Retry-After": "9"}))

    waits = [_error(caller, "POST").retry_after for _ in range(3)]

    assert waits == [411.0, 30.0, 9.0]


def test_redirect_is_not_followed(erp: Erp, caller: Caller) -> None:
    """An address in an answer is never called."""
    erp.says(Said(307, {}, {"Location": f"{erp.url}/elsewhere"}))

    _error(caller, "POST")

    assert [asked.path for asked in erp.asked] == ["/v1/x"]


def test_cookies_are_not_kept(erp: Erp, caller: Caller) -> None:
    """What one tenant's answer sets never goes out with another's call."""
    erp.says(Said(200, {}, {"Set-Cookie": "session=1"}), Said(200, {}))

    caller.call("GET", "/v1/x")
    caller.call("GET", "/v1/x")

    assert "cookie" not in erp.asked[1].headers


@pytest.mark.parametrize(("method", "expected"), [("POST", Unclear), ("GET", CallError)])
def test_slow_answer_is_a_timeout(erp: Erp, caller: Caller, told: list[Answer], method: str, expected: type[CallError]) -> None:
    """No answer in time: a write may have been done, a read is just late."""
    erp.says(Said(200, {}, wait=2.0))

    error = _error(caller, method)

    assert type(error) is expected
    assert error.error_class == "timeout"
    assert told[0].status is None


def test_dripping_answer_is_a_timeout() -> None:
    """An answer that goes on and on, each piece in time, is given up after the call's time."""
    with _dripping() as url, ClientPool(Timing(connect=0.1, call=0.3)) as pool, pytest.raises(Unclear) as caught:
        Caller(url, pool).call("POST", "/v1/x")

    assert caught.value.error_class == "timeout"


@pytest.mark.parametrize("said", [Said(drop=True), Said(200, {"a": "b" * 99}, cut=True)])
def test_lost_answer_of_write_is_unclear(erp: Erp, caller: Caller, said: Said) -> None:
    """A connection that ends before the answer does leaves a write in doubt."""
    erp.says(said)

    assert type(_error(caller, "POST")) is Unclear


def test_drop_on_kept_connection_is_unclear(erp: Erp, caller: Caller) -> None:
    """A kept connection that the server ends upon our write: it may have read it, so it is never sent again by itself."""
    erp.says(Said(200, {}), Said(drop=True))

    caller.call("POST", "/v1/x")
    error = _error(caller, "POST")

    assert type(error) is Unclear
    assert len(erp.asked) == 2
    assert erp.asked[0].port == erp.asked[1].port


def test_closed_idle_connection_is_replaced(erp: Erp, caller: Caller) -> None:
    """A kept connection that the server closed while idle is noticed before anything is written to it."""
    erp.says(Said(200, {}, hang_up=True), Said(200, {}))

    caller.call("POST", "/v1/x")
    time.sleep(0.05)
    caller.call("POST", "/v1/x")

    assert len(erp.asked) == 2


def test_connection_is_kept(erp: Erp, caller: Caller) -> None:
    """Calls one after another share a connection, with answers of any kind."""
    erp.says(Said(200, {"a": 1}), Said(204), Said(400, {"message": "No."}), Said(200, {}))

    caller.call("GET", "/v1/x")
    caller.call("DELETE", "/v1/x")
    _error(caller, "POST")
    caller.call("GET", "/v1/x")

    assert len({asked.port for asked in erp.asked}) == 1


def test_refused_connection_is_not_sent(pool: ClientPool, told: list[Answer]) -> None:
    """Nobody listens: the ERP never saw it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    with pytest.raises(NotSent) as caught:
        Caller(f"http://127.0.0.1:{port}", pool, observe=told.append).call("POST", "/v1/x")

    assert caught.value.error_class == "unavailable"
    assert told[0].status is None


def test_unknown_host_is_not_sent(pool: ClientPool) -> None:
    """A name that no one knows: the ERP never saw it."""
    with pytest.raises(NotSent):
        Caller("http://kitrelay.invalid", pool).call("POST", "/v1/x")


def test_failed_handshake_is_not_sent(erp: Erp, pool: ClientPool) -> None:
    """TLS that does not come about: nothing was said yet."""
    with pytest.raises(NotSent):
        Caller(erp.url.replace("http:", "https:"), pool).call("POST", "/v1/x")


def test_large_answer_is_refused(erp: Erp) -> None:
    """An answer beyond the limit is not read on, compressed or not."""
    erp.else_ = Said(200, gzip.compress(b" " * 2_000_000), {"Content-Encoding": "gzip"})
    with ClientPool(Timing(), largest=1_000_000) as pool, pytest.raises(BadAnswer, match="larger than"):
        Caller(erp.url, pool).call("GET", "/v1/x")


def test_body_that_is_not_json(erp: Erp, caller: Caller) -> None:
    """A page of a proxy with status 200 is no answer of the ERP."""
    erp.says(Said(200, b"<html>Sign in</html>", {"Content-Type": "text/html"}))

    with pytest.raises(BadAnswer, match="not JSON"):
        caller.call("GET", "/v1/x").json()


def test_broken_compression(erp: Erp, caller: Caller) -> None:
    """A body that can't be decompressed can't be read."""
    erp.says(Said(200, b"not gzip", {"Content-Encoding": "gzip"}))

    with pytest.raises(BadAnswer):
        caller.call("GET", "/v1/x")


def test_many_threads_share_one_pool(erp: Erp) -> None:
    """Sixteen threads at once are answered, and keep no more connections than threads."""
    with ClientPool() as pool:
        caller = Caller(erp.url, pool)
        threads = [threading.Thread(target=lambda: [caller.call("GET", "/v1/x") for _ in range(10)]) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len(erp.asked) == 160
    assert len({asked.port for asked in erp.asked}) <= 16


def _error(caller: Caller, method: str) -> CallError:
    with pytest.raises(CallError) as caught:
        caller.call(method, "/v1/x")
    return caught.value


class _dripping:  # noqa: N801 (used as a function)
    """A server that sends a byte every 50 ms for two seconds."""

    def __enter__(self) -> str:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._drip, daemon=True)
        self._thread.start()
        return f"http://127.0.0.1:{self._server.getsockname()[1]}"

    def __exit__(self, *_error: object) -> None:
        self._thread.join()
        self._server.close()

    def _drip(self) -> None:
        connection, _ = self._server.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            try:
                while True:
                    connection.sendall(b" ")
                    time.sleep(0.05)
            except OSError:
                return
