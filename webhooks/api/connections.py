"""Connections over HTTP: how each stands, and what an admin may change while everything runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from webhooks.answers import Answer
from webhooks.api import queries
from webhooks.api.access import must_see, sees
from webhooks.api.forms import LimitsForm, NothingForm, taken
from worker.connections import SLOW_MS, budget_left
from worker.errors import NotFound
from worker.jobs import controls, limits
from worker.jobs.model import Lane
from worker.jobs.overview import oldest_due
from worker.jobs.views import at

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import Connection

    from webhooks.api.asking import Api, Ask
    from worker.jobs.engine import Database
    from worker.jobs.limits import ConnectionState

    Turn = Callable[[Database, Connection, Lane, str, datetime], None]


def listed(api: Api, ask: Ask) -> Answer:
    """Every connection of the tenants that the key may see."""
    found = queries.read(ask.query, {"tenant": queries.text})
    if found.get("tenant") is not None:
        must_see(ask.key, found["tenant"])
    tenants = [tenant for name, tenant in sorted(api.settings.tenants.items()) if sees(ask.key, name) and found.get("tenant", name) == name]
    lanes = [Lane(tenant.name, erp) for tenant in tenants for erp in tenant.erps()]
    with api.database.read() as connection:
        views = [_view(api, connection, lane, api.clock()) for lane in lanes]
    return Answer(200, {"items": views, "next": None})


def pause(api: Api, ask: Ask) -> Answer:
    """Call this ERP no more until resumed; work is taken and kept."""
    return _turned(api, ask, controls.pause)


def resume(api: Api, ask: Ask) -> Answer:
    """Call it again, at once."""
    return _turned(api, ask, controls.resume)


def change(api: Api, ask: Ask) -> Answer:
    """Other limits, for all workers, until changed again."""
    lane = _lane(api, ask)
    wanted = taken(LimitsForm, ask.json())
    with api.database.write() as connection:
        now = api.clock()
        limits_ = (wanted.get("slots"), wanted.get("calls_per_hour"))
        controls.change_limits(api.database, connection, lane, ask.key.name, *limits_, now)
        view = _view(api, connection, lane, now)
    api.bell.ring(lane)
    return Answer(200, view)


def _turned(api: Api, ask: Ask, turn: Turn) -> Answer:
    lane = _lane(api, ask)
    taken(NothingForm, ask.json())
    with api.database.write() as connection:
        now = api.clock()
        turn(api.database, connection, lane, ask.key.name, now)
        view = _view(api, connection, lane, now)
    api.bell.ring(lane)
    return Answer(200, view)


def _lane(api: Api, ask: Ask) -> Lane:
    tenant, erp = ask.path["tenant"], ask.path["erp"]
    must_see(ask.key, tenant)
    found = api.settings.tenants.get(tenant)
    if found is None or erp not in found.erps():
        raise NotFound("there is no such connection")
    return Lane(tenant, erp)


def _view(api: Api, connection: Connection, lane: Lane, now: datetime) -> dict[str, Any]:
    state = limits.state_of(connection, lane)
    own = getattr(api.settings.tenants[lane.tenant], lane.erp)
    ceiling = state.calls_per_hour or own.calls_per_hour
    left = budget_left(state.budget, ceiling, now)
    word, why = _standing(state, left, now)
    return {
        "tenant": lane.tenant,
        "erp": lane.erp,
        "state": word,
        "slots": state.slots or own.slots,
        "slots_in_use": limits.slots_in_use(connection, lane, now),
        "calls_per_hour": ceiling,
        "calls_left": left,
        "resets_at": None if left is None else at(state.budget.resets_at(now)),
        "last_ok_at": at(state.last_ok_at),
        "oldest_due_at": at(oldest_due(connection, lane, now)),
        "why": why,
    }


def _standing(state: ConnectionState, left: int | None, now: datetime) -> tuple[str, str | None]:
    """The one word for how a connection stands, and the reason."""
    if state.paused_by is not None:
        return "paused", f"paused by {state.paused_by}"
    if not state.breaker.closed:
        return "broken", state.breaker.why or "its calls fail"
    if state.blocked_until is not None and state.blocked_until > now:
        return "slow", f"the ERP ordered a wait until {at(state.blocked_until)}"
    if left == 0:
        return "slow", "the hour's calls are used up"
    if state.ms is not None and state.ms > SLOW_MS:
        return "slow", f"its answers take {state.ms} ms"
    return "up", None
