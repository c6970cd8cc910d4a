"""What a person does with a connection while everything runs: pause, resume, other limits; with the record of who did it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker.jobs import acts, limits

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from worker.jobs.engine import Database
    from worker.jobs.limits import ConnectionState
    from worker.jobs.model import Lane


def pause(db: Database, connection: Connection, lane: Lane, by: str, now: datetime) -> None:
    """Call this ERP no more until resumed; holds for all workers within a refresh. Ring its lane afterwards."""
    _set_paused(db, connection, lane, by, now, paused=True)


def resume(db: Database, connection: Connection, lane: Lane, by: str, now: datetime) -> None:
    """Call it again, at once, also where the breaker had stopped the calls. Ring its lane afterwards."""
    _set_paused(db, connection, lane, by, now, paused=False)


def change_limits(db: Database, connection: Connection, lane: Lane, by: str, changes: Mapping[str, int | None], now: datetime) -> None:
    """Other `slots` or `calls_per_hour` for all workers, until changed again; None: as the settings say. Ring its lane afterwards."""
    before, after = limits.set_limits(db, connection, lane, changes)
    acts.record(connection, by, lane.tenant, "connection.changed", lane.erp, _limits(before), _limits(after), now)


def _set_paused(db: Database, connection: Connection, lane: Lane, by: str, now: datetime, *, paused: bool) -> None:
    before, after = limits.set_paused(db, connection, lane, by if paused else None, now)
    act = "connection.paused" if paused else "connection.resumed"
    acts.record(connection, by, lane.tenant, act, lane.erp, _standing(before), _standing(after), now)


def _limits(state: ConnectionState) -> dict[str, Any]:
    """None: as the settings say."""
    return {"slots": state.slots, "calls_per_hour": state.calls_per_hour}


def _standing(state: ConnectionState) -> dict[str, Any]:
    return {"paused_by": state.paused_by, "broken": not state.breaker.closed}
