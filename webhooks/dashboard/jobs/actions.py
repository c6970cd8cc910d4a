"""Actions on many jobs: those of late, one as it goes on, and its end before its time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from webhooks.api import actions as api
from webhooks.api.access import tenants_of
from webhooks.dashboard.jobs import filters as job_filters
from webhooks.dashboard.jobs.acting import WORDS
from webhooks.dashboard.visiting import Moved, Page
from worker.errors import Conflict
from worker.jobs.batch_names import batch_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from webhooks.dashboard.jobs.filters import Pairs
    from webhooks.dashboard.visiting import Outcome, Visit

_ALONE: Final = frozenset({"state", "since", "until", "tenant"})
"""A filter of no more than these names a state above all: without it, it would name everything."""


def listed(visit: Visit) -> Outcome:
    """`GET /actions`: newest first."""
    page = visit.ask(api.listed, visit.query)
    return Page("actions.html", {"actions": _told(visit, page["items"]), "next": page["next"], "first": not visit.get("cursor")})


def shown(visit: Visit) -> Outcome:
    """`GET /actions/<id>`: how far it is, and what it left as it was."""
    (told,) = _told(visit, [visit.ask(api.shown)])
    return Page("action.html", {"action": told})


def stop(visit: Visit) -> Outcome:
    """`POST /actions/<id>/stop`: what was changed stays so."""
    to = f"/actions/{visit.path['id']}"
    try:
        done = visit.ask(api.stop, body={})["done"]
    except Conflict as conflict:
        return Moved(to, f"Nothing to stop: {conflict}.", "bad")
    return Moved(to, f"Stopped after {done} job{'' if done == 1 else 's'}. What was changed stays so.")


def jobs_of(action: Mapping[str, Any]) -> str:
    """The address of the jobs concerned, in whatever state they are by now, as far as a filter can say so."""
    asked = job_filters.from_body(action["filter"])
    if not {name for name, _ in asked} <= _ALONE:
        asked = job_filters.without(asked, "state", "failure") or asked
    return job_filters.address("/jobs", asked)


def _told(visit: Visit, found: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    filters: list[Pairs] = [job_filters.from_body(action["filter"]) for action in found]
    batches = sorted({value for asked in filters for name, value in asked if name == "batch"})
    names: Mapping[str, str] = {}
    if batches:
        with visit.api.database.read() as connection:
            names = batch_names(connection, batches, tenants_of(visit.key))
    return [
        {
            **action,
            "name": WORDS[action["action"]].name,
            "chips": job_filters.chips(asked, names),
            "jobs": jobs_of(action),
            "left": sum(skip["count"] for skip in action["skipped"]),
            "share": f"{min(100.0, 100.0 * action['done'] / action['total']):.2f}" if action["total"] else "0",
        }
        for action, asked in zip(found, filters, strict=True)
    ]
