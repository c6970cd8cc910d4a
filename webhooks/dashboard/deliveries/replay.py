"""Deliveries done again: one, after a look at what that would do; or all of one source in a stretch of time, after a count."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from webhooks.api import deliveries as api
from webhooks.dashboard import words
from webhooks.dashboard.deliveries import filters as delivery_filters
from webhooks.dashboard.deliveries.filters import PATH
from webhooks.dashboard.deliveries.foreseeing import told
from webhooks.dashboard.deliveries.listing import choices
from webhooks.dashboard.finding import tenants
from webhooks.dashboard.jobs.filters import address, read
from webhooks.dashboard.visiting import Moved, Page
from webhooks.retold import teller
from worker.errors import Conflict, InvalidArguments, NotFound
from worker.jobs import deliveries
from worker.jobs.deliveries import REPLAYABLE, WHY_NOT
from worker.jobs.retelling import MOST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhooks.dashboard.visiting import Outcome, Visit

_NEEDED: Final = ("tenant", "source", "since", "until")
_SHOWN: Final = 200


def asked(visit: Visit) -> Outcome:
    """`GET /deliveries/<id>/replay`: what would happen."""
    found = visit.ask(api.shown)
    why, seen = "", None
    if found["state"] not in REPLAYABLE:
        why = WHY_NOT[found["state"]]
    else:
        with visit.api.database.read() as connection:
            delivery = deliveries.find_delivery(connection, found["id"])
        try:
            arrival = teller(visit.api.settings, visit.api.clock)(delivery)
        except Conflict as refused:
            why = str(refused)
        else:
            seen = told(visit, replace(arrival, key=None))  # a replay is never a duplicate
    return Page("delivery_replay.html", {"delivery": found, "seen": seen, "why": why})


def replay(visit: Visit) -> Outcome:
    """`POST /deliveries/<id>/replay`."""
    try:
        made = visit.ask(api.replay, body={})
    except Conflict as refused:
        text = str(refused)
        return Moved(f"{PATH}/{visit.path['id']}", f"{text[:1].upper()}{text[1:]}.", "bad")
    return Moved(f"{PATH}/{made['id']}", "Replayed, as this new delivery.")


def range_asked(visit: Visit) -> Outcome:
    """`GET /deliveries/replay`: which ones, and how many that would be."""
    query = read(visit.query, visit.zone)
    if query != list(visit.query):
        return Moved(address(f"{PATH}/replay", query))
    given = {name: value for name, value in query if name in delivery_filters.RANGE}
    missing = [name for name in _NEEDED if not given.get(name)]
    if missing:
        previewed = bool(visit.get("preview"))
        return _page(visit, given, {"faults": dict.fromkeys(missing, "is needed")} if previewed else {}, 422 if previewed else 200)
    try:
        preview = visit.ask(api.replay_range, body={**given, "preview": True})
    except InvalidArguments as error:
        return _page(visit, given, {"faults": {fault.path: fault.message for fault in error.faults}}, 422)
    except NotFound as error:
        return _page(visit, given, {"faults": {"tenant": str(error)}}, 422)
    return _page(visit, given, {"preview": preview})


def range_replay(visit: Visit) -> Outcome:
    """`POST /deliveries/replay`. What could not be replayed is told at once; the others are in the list."""
    given = {name: visit.one(name) for name in delivery_filters.RANGE if visit.one(name)}
    try:
        done = visit.ask(api.replay_range, body=given)
    except InvalidArguments as error:
        return _page(visit, given, {"faults": {fault.path: fault.message for fault in error.faults}}, 422)
    except Conflict as error:
        return _page(visit, given, {"faults": {"until": str(error)}}, 422)
    count = len(done["items"])
    if done["refused"]:
        items, refused = done["items"][:_SHOWN], done["refused"][:_SHOWN]
        return _page(visit, given, {"result": {"items": items, "refused": refused, "count": count, "wrong": len(done["refused"])}})
    to = address(PATH, [("tenant", given["tenant"]), ("since", words.stamp(visit.now)), ("source", given["source"])])
    return Moved(to, f"{words.number(count)} deliver{'y' if count == 1 else 'ies'} replayed, each as a new one.")


def _page(visit: Visit, given: Mapping[str, str], more: Mapping[str, Any], status: int = 200) -> Page:
    values = {
        "given": given,
        "typed": delivery_filters.typed(list(given.items()), visit.zone),
        "tenants": tenants(visit),
        "sources": choices(visit, given.get("tenant")),
        "most": MOST,
        "faults": {},
        "preview": None,
        "result": None,
        **more,
    }
    return Page("deliveries_replay.html", values, status)
