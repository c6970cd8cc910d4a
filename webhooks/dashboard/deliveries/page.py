"""A delivery's page: what arrived, what became of it and why, which jobs it touched, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from webhooks.api import deliveries as api
from webhooks.dashboard.deliveries.advice import advice_of
from webhooks.dashboard.deliveries.listing import is_unread, jobs_named
from webhooks.dashboard.printing import cut, is_json, pretty
from webhooks.dashboard.visiting import Download, Page
from webhooks.refusals import KEPT_BYTES
from worker.jobs import deliveries
from worker.jobs.deliveries import REPLAYABLE
from worker.jobs.states import OPEN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from webhooks.dashboard.visiting import Outcome, Visit

MOST_SHOWN: Final = 12_000
"""Characters of a body on the page; all that was kept of it can be downloaded."""

_PRINTED: Final = 4 * MOST_SHOWN
"""Characters of it that are looked at: some are space, which is not shown."""

MOST: Final = 50
"""Jobs and outcomes on the page, and all that there may be of them when asked for."""

MOST_ALL: Final = 1_000
MOST_REPLAYS: Final = 10
_FIRST: Final = "it came before, as "


def shown(visit: Visit) -> Outcome:
    """`GET /deliveries/<id>`."""
    found = visit.ask(api.shown)
    with visit.api.database.read() as connection:
        replays = deliveries.replays_of(connection, found["id"], MOST_REPLAYS)
    body, more = _beginning(found["body"])
    most = MOST_ALL if visit.get("all") else MOST
    jobs, outcomes = found["jobs"], found["outcomes"] or []
    listed = sorted(outcomes, key=lambda each: each["state"] == "skipped")[:most]
    known = jobs_named(visit, [*jobs[:most], *(each["job"] for each in listed if each["job"])])
    values = {
        "delivery": found,
        "unread": is_unread(found),
        "advice": advice_of(visit.api.settings, found),
        "first": first_of(found),
        "replays": replays,
        "replayable": found["state"] in REPLAYABLE,
        "jobs": jobs[:most],
        "jobs_more": max(0, len(jobs) - most),
        "known": known,
        "moving": any(job["state"] in OPEN for job in known.values()),
        "outcomes": listed,
        "outcomes_more": len(outcomes) - len(listed),
        "counts": counts_of(outcomes),
        "body": body,
        "more": more,
        "size": len(found["body"].encode()),
        "cut": found["state"] not in REPLAYABLE and len(found["body"].encode()) > KEPT_BYTES - 4,
    }
    return Page("delivery.html", values)


def body(visit: Visit) -> Outcome:
    """`GET /deliveries/<id>/body`: all that was kept of it, byte for byte."""
    found = visit.ask(api.shown)
    return Download([found["body"].encode()], "application/octet-stream", f"delivery-{found['id']}.json")


def _beginning(text: str) -> tuple[str, bool]:
    """What is shown of a body, and whether there is more. To print all of a large one takes seconds, for nothing."""
    begun, longer = cut(text, _PRINTED)
    shown, more = cut(pretty(begun) if longer or is_json(begun) else begun, MOST_SHOWN)
    return shown, more or longer


def first_of(delivery: Mapping[str, Any]) -> str | None:
    """The delivery that a duplicate repeats."""
    _, found, rest = (delivery["reason"] or "").partition(_FIRST)
    return rest.partition(";")[0] if found and delivery["state"] == "duplicate" else None


def counts_of(outcomes: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """How many outcomes there are of each sort."""
    return {state: count for state in ("made", "refused", "skipped") if (count := sum(each["state"] == state for each in outcomes))}
