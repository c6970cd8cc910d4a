"""The API: commands and questions of people and programs, by key. Its routes are one table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from webhooks.api import actions, acts, batches, connections, deliveries, failures, jobs
from webhooks.api.asking import Route
from webhooks.bodies import LIMIT

if TYPE_CHECKING:
    from collections.abc import Sequence

BATCH_LIMIT: Final = 16 * 1024 * 1024

ROUTES: Final[Sequence[Route]] = (
    Route("POST", "/api/jobs", "operate", jobs.create, LIMIT),
    Route("GET", "/api/jobs", "view", jobs.listed),
    Route("POST", "/api/jobs/actions", "operate", actions.create, LIMIT),
    Route("GET", "/api/actions", "view", actions.listed),
    Route("GET", "/api/actions/<id>", "view", actions.shown),
    Route("POST", "/api/actions/<id>/stop", "operate", actions.stop, LIMIT),
    Route("GET", "/api/jobs/<id>", "view", jobs.shown),
    Route("POST", "/api/jobs/<id>/replay", "operate", jobs.replay, LIMIT),
    Route("POST", "/api/jobs/<id>/cancel", "operate", jobs.cancel, LIMIT),
    Route("POST", "/api/jobs/<id>/discard", "operate", jobs.discard, LIMIT),
    Route("POST", "/api/jobs/<id>/done", "operate", jobs.done, LIMIT),
    Route("POST", "/api/jobs/<id>/ask", "operate", jobs.hasten, LIMIT),
    Route("POST", "/api/batches", "operate", batches.create, BATCH_LIMIT),
    Route("GET", "/api/batches", "view", batches.listed),
    Route("GET", "/api/batches/<id>", "view", batches.shown),
    Route("GET", "/api/batches/<id>/stream", "view", batches.stream),
    Route("POST", "/api/batches/<id>/pause", "operate", batches.pause, LIMIT),
    Route("POST", "/api/batches/<id>/resume", "operate", batches.resume, LIMIT),
    Route("POST", "/api/batches/<id>/cancel", "operate", batches.cancel, LIMIT),
    Route("GET", "/api/failures", "view", failures.listed),
    Route("POST", "/api/failures/<failure>/acknowledge", "operate", failures.acknowledge, LIMIT),
    Route("POST", "/api/failures/<failure>/reopen", "operate", failures.reopen, LIMIT),
    Route("GET", "/api/deliveries", "view", deliveries.listed),
    Route("POST", "/api/deliveries/replay", "operate", deliveries.replay_range, LIMIT),
    Route("GET", "/api/deliveries/<id>", "view", deliveries.shown),
    Route("POST", "/api/deliveries/<id>/replay", "operate", deliveries.replay, LIMIT),
    Route("GET", "/api/acts", "view", acts.listed),
    Route("GET", "/api/connections", "view", connections.listed),
    Route("POST", "/api/connections/<tenant>/<erp>/pause", "admin", connections.pause, LIMIT),
    Route("POST", "/api/connections/<tenant>/<erp>/resume", "admin", connections.resume, LIMIT),
    Route("PATCH", "/api/connections/<tenant>/<erp>", "admin", connections.change, LIMIT),
)
