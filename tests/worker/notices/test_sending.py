"""One POST, over a real socket: what arrives, what is kept, and where it does not go."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
import trustme

from tests.worker.clients.erp import Erp, Said
from worker.clients import transport
from worker.clients.exchanges import MOST, recorded
from worker.errors import CallError, NotSent, Rejected, Unclear
from worker.notices.addresses import resolve
from worker.notices.sending import Sender

if TYPE_CHECKING:
    from collections.abc import Iterator

BODY = b'{"type":"job.succeeded"}'
HERE = ("127.0.0.1",)


@pytest.fixture
def receiver() -> Iterator[Erp]:
    """Somebody who is told."""
    server = Erp()
    yield server
    server.close()


@pytest.fixture
def sender() -> Iterator[Sender]:
    """What sends; a quarter of a second is long enough for an answer."""
    found = Sender(resolve, answer=0.25)
    yield found
    found.close()


def test_arrives_as_it_is(receiver: Erp, sender: Sender) -> None:
    """Body and headers arrive as given, with the whole path; each status is an answer, and the connection is used again."""
    receiver.says(Said(204), Said(500, {"message": "no"}))
    found = [sender.post(f"{receiver.url}/hooks/T0?a=1", BODY, {"webhook-id": "m"}, allow_private=True) for _ in range(2)]
    assert [reply.status for reply in found] == [204, 500]
    asked = receiver.asked[0]
    assert (asked.method, asked.path, asked.body, asked.headers["webhook-id"]) == ("POST", "/hooks/T0?a=1", BODY, "m")
    assert asked.headers["content-type"] == "application/json"
    assert len({each.port for each in receiver.asked}) == 1


def test_secrets_are_not_kept(receiver: Erp, sender: Sender) -> None:
    """What is kept of a call has no path, no query, no secret of the body's, and 4 KiB of the answer at most."""
    receiver.says(Said(200, b'{"token": "answer-secret"}' + b" " * 20_000))
    with recorded() as exchanges:
        headers = {"webhook-id": "m", "webhook-signature": "v1,header-secret"}
        sender.post(f"{receiver.url}/path-secret?key=query-secret", b'{"password": "body-secret"}', headers, allow_private=True)
    (kept,) = exchanges
    assert "secret" not in repr(kept).replace("secrets", "")
    assert (kept.method, kept.status, kept.url) == ("POST", 200, f"{receiver.url}/…")
    assert kept.headers == {"Content-Type": "application/json", "webhook-id": "m", "webhook-signature": "***"}
    assert kept.response is not None
    assert len(kept.response) < MOST + 40


def test_redirect_not_followed(receiver: Erp, sender: Sender) -> None:
    """A redirect is an answer like any other."""
    receiver.says(Said(307, headers={"Location": f"{receiver.url}/elsewhere"}))
    assert sender.post(receiver.url, BODY, {}, allow_private=True).status == 307
    assert len(receiver.asked) == 1


@pytest.mark.parametrize(("said", "seconds"), [("7", 7.0), ("999999", 3600.0), ("-3", 0.0), ("soon", None)])
def test_wait_within_bounds(receiver: Erp, sender: Sender, said: str, seconds: float | None) -> None:
    """`Retry-After` is read, and at most an hour."""
    receiver.says(Said(503, headers={"Retry-After": said}))
    assert sender.post(receiver.url, BODY, {}, allow_private=True).retry_after == seconds


def test_inner_address_not_called(receiver: Erp, sender: Sender) -> None:
    """Without leave to, nothing goes to this machine; the error names no path."""
    with recorded() as exchanges, pytest.raises(Rejected, match="not a public address") as caught:
        sender.post(f"{receiver.url}/path-secret", BODY, {}, allow_private=False)
    assert receiver.asked == []
    assert exchanges[0].status is None
    assert "path-secret" not in str(caught.value)


def test_leave_is_not_lent(receiver: Erp, sender: Sender) -> None:
    """A connection that a receiver with leave has open is not used for one without."""
    sender.post(receiver.url, BODY, {}, allow_private=True)
    with pytest.raises(Rejected):
        sender.post(receiver.url, BODY, {}, allow_private=False)
    assert len(receiver.asked) == 1


@pytest.mark.parametrize(("said", "error"), [(Said(wait=1.0), Unclear), (Said(drop=True), Unclear)])
def test_no_answer_is_unclear(receiver: Erp, sender: Sender, said: Said, error: type[CallError]) -> None:
    """Who keeps silent, or hangs up, may have taken it."""
    receiver.says(said)
    with pytest.raises(error):
        sender.post(receiver.url, BODY, {}, allow_private=True)


def test_status_counts_alone(receiver: Erp, sender: Sender) -> None:
    """A body that breaks off after a good status changes nothing."""
    receiver.says(Said(200, b"x" * 1000, cut=True))
    assert sender.post(receiver.url, BODY, {}, allow_private=True).status == 200


def test_nobody_there(sender: Sender) -> None:
    """Without a connection nothing was sent; nor where the name leads nowhere."""
    with pytest.raises(NotSent):
        sender.post("http://127.0.0.1:9/hooks", BODY, {}, allow_private=True)
    with pytest.raises(NotSent, match="no connection to shop\\.invalid"):
        Sender(lambda _host, _port: ()).post("https://shop.invalid/hooks", BODY, {}, allow_private=True)


def test_name_stays_in_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection goes to the checked address; certificate, server name and Host header are those of the name."""
    authority = trustme.CA()
    server_context, client_context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    authority.issue_cert("shop.test").configure_cert(server_context)
    authority.configure_trust(client_context)
    names = []
    server_context.sni_callback = lambda _socket, name, _context: names.append(name)
    monkeypatch.setattr(transport, "ssl_context", lambda: client_context)
    server = Erp(server_context)
    try:
        port = server.url.rpartition(":")[2]
        sender = Sender(lambda _host, _port: HERE, answer=5.0)
        assert sender.post(f"https://shop.test:{port}/", BODY, {}, allow_private=True).status == 200
        with pytest.raises(NotSent, match=r"other\.test"):
            sender.post(f"https://other.test:{port}/", BODY, {}, allow_private=True)
        sender.close()
    finally:
        server.close()
    assert server.asked[0].headers["host"] == f"shop.test:{port}"
    assert names[0] == "shop.test"


def test_dragging_head_ends(sender: Sender) -> None:
    """Nobody keeps a slot by sending headers a byte at a time: each byte is in time, the answer is not."""
    over = threading.Event()

    def drag(listening: socket.socket) -> None:
        with listening, listening.accept()[0] as connection, suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
            while not over.wait(0.05):
                connection.sendall(b"x")

    listening = socket.create_server(("127.0.0.1", 0))
    dragging = threading.Thread(target=drag, args=(listening,))
    dragging.start()
    try:
        with pytest.raises(Unclear, match="did not answer in time"):
            sender.post(f"http://127.0.0.1:{listening.getsockname()[1]}/", BODY, {}, allow_private=True)
        assert not over.is_set()
    finally:
        over.set()
        dragging.join(20)


def test_dragging_body_ends(receiver: Erp) -> None:
    """A body that comes for ever is read no longer than an answer may take."""
    receiver.says(Said(200, b"x" * 100, headers={"Content-Length": "1000000"}))
    started = time.monotonic()
    assert Sender(resolve, answer=0.25).post(receiver.url, BODY, {}, allow_private=True).status == 200
    assert time.monotonic() - started < 20.0
