"""Notices over HTTP: seen as jobs are, asked for by nobody."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from webhooks import create_app
from worker.jobs import queue
from worker.jobs.changes import Change, apply
from worker.jobs.engine import Database
from worker.jobs.states import State
from worker.notices.announcing import announcer
from worker.settings import NOTICES, SEND_NOTICE, Notice, Secret, Settings, Tenant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.webhooks.world import World

SHOP = Notice("shop", "https://shop.test/hooks", (Secret("s"),))


@pytest.fixture
def telling(world: World) -> Iterator[Database]:
    """The world's ledger as its worker opens it: acme's shop is told of everything."""
    settings = Settings(tenants={"acme": Tenant("acme", notices={"shop": SHOP})})
    opened = Database(world.database.url, announcer(settings))
    yield opened
    opened.close()


def end(world: World, db: Database, *states: State) -> None:
    """A job goes through these states."""
    job = world.find(world.job())
    for state in states:
        with db.write() as connection:
            then = replace(job, state=state, finished_at=world.now if state is State.FAILED else None)
            (kept,) = apply(db, connection, [Change(job, then, "as told", "worker w")], world.now)
        job = kept.after


def test_seen_as_a_job(world: World, telling: Database) -> None:
    """A notice stands in the list of jobs, by kind, with what it says and how it went."""
    end(world, telling, State.RUNNING, State.FAILED)
    (job,) = world.ask("GET", f"/api/jobs?kind={SEND_NOTICE}").json["items"]
    assert (job["kind"], job["erp"], job["state"], job["max_attempts"]) == (SEND_NOTICE, NOTICES, "queued", 12)
    assert (job["reference"], job["arguments"]["type"]) == ("shop: job.failed P/000123", "job.failed")
    shown = world.ask("GET", f"/api/jobs/{job['id']}").json
    assert shown["timeline"] is not None
    assert shown["attempts"] == []


def test_asked_for_by_nobody(world: World, telling: Database) -> None:
    """Neither jobs nor batches of this kind can be made, and what a notice says can't be edited; it can be cancelled and replayed."""
    wanted = {"tenant": "acme", "kind": SEND_NOTICE, "arguments": {"notice": "shop"}}
    assert world.ask("POST", "/api/jobs", json=wanted).status_code == 422
    assert world.ask("POST", "/api/batches", json={"tenant": "acme", "kind": SEND_NOTICE, "items": [{}]}).status_code == 422
    end(world, telling, State.RUNNING, State.FAILED)
    (job,) = world.ask("GET", f"/api/jobs?kind={SEND_NOTICE}").json["items"]
    assert world.ask("POST", f"/api/jobs/{job['id']}/cancel").status_code == 200
    assert world.ask("POST", f"/api/jobs/{job['id']}/replay", json={"arguments": {"notice": "other"}}).status_code == 422
    again = world.ask("POST", f"/api/jobs/{job['id']}/replay")
    assert (again.status_code, again.json["state"], again.json["arguments"]) == (200, "queued", job["arguments"])


def test_no_connection(world: World, telling: Database) -> None:
    """The lane of notices is no connection to an ERP: not listed, not paused; metrics count its jobs."""
    end(world, telling, State.RUNNING, State.FAILED)
    listed = world.ask("GET", "/api/connections", "root-key").json["items"]
    assert NOTICES not in {each["erp"] for each in listed}
    assert world.ask("POST", f"/api/connections/acme/{NOTICES}/pause", "root-key").status_code == 404
    assert f'kitrelay_jobs{{erp="{NOTICES}",state="queued",tenant="acme"}} 1.0' in world.ask("GET", "/metrics", None).text


def test_cancelled_batch_is_told(world: World) -> None:
    """A batch that a person cancels over HTTP is told: the receiver's process knows whom to tell."""
    tenants = {**world.settings.tenants, "acme": replace(world.settings.tenants["acme"], notices={"shop": SHOP})}
    app = create_app(replace(world.settings, tenants=tenants), None, world.bell, clock=lambda: world.now)
    client, key = app.test_client(), {"Authorization": "Bearer ops-key"}
    batch = {"tenant": "acme", "kind": "release_kit_assembly", "items": [{"type": "P", "ref_no": "000001"}]}
    made = client.post("/api/batches", json=batch, headers=key).get_json()
    assert client.post(f"/api/batches/{made['id']}/cancel", headers=key).status_code == 200
    (notice,) = world.ask("GET", f"/api/jobs?kind={SEND_NOTICE}").json["items"]
    assert (notice["arguments"]["type"], notice["arguments"]["data"]["state"]) == ("batch.finished", "cancelled")
    with world.database.read() as connection:
        assert queue.find(connection, notice["id"]).due_at == world.now
    app.extensions["kitrelay"][0].close()
