"""An ERP that says what a test scripted, over a real socket."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True)
class Said:
    """One scripted answer after `wait` seconds. `drop` ends the connection instead, `cut` in mid-body, `hang_up` after it."""

    status: int = 200
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    wait: float = 0.0
    drop: bool = False
    cut: bool = False
    hang_up: bool = False

    def raw(self) -> bytes:
        """The body's bytes: as given, or as JSON."""
        if self.body is None:
            return b""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it arrived; `port` tells the connections apart."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    port: int


class _Server(ThreadingTCPServer):
    request_queue_size = 128  # many threads call at once
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is part of the play."""


class Erp:
    """Answers from `script`, then from `else_`; keeps what was asked in `asked`."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.script: deque[Said] = deque()
        self.else_: Said | Callable[[Asked], Said] = Said(200, {})
        self.asked: list[Asked] = []
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._tls = tls
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._server.server_address[1]}"

    def says(self, *answers: Said) -> None:
        """Give these answers next."""
        self.script.extend(answers)

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, asked: Asked) -> Said:
        """The next answer."""
        self.asked.append(asked)
        try:
            return self.script.popleft()
        except IndexError:
            return self.else_(asked) if callable(self.else_) else self.else_

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        erp = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_arguments: Any) -> None:
                return

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                said = erp.answer(Asked(self.command, self.path, headers, body, self.client_address[1]))
                time.sleep(said.wait)
                self.close_connection = said.drop or said.cut or said.hang_up
                if not said.drop:
                    self.send(said)

            def send(self, said: Said) -> None:
                raw = said.raw()
                self.send_response(said.status)
                headers = {"Content-Type": "application/json", "Content-Length": str(len(raw)), **said.headers}
                for name, value in headers.items():
                    if value:
                        self.send_header(name, value)
                self.end_headers()
                try:
                    self.wfile.write(raw[: len(raw) // 2] if said.cut else raw)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815 (the base class looks for these)

        return Handler
