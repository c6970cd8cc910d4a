"""A sandbox and a receiver on threads of this process, and a client that has a token."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

import httpx
import uvloop

from worker.sandbox import SandboxSettings, serve

if TYPE_CHECKING:
    from collections.abc import Callable

BACKGROUND = "erp-api-background"
PATIENCE = 5.0
TLS = ssl.create_default_context()  # made once: it costs more than a whole test


def until(ready: Callable[[], object]) -> None:
    """Wait until something is true; fail when it does not become so."""
    end = time.monotonic() + PATIENCE
    while not ready():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.005)


class RunningSandbox:
    """A sandbox on a thread of its own."""

    def __init__(self, settings: SandboxSettings) -> None:
        self.settings = settings
        self.port = 0
        self._up = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._up.wait(PATIENCE)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        await serve(self.settings, self._ready, self._stop)

    def _ready(self, port: int) -> None:
        self.port = port
        self._up.set()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a sandbox that is stopped leaves connections behind."""


@dataclass(frozen=True)
class Received:
    """One request that reached the receiver."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def content(self) -> Any:
        """The body's JSON."""
        return json.loads(self.body)


@dataclass
class Receiver:
    """Takes notifications; answers with `statuses` first, then with 200."""

    received: list[Received] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    def __enter__(self) -> Self:
        handler = type("Handler", (_Handler,), {"receiver": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}/hook?company=demo"

    def clear(self) -> None:
        """Forget all."""
        self.received.clear()
        self.statuses.clear()

    def wait(self, count: int = 1) -> list[Received]:
        """What came, once there is so much of it."""
        until(lambda: len(self.received) >= count)
        return self.received


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    receiver: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.receiver.statuses.pop(0) if self.receiver.statuses else 200
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")
        self.receiver.received.append(Received(self.path, {name.lower(): value for name, value in self.headers.items()}, body))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


class Erp:
    """The sandbox as its users see it: an API client with a token for one company, and the owner's routes."""

    def __init__(self, url: str, company: str = "demo") -> None:
        self.url, self.company = url, company
        self.http = httpx.Client(base_url=url, timeout=PATIENCE, verify=TLS)
        self.owner = httpx.Client(base_url=f"{url}/_sandbox", timeout=PATIENCE, verify=TLS)

    def __enter__(self) -> Self:
        self.sign_in()
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()
        self.owner.close()

    def token(self, **changes: str) -> httpx.Response:
        """Ask for a token, with other fields if so wished."""
        name = self.company
        form = {"grant_type": "client_credentials", "client_id": f"{name}-client", "client_secret": f"{name}-secret", "tenant_id": name}
        return self.http.post("/connect/token", data=form | changes)

    def sign_in(self, **changes: str) -> None:
        """Use a new token from here on."""
        self.http.headers["Authorization"] = f"Bearer {self.token(**changes).json()['access_token']}"

    def make(self, count: int = 1, **more: Any) -> dict[str, Any]:
        """New documents of the company."""
        answer = self.owner.post("/documents", json={"count": count, "company": self.company, **more})
        assert answer.status_code == 201
        return dict(answer.json())

    def change(self, **changes: Any) -> httpx.Response:
        """Change settings."""
        return self.owner.patch("/settings", json=changes)

    def counts(self, *, documents: bool = False) -> dict[str, Any]:
        """The company's numbers."""
        answer = self.owner.get("/counts", params={"documents": "1"} if documents else {})
        return dict(answer.json()["visma"]["companies"][self.company])

    def hits(self) -> dict[str, int]:
        """How often each fault struck."""
        return dict(self.owner.get("/counts").json()["faults"])

    def release(self, number: int = 1, background: str | None = "subscription") -> httpx.Response:
        """Release a production document."""
        headers = {BACKGROUND: background} if background else {}
        return self.http.post(f"/v1/kitassembly/P/{number:06}/action/release", headers=headers)

    def get(self, number: int = 1) -> dict[str, Any]:
        """A production document."""
        return dict(self.http.get(f"/v1/kitassembly/P/{number:06}").json())

    def status(self, number: int = 1) -> str:
        """Its status."""
        return str(self.get(number)["status"])

    def state(self, operation_id: str) -> dict[str, Any]:
        """The state of an operation."""
        return dict(self.http.get(f"/v1/background/{operation_id}").json())

    def ended(self, answer: httpx.Response) -> dict[str, Any]:
        """The state of a background operation after its end."""
        operation_id = answer.json()["id"]
        until(lambda: self.state(operation_id)["status"] != "Started")
        return self.state(operation_id)
