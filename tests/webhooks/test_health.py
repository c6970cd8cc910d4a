"""Health and metrics: what a platform and an operator look at."""

from __future__ import annotations

import socket
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from webhooks.health import Doctor
from worker.errors import LedgerUnavailable
from worker.jobs import fleet, limits
from worker.jobs.model import Lane

if TYPE_CHECKING:
    import pytest

    from tests.webhooks.world import World


def away() -> Any:
    """What a dead database does."""
    raise LedgerUnavailable("the database can't be used")


def look(world: World, redis_url: str = "") -> dict[str, str]:
    """A first look at everything."""
    health = Doctor(replace(world.settings, redis_url=redis_url), world.database, lambda: world.now).look()
    return {"ledger": health.ledger, "broker": health.broker, "workers": health.workers, "progress": health.progress}


def test_all_is_well(world: World, redis_url: str) -> None:
    """Ledger, broker, a worker that beats, and nothing that waits."""
    with world.database.write() as connection:
        fleet.enlist(connection, "w-1", "here:1", "worker", world.now)

    assert look(world, redis_url) == dict.fromkeys(("ledger", "broker", "workers", "progress"), "ok")


def test_dead_broker_keeps_the_receiver(small_world: World) -> None:
    """No broker and no worker: the receiver is ready still, and says what is wrong; a broker that hangs is not waited for."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(0)
        found = look(small_world, f"redis://127.0.0.1:{silent.getsockname()[1]}")

    assert found["ledger"] == "ok"
    assert found["broker"].startswith("can't be reached")
    assert found["workers"] == "no worker is alive"
    assert small_world.client.get("/readyz").status_code == 200


def test_dead_ledger_is_not_ready(small_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What can't store is not ready, but alive."""
    monkeypatch.setattr(small_world.database, "write", away)
    monkeypatch.setattr(small_world.database, "read", away)

    answer = small_world.ask("GET", "/readyz", None)

    assert answer.status_code == 503
    assert answer.json["ledger"] == "the database can't be used"
    assert set(answer.json) == {"ledger", "broker", "workers", "progress"}
    assert small_world.ask("GET", "/healthz", None).json == {"status": "ok"}
    assert small_world.ask("GET", "/metrics", None).status_code == 200


def test_stuck_work_shows(world: World) -> None:
    """Work that is due for a minute while nothing moves is no progress; on a paused connection, or with moves, it is none to blame."""
    job = world.job()
    world.pass_time(seconds=61)
    assert look(world)["progress"] == "work is due since 2026-03-04T12:00:00Z and nothing moves"

    with world.database.write() as connection:
        limits.set_paused(world.database, connection, Lane("acme", "visma"), "ops", world.now)
    assert look(world)["progress"] == "ok"

    with world.database.write() as connection:
        limits.set_paused(world.database, connection, Lane("acme", "visma"), None, world.now)
    other = world.job("2", run_at=(world.now + timedelta(hours=1)).isoformat())
    assert world.ask("POST", f"/api/jobs/{other}/cancel").status_code == 200
    assert look(world)["progress"] == "ok"
    assert job != other


def test_metrics_tell_the_ledger(world: World) -> None:
    """Jobs by state, the longest wait, and this program's own counters."""
    first = world.job("1")
    for n in range(2, 5):
        world.job(str(n))
    assert world.ask("POST", f"/api/jobs/{first}/cancel").status_code == 200
    world.pass_time(seconds=90)

    text = world.ask("GET", "/metrics", None).text

    assert 'kitrelay_jobs{erp="visma",state="queued",tenant="acme"} 3.0' in text
    assert 'kitrelay_jobs{erp="visma",state="cancelled",tenant="acme"} 1.0' in text
    assert 'kitrelay_oldest_due_seconds{erp="visma",tenant="acme"} 90.0' in text
    assert 'kitrelay_requests_total{method="POST",route="/api/jobs",status="202"} 4.0' in text
