"""Deliveries over HTTP: listed, shown, and replayed one by one or by range."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from webhooks.answers import Answer
from webhooks.api import queries
from webhooks.api.access import must_see, sees, tenants_of
from webhooks.api.forms import DeliveryRangeForm, NothingForm, taken
from webhooks.api.queries import PAGING, cursor, page_of, paged
from webhooks.retold import teller
from worker.errors import NotFound
from worker.jobs import deliveries, retelling
from worker.jobs.deliveries import DeliveryFilter
from worker.jobs.views import delivery_line, delivery_view

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from sqlalchemy import Connection

    from webhooks.api.asking import Api, Ask
    from worker.jobs.arrivals import Arrival, Stored
    from worker.jobs.model import Delivery

FILTERS: Final[Mapping[str, Callable[[str], Any]]] = {
    **dict.fromkeys(("tenant", "source", "type", "job"), queries.text),
    "state": queries.delivery_states,
    "since": queries.moment,
    "until": queries.moment,
    **PAGING,
}


def listed(api: Api, ask: Ask) -> Answer:
    """Deliveries by filter, newest first, without headers and bodies."""
    found = queries.read(ask.query, FILTERS)
    page = page_of(found)
    if found.get("tenant") is not None:
        must_see(ask.key, found["tenant"])
    wanted = DeliveryFilter(tenants=tenants_of(ask.key), **found)
    with api.database.read() as connection:
        present = deliveries.find_deliveries(connection, wanted, page.limit + 1, page.after)
    return Answer(200, paged(present, page.limit, delivery_line, lambda delivery: cursor(delivery.id)))


def shown(api: Api, ask: Ask) -> Answer:
    """One delivery, whole."""
    queries.read(ask.query, {})
    with api.database.read() as connection:
        return Answer(200, delivery_view(_visible(connection, ask)))


def replay(api: Api, ask: Ask) -> Answer:
    """Do again what it asks for: a new delivery that names this one."""
    taken(NothingForm, ask.json())
    with api.database.read() as connection:
        delivery = _visible(connection, ask)
    stored = retelling.replay(api.database, delivery, _teller(api), ask.key.name, api.clock)
    with api.database.read() as connection:
        view = delivery_view(deliveries.find_delivery(connection, stored.delivery))
    _ring(api, [stored])
    return Answer(200, view)


def replay_range(api: Api, ask: Ask) -> Answer:
    """The same for all of one source in a stretch of time; or only say for how many."""
    wanted = taken(DeliveryRangeForm, ask.json())
    must_see(ask.key, wanted["tenant"])
    preview = wanted.pop("preview", False)
    chosen = DeliveryFilter(tenants=tenants_of(ask.key), replays=False, **wanted)
    with api.database.read() as connection:
        counts = deliveries.count_by_state(connection, chosen)
    if preview:
        would = sum(counts.get(state, 0) for state in deliveries.REPLAYABLE)
        skips = deliveries.skipped(counts)
        return Answer(200, {"preview": True, "would_change": would, "would_skip": skips, "calls": None, "eta": None})
    replayed = retelling.replay_range(api.database, chosen, _teller(api), ask.key.name, api.clock)
    _ring(api, replayed.stored.values())
    items = [{"delivery": each.delivery, "replay_of": first} for first, each in replayed.stored.items()]
    refused = [{"id": each, "reason": reason} for each, reason in replayed.refused.items()]
    return Answer(200, {"items": items, "refused": refused, "skipped": deliveries.skipped(counts)})


def _teller(api: Api) -> Callable[[Delivery], Arrival]:
    return teller(api.settings, api.clock)


def _ring(api: Api, stored: Iterable[Stored]) -> None:
    lanes = dict.fromkeys(lane for each in stored for lane in (each.lane, *each.lanes) if lane is not None)
    for lane in lanes:
        api.bell.ring(lane)


def _visible(connection: Connection, ask: Ask) -> Delivery:
    delivery = deliveries.find_delivery(connection, ask.id)
    if not sees(ask.key, delivery.tenant):
        raise NotFound(f"there is no delivery {delivery.id}")
    return delivery
