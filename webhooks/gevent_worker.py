"""gunicorn's gevent worker without monkey patching: our app does what blocks in real threads (`webhooks.greenlets`)."""

from __future__ import annotations

from typing import Any

from gevent import socket
from gunicorn.workers.ggevent import GeventWorker


class Worker(GeventWorker):  # type: ignore[misc] # gunicorn carries no types
    """Only the listening sockets become gevent's."""

    def patch(self) -> None:
        """Nothing of the standard library is changed: locks stay real, and the databases' drivers work as everywhere."""
        self.sockets: list[Any] = [socket.socket(each.FAMILY, socket.SOCK_STREAM, fileno=each.sock.detach()) for each in self.sockets]

    def handle_exit(self, sig: int, frame: object) -> None:
        """Told to end: what would go on for long ends first, so that nobody waits for it."""
        app = getattr(self, "wsgi", None)
        if app is not None:
            app.extensions["kitrelay-streams"].close()
        super().handle_exit(sig, frame)
