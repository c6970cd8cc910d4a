"""The web role's processes: gunicorn with gevent workers, where slow clients cost nothing (twenty stop threads and sync workers)."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gunicorn.app.base import BaseApplication

from worker import metrics

if TYPE_CHECKING:
    from flask import Flask

    from worker.settings import Settings

GRACE: Final = 20
"""Seconds that requests under way have to end after SIGTERM."""

OPTIONS: Final[dict[str, Any]] = {
    "worker_class": "webhooks.gevent_worker.Worker",
    "worker_connections": 2000,
    "backlog": 2048,
    "timeout": 60,
    "graceful_timeout": GRACE,
    "keepalive": 5,  # also the time that a client has for the head of a request
    "limit_request_line": 4094,
    "limit_request_fields": 60,
    "limit_request_field_size": 8190,
    "accesslog": None,  # an address may hold a token
    "errorlog": "-",
    "loglevel": "warning",
    "proc_name": "kitrelay-web",
    "control_socket_disable": True,
}
"""What gunicorn is told; an option that its version does not know is left out."""


class Server(BaseApplication):  # type: ignore[misc] # gunicorn carries no types
    """One gunicorn of our own: no command line, no configuration file."""

    def __init__(self, settings: Settings, host: str) -> None:
        self._settings = settings
        self._host = host
        super().__init__()

    def load_config(self) -> None:
        """Our options, and what the settings say."""
        told = {**OPTIONS, "bind": f"{self._host}:{self._settings.port}", "workers": self._settings.web_processes, "worker_exit": _close}
        for name, value in told.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Flask:
        """The app of one worker process. gunicorn calls it after the fork, so that engine and bell belong to one process."""
        from webhooks.app import create_app  # noqa: PLC0415 - loaded where it is used: the master only watches
        from webhooks.greenlets import Greenlets  # noqa: PLC0415 - gevent's threads must not be made before the fork

        return create_app(self._settings, concurrency=Greenlets())


def run(settings: Settings, host: str = "0.0.0.0") -> None:  # noqa: S104 - a server is there to be reached
    """Serve until SIGTERM or SIGINT, then let requests end. Leaves by `SystemExit`, as gunicorn does."""
    folder = Path(tempfile.mkdtemp(prefix="kitrelay-metrics-"))
    metrics.share(folder)
    try:
        Server(settings, host).run()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _close(_server: object, worker: Any) -> None:  # noqa: ANN401 - gunicorn's hook
    """A worker process ends: publish what is to be rung, give the connections back."""
    app = getattr(worker.app, "callable", None)
    if app is None:
        return
    database, bell = app.extensions["kitrelay"]
    for rates in app.extensions["kitrelay-rates"]:
        rates.close()
    bell.close()
    database.close()
