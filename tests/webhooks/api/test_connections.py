"""Connections over HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from worker.connections import Limits, Report
from worker.jobs import limits
from worker.jobs.model import Lane

if TYPE_CHECKING:
    from tests.webhooks.world import World

ACME = Lane("acme", "visma")


def acme(world: World) -> dict[str, Any]:
    """How acme's Visma stands."""
    (found,) = world.ask("GET", "/api/connections", "view-key").json["items"]
    assert isinstance(found, dict)
    return found


def saw(world: World, **report: Any) -> None:
    """A worker hands in what it saw."""
    until = world.now + timedelta(seconds=12)
    with world.database.write() as connection:
        limits.refresh(world.database, connection, ACME, "worker-1", Limits(8, 15_000), Report(**report), world.now, until, 0.0)


def test_untouched_connection(world: World) -> None:
    """Before anything is known it is up, with the settings' limits."""
    assert acme(world) == {
        "tenant": "acme",
        "erp": "visma",
        "state": "up",
        "slots": 8,
        "slots_in_use": 0,
        "calls_per_hour": 15_000,
        "calls_left": 15_000,
        "resets_at": "2026-03-04T13:00:00Z",
        "last_ok_at": None,
        "oldest_due_at": None,
        "why": None,
        "settings": {"slots": 8, "calls_per_hour": 15_000},
    }


def test_busy_connection(world: World) -> None:
    """Slots held, calls left, the last good call, and since when the longest due job waits."""
    world.job()
    world.pass_time(minutes=3)
    saw(world, calls=100, oks=100, under_way=2, last_ok_at=world.now)

    shown = acme(world)

    assert (shown["state"], shown["slots_in_use"], shown["calls_left"]) == ("up", 8, 14_900)
    assert (shown["last_ok_at"], shown["oldest_due_at"]) == ("2026-03-04T12:03:00Z", "2026-03-04T12:00:00Z")


@pytest.mark.parametrize(
    ("report", "state", "why"),
    [
        ({"failures": 9, "why": "connection refused"}, "broken", "connection refused"),
        ({"oks": 1, "ms": 6000}, "slow", "its answers take 6000 ms"),
        ({"oks": 1, "calls": 15_000}, "slow", "the hour's calls are used up"),
        ({"oks": 1, "ms": 60}, "up", None),
    ],
)
def test_standing(small_world: World, report: dict[str, Any], state: str, why: str | None) -> None:
    """One word for how it stands, and the reason."""
    saw(small_world, **report)

    assert [acme(small_world)[name] for name in ("state", "why")] == [state, why]


def test_ordered_wait(small_world: World) -> None:
    """An ERP that orders a wait is slow until then."""
    saw(small_world, calls=1, blocked_until=small_world.now + timedelta(seconds=30))
    assert acme(small_world)["why"] == "the ERP ordered a wait until 2026-03-04T12:00:30Z"

    small_world.pass_time(seconds=31)
    assert acme(small_world)["state"] == "up"


def test_pause_and_resume(world: World) -> None:
    """A paused connection says by whom, still takes work, and goes on when resumed."""
    paused = world.ask("POST", "/api/connections/acme/visma/pause", "root-key")
    assert (paused.status_code, paused.json["state"], paused.json["why"]) == (200, "paused", "paused by root")
    world.job()

    resumed = world.ask("POST", "/api/connections/acme/visma/resume", "root-key")

    assert (resumed.json["state"], resumed.json["why"]) == ("up", None)
    assert world.bell.rung == [ACME] * 3


def test_other_limits(world: World) -> None:
    """Changed limits hold until changed again, one by one; null gives one back to the settings."""
    world.ask("PATCH", "/api/connections/acme/visma", "root-key", json={"slots": 3})
    shown = world.ask("PATCH", "/api/connections/acme/visma", "root-key", json={"calls_per_hour": 500}).json

    assert (shown["slots"], shown["calls_per_hour"], shown["calls_left"]) == (3, 500, 500)
    assert shown["settings"] == {"slots": 8, "calls_per_hour": 15_000}

    back = world.ask("PATCH", "/api/connections/acme/visma", "root-key", json={"slots": None}).json

    assert (back["slots"], back["calls_per_hour"]) == (8, 500)


@pytest.mark.parametrize("body", [{}, {"slots": 0}, {"slots": "8"}, {"calls_per_hour": -1}, {"speed": 9}, {"slots": 1.5}])
def test_bad_limits(small_world: World, body: dict[str, Any]) -> None:
    """What is no limit is refused."""
    assert small_world.ask("PATCH", "/api/connections/acme/visma", "root-key", json=body).status_code == 422


@pytest.mark.parametrize("path", ["acme/intacct", "acme/sap", "nobody/visma", "bare/visma"])
def test_no_such_connection(small_world: World, path: str) -> None:
    """A connection that is not there can't be changed."""
    for method, verb in (("POST", "/pause"), ("POST", "/resume"), ("PATCH", "")):
        assert small_world.ask(method, f"/api/connections/{path}{verb}", "root-key", json={}).status_code == 404
