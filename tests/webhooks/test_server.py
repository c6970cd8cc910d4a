"""The real thing: gunicorn, its processes, and clients good and bad."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import psutil
import pytest

from tests.webhooks.world import KEY, body, operation
from webhooks.server import GRACE
from webhooks.signatures import visma_signature
from worker.jobs.engine import Database
from worker.jobs.tables import deliveries

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]


@dataclass
class Server:
    """A running web role on a ledger."""

    process: subprocess.Popen[bytes]
    port: int
    database_url: str

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def notify(self, client: httpx.Client) -> httpx.Response:
        """One signed notification."""
        sent = body(id=operation())
        headers = {"content-type": "application/json", "x-vwd-signature-v1": visma_signature(KEY, sent)}
        return client.post(f"{self.url}/webhooks/visma/acme", content=sent, headers=headers)

    def stored(self) -> set[str]:
        """The deliveries that are kept."""
        database = Database(self.database_url)
        with database.read() as connection:
            ids = {row.id for row in connection.execute(deliveries.select())}
        database.close()
        return ids


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def server(ledger_url: str) -> Iterator[Server]:
    """Two processes, up and answering, on a ledger of either kind."""
    with _serving(ledger_url) as running:
        yield running


@pytest.fixture
def sqlite_server(sqlite_url: str) -> Iterator[Server]:
    """The same, for what no database changes."""
    with _serving(sqlite_url) as running:
        yield running


@contextmanager
def _serving(database_url: str) -> Iterator[Server]:
    port = free_port()
    command = [sys.executable, "-m", "tests.webhooks.serve", str(port), database_url, "2"]
    process = subprocess.Popen(command, cwd=ROOT)
    running = Server(process, port, database_url)
    try:
        _wait_until_up(running)
        yield running
    finally:
        process.kill() if process.poll() is None else None
        process.wait(10)


def _wait_until_up(server: Server) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert server.process.poll() is None, "the server ended"
        try:
            if httpx.get(f"{server.url}/healthz", timeout=1).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("the server did not come up")


def test_life_of_a_server(server: Server) -> None:
    """It stores what many send at once, shows metrics of all its processes, lets slow clients be slow, and ends in order under load."""
    _stores_what_many_send(server)
    _shows_all_processes(server)
    _is_not_held_up(server)
    _outlives_a_killed_process(server)
    _ends_in_order(server)


def _stores_what_many_send(server: Server) -> None:
    with httpx.Client() as client, ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda _: server.notify(client), range(200)))
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["delivery"] for answer in answers} == server.stored()


def _shows_all_processes(server: Server) -> None:
    """Whichever process answers, the counters are of all."""
    for _ in range(4):
        text = httpx.get(f"{server.url}/metrics").text
        assert 'kitrelay_deliveries_total{source="visma",state="orphan",tenant="acme"} 200.0' in text


def _is_not_held_up(server: Server) -> None:
    """Fifty clients that send half a head or half a body, and one that is in a hurry."""
    halves = [
        b"POST /webhooks/visma/acme HTTP/1.1\r\nHost: x\r\n",
        b"POST /webhooks/visma/acme HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{",
    ]
    with ExitStack() as stack:
        for n in range(50):
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=5))
            slow.sendall(halves[n % 2])
        with httpx.Client(timeout=4) as client:  # before the slow ones' time is up, and their places with it
            assert {server.notify(client).status_code for _ in range(5)} == {200}


def _outlives_a_killed_process(server: Server) -> None:
    """A killed worker process is replaced, and the other goes on meanwhile."""
    psutil.Process(server.process.pid).children()[0].kill()
    with httpx.Client(transport=httpx.HTTPTransport(retries=3)) as client:
        answers = [server.notify(client) for _ in range(10)]
    assert {answer.status_code for answer in answers} == {200}


def _ends_in_order(server: Server) -> None:
    """SIGTERM under load: every answer that was given was stored before, no process stays, and the exit says that all is well."""
    answered: list[str] = []
    children = psutil.Process(server.process.pid).children()

    def send_until_refused(_: int) -> None:
        with httpx.Client() as client:
            while True:
                try:
                    answer = server.notify(client)
                except httpx.TransportError:
                    return
                assert answer.status_code == 200
                answered.append(answer.json()["delivery"])

    with ThreadPoolExecutor(8) as threads:
        sending = [threads.submit(send_until_refused, n) for n in range(8)]
        while len(answered) < 20:
            time.sleep(0.01)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(20) == 0
        for each in sending:
            each.result(10)
    assert set(answered) <= server.stored()
    assert not [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]


def test_streams_hold_nobody_up(sqlite_server: Server) -> None:
    """Many follow one batch while commands go on: a stream that waits holds no thread; SIGTERM ends streams at once."""
    server = sqlite_server
    ops = {"Authorization": "Bearer ops-key"}
    wanted = {"tenant": "acme", "kind": "release_kit_assembly", "items": [{"type": "P", "ref_no": "1"}]}
    limits = httpx.Limits(max_connections=50)
    with httpx.Client(timeout=20, limits=limits, headers=ops) as client, ExitStack() as open_streams:
        batch = client.post(f"{server.url}/api/batches", json=wanted).json()["id"]
        following = [open_streams.enter_context(client.stream("GET", f"{server.url}/api/batches/{batch}/stream")) for _ in range(16)]
        parts = [stream.iter_text() for stream in following]
        first = ["".join(next(part) for _ in range(2)) for part in parts]
        answers = [client.get(f"{server.url}/api/batches/{batch}").status_code for _ in range(20)]

        asked_at = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        for part in parts:
            list(part)
        server.process.wait(timeout=20)

    assert [stream.status_code for stream in following] == [200] * 16
    assert all("event: progress" in text for text in first)
    assert answers == [200] * 20
    assert time.monotonic() - asked_at < GRACE
