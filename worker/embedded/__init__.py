"""A Redis server of our own, for one machine: started by whoever needs it first, shared by all, stopped by the last."""

from __future__ import annotations

import atexit
import threading
from typing import TYPE_CHECKING, Final

from worker.embedded.program import find_server
from worker.embedded.server import EmbeddedRedis

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["EmbeddedRedis", "embedded_url", "find_server", "running_url"]

_held: Final[dict[Path, EmbeddedRedis]] = {}


def embedded_url(directory: Path) -> str:
    """Start or find the server of this folder, keep it alive as long as this process lives, and give its address."""
    key = directory.absolute()
    if key not in _held:
        server = EmbeddedRedis(key).__enter__()
        _held[key] = server
        stop = threading.Event()
        watcher = threading.Thread(target=server.watch, args=(stop,), name="embedded-redis", daemon=True)
        watcher.start()
        atexit.register(_leave, server, stop, watcher)
    return _held[key].url


def running_url(directory: Path) -> str | None:
    """The address of this folder's server if somebody keeps one running; it is not kept by this."""
    return EmbeddedRedis(directory).running()


def _leave(server: EmbeddedRedis, stop: threading.Event, watcher: threading.Thread) -> None:
    stop.set()
    watcher.join(timeout=5.0)
    server.__exit__()
