"""The embedded Redis of a cluster, kept running."""

from __future__ import annotations

from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import redis

from worker.embedded import EmbeddedRedis

if TYPE_CHECKING:
    from pathlib import Path


class Broker:
    """The embedded Redis, started again when it dies, as long as this is open."""

    def __init__(self, folder: Path) -> None:
        self._server = EmbeddedRedis(folder).__enter__()
        self.url = self._server.url
        self._stop = Event()
        self._watcher = Thread(target=self._server.watch, args=(self._stop,), name="redis", daemon=True)
        self._watcher.start()

    def close(self) -> None:
        """Leave it; the last one out stops it."""
        self._stop.set()
        self._watcher.join()
        self._server.__exit__()


def broker_pid(url: str) -> int:
    """The process of a Redis server."""
    with redis.Redis.from_url(url) as client:
        found: Any = client.info("server")
        return int(found["process_id"])
