"""Metrics of this program, in Prometheus' words. Several processes of one machine may share them through files in one folder."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest, values
from prometheus_client.multiprocess import MultiProcessCollector

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from prometheus_client import Metric

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
_STORE_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_REQUEST_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)


def share(folder: Path) -> None:
    """Metrics made from here on, by this process and its children, live in `folder`; each shows the sum of all. Call it before a fork."""
    os.environ[FOLDER] = str(folder)
    values.ValueClass = values.MultiProcessValue()  # type: ignore[no-untyped-call] # chosen when the library was imported, which may be earlier than this


class Metrics:
    """The counters of one program. `text` is what a scrape gets; what the ledger knows comes as `gathered`."""

    def __init__(self) -> None:
        own = self._own = CollectorRegistry(auto_describe=False)
        self.deliveries = Counter("kitrelay_deliveries", "What arrived, by what became of it", ("tenant", "source", "state"), registry=own)
        self.requests = Counter(
            "kitrelay_requests", "Requests of the API, by route and status", ("method", "route", "status"), registry=own
        )
        self.request_seconds = Histogram(
            "kitrelay_request_seconds", "Time of the API's requests", ("route",), buckets=_REQUEST_SECONDS, registry=own
        )
        self.store_seconds = Histogram(
            "kitrelay_store_seconds", "Time to store a group of deliveries", buckets=_STORE_SECONDS, registry=own
        )
        self.stored_together = Histogram(
            "kitrelay_stored_together", "Deliveries stored in one transaction", buckets=(1, 2, 4, 8, 16, 32, 64), registry=own
        )

    def text(self, gathered: Iterable[Metric]) -> bytes:
        """The exposition of all processes' counters, and of what was gathered."""
        shown = CollectorRegistry(auto_describe=False)
        shown.register(_Given(gathered))
        if os.environ.get(FOLDER):
            MultiProcessCollector(shown)  # type: ignore[no-untyped-call]
            return generate_latest(shown)
        return generate_latest(self._own) + generate_latest(shown)


class _Given:
    """A collector of metrics that are known already."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = tuple(metrics)

    def collect(self) -> Iterable[Metric]:
        """All of them."""
        return self._metrics
