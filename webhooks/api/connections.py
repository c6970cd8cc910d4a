"""Connections over HTTP: how each stands, and what an admin may change while everything runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from webhooks.answers import Answer
from webhooks.api import queries
from webhooks.api.access import must_see, sees
from webhooks.api.forms import LimitsForm, NothingForm, taken
from worker.connections import SLOW_MS, Limits, budget_left
from worker.errors import NotFound
from worker.jobs import controls, limits
from worker.jobs.model import Lane
from worker.jobs.overview import oldest_due
from worker.jobs.views import at

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from webhooks.api.asking import Api, Ask
    from worker.jobs.engine import Database
    from worker.jobs.limits import ConnectionState
    from worker.settings import Settings

    Turn = Callable[[Database, Connection, Lane, str, datetime], None]

WORDS: Final = ("broken", "paused", "slow", "up")
"""How a connection may stand, the worst first."""


def listed(api: Api, ask: Ask) -> Answer:
    """Every connection of the tenants that the key may see."""
    found = queries.read(ask.query, {"tenant": queries.text})
    if found.get("tenant") is not None:
        must_see(ask.key, found["tenant"])
    tenants = [tenant for name, tenant in sorted(api.settings.tenants.items()) if sees(ask.key, name) and found.get("tenant", name) == name]
    lanes = [Lane(tenant.name, erp) for tenant in tenants for erp in tenant.erps()]
    with api.database.read() as connection:
        shown = views(api, connection, lanes, api.clock())
    return Answer(200, {"items": shown, "next": None})


def pause(api: Api, ask: Ask) -> Answer:
    """Call this ERP no more until resumed; work is taken and kept."""
    return _turned(api, ask, controls.pause)


def resume(api: Api, ask: Ask) -> Answer:
    """Call it again, at once."""
    return _turned(api, ask, controls.resume)


def change(api: Api, ask: Ask) -> Answer:
    """Other limits, for all workers, until changed again; null: what the settings say."""
    lane = _lane(api, ask)
    wanted = taken(LimitsForm, ask.json())
    with api.database.write() as connection:
        now = api.clock()
        controls.change_limits(api.database, connection, lane, ask.key.name, wanted, now)
        (view,) = views(api, connection, [lane], now)
    api.bell.ring(lane)
    return Answer(200, view)


def _turned(api: Api, ask: Ask, turn: Turn) -> Answer:
    lane = _lane(api, ask)
    taken(NothingForm, ask.json())
    with api.database.write() as connection:
        now = api.clock()
        turn(api.database, connection, lane, ask.key.name, now)
        (view,) = views(api, connection, [lane], now)
    api.bell.ring(lane)
    return Answer(200, view)


def _lane(api: Api, ask: Ask) -> Lane:
    tenant, erp = ask.path["tenant"], ask.path["erp"]
    must_see(ask.key, tenant)
    found = api.settings.tenants.get(tenant)
    if found is None or erp not in found.erps():
        raise NotFound("there is no such connection")
    return Lane(tenant, erp)


def views(api: Api, connection: Connection, lanes: Sequence[Lane], now: datetime, most: int | None = None) -> list[dict[str, Any]]:
    """How each of the connections stands. Of more than `most` only so many, in the same order: those with trouble before others."""
    states = limits.states_of(connection, lanes)
    found = {lane: _standing(state, _left(api, lane, state, now), now) for lane, state in states.items()}
    if most is not None and len(lanes) > most:
        worst = set(sorted(lanes, key=lambda lane: WORDS.index(found[lane][0]))[:most])
        lanes = [lane for lane in lanes if lane in worst]
    held = limits.slots_of(connection, lanes, now)
    return [_view(api, connection, lane, states[lane], held[lane], found[lane], now) for lane in lanes]


def _view(
    api: Api, connection: Connection, lane: Lane, state: ConnectionState, held: int, standing: tuple[str, str | None], now: datetime
) -> dict[str, Any]:
    own = own_limits(api.settings, lane)
    left = _left(api, lane, state, now)
    return {
        "tenant": lane.tenant,
        "erp": lane.erp,
        "state": standing[0],
        "slots": state.slots or own.slots,
        "slots_in_use": held,
        "calls_per_hour": state.calls_per_hour or own.calls_per_hour,
        "calls_left": left,
        "resets_at": None if left is None else at(state.budget.resets_at(now)),
        "last_ok_at": at(state.last_ok_at),
        "oldest_due_at": at(oldest_due(connection, lane, now)),
        "why": standing[1],
        "settings": {"slots": own.slots, "calls_per_hour": own.calls_per_hour},
    }


def own_limits(settings: Settings, lane: Lane) -> Limits:
    """What the settings allow a connection."""
    own = getattr(settings.tenants[lane.tenant], lane.erp)
    return Limits(own.slots, own.calls_per_hour)


def _left(api: Api, lane: Lane, state: ConnectionState, now: datetime) -> int | None:
    return budget_left(state.budget, state.calls_per_hour or own_limits(api.settings, lane).calls_per_hour, now)


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
