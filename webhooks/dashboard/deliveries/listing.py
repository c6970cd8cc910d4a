"""Deliveries: everything that arrived, also what was refused, each with its reason; filtered in the address."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from webhooks import triggers, visma
from webhooks.api import deliveries as api
from webhooks.api import jobs as jobs_api
from webhooks.dashboard import words
from webhooks.dashboard.deliveries import filters as delivery_filters
from webhooks.dashboard.deliveries.advice import advice_of
from webhooks.dashboard.deliveries.filters import PATH
from webhooks.dashboard.finding import beside_none, found, tenants
from webhooks.dashboard.jobs.filters import address, read
from webhooks.dashboard.visiting import Moved, Page
from webhooks.refusals import A_MINUTE
from worker.jobs.deliveries import STATES
from worker.jobs.filters import MOST_IDS
from worker.settings import ERPS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from webhooks.dashboard.visiting import Outcome, Visit

MOST_JOBS: Final = 3
"""Jobs of one delivery that the list names; its own page names more."""

_FIELDS: Final = frozenset(delivery_filters.NAMES) - {"state", "job"}


def listed(visit: Visit) -> Outcome:
    """`GET /deliveries`. A form's query is led to the address that says the same."""
    query = read(visit.query, visit.zone)
    if query != list(visit.query) and not visit.part:
        return Moved(address(PATH, query))
    page, faults = found(visit, query, lambda: visit.ask(api.listed, query))
    return Page("deliveries.html", _told(visit, query, page, faults), 422 if faults else 200)


def _told(visit: Visit, query: list[tuple[str, str]], page: Mapping[str, Any], faults: Mapping[str, str]) -> dict[str, Any]:
    rest = [pair for pair in query if pair[0] != "cursor"]
    asked = delivery_filters.parts(query)
    known = jobs_named(visit, (job for each in page["items"] for job in each["jobs"][:MOST_JOBS]))
    return {
        "rows": [_row(visit, each, known) for each in page["items"]],
        "many": len(tenants(visit)) > 1,
        "first": len(rest) == len(query),
        "newest": address(PATH, rest),
        "older": address(PATH, [*rest, ("cursor", page["next"])]) if page["next"] else "",
        "query": query,
        "asked": asked,
        "typed": delivery_filters.typed(query, visit.zone),
        "faults": faults,
        "others": beside_none(faults, _FIELDS),
        "states": [{"state": each, "to": delivery_filters.turned(query, each), "chosen": _chosen(query, each)} for each in STATES],
        "tenants": tenants(visit),
        "sources": choices(visit, dict(query).get("tenant")),
        "kept": A_MINUTE,
        "open": any(dict(query).get(name) or name in faults for name in ("type", "since", "until")),
        "range": address(f"{PATH}/replay", [pair for pair in asked if pair[0] in delivery_filters.RANGE]),
        "without_job": delivery_filters.changed(query, "job", ""),
        "link": lambda name, value: delivery_filters.changed(query, name, value),
    }


def _row(visit: Visit, delivery: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    named = delivery["jobs"][:MOST_JOBS]
    return {
        **delivery,
        "named": [{"id": job, "told": known.get(job)} for job in named],
        "more": len(delivery["jobs"]) - len(named),
        "short": [*_done(delivery), *(each.short for each in advice_of(visit.api.settings, delivery))],
        "unread": is_unread(delivery),
        "troubled": any(each["state"] == "refused" for each in delivery["outcomes"] or ()),
    }


def _done(delivery: Mapping[str, Any]) -> Iterator[str]:
    """What an accepted delivery did, in a few words."""
    made = sum(each["state"] == "made" for each in delivery["outcomes"] or ())
    if made:
        yield f"Its rules asked for {made} job{'' if made == 1 else 's'}"
    elif delivery["jobs"]:
        yield "News of its job" if delivery["source"] == visma.SOURCE else "A sync follows"


def is_unread(delivery: Mapping[str, Any]) -> bool:
    """Whether nobody looked into it, so that its type is not known."""
    return bool(delivery["state"] == "refused" and delivery["type"] == triggers.UNREAD)


def jobs_named(visit: Visit, ids: Iterable[str]) -> dict[str, Mapping[str, Any]]:
    """The jobs of these ids, as far as the key may see them and they are still there."""
    wanted = list(dict.fromkeys(ids))[:MOST_IDS]
    if not wanted:
        return {}
    page = visit.ask(jobs_api.listed, [("ids", ",".join(wanted)), ("limit", str(len(wanted)))])
    return {job["id"]: job for job in page["items"]}


def choices(visit: Visit, tenant: str | None = None) -> list[tuple[str, str]]:
    """The sources to choose from, each with what it is called."""
    return [(name, words.ERPS.get(name, name)) for name in sources(visit, tenant)]


def sources(visit: Visit, tenant: str | None = None) -> list[str]:
    """Who may send to the tenants that the key sees, or to this one: the ERPs first."""
    found = [visit.api.settings.tenants[name] for name in tenants(visit) if tenant in (None, name)]
    erps = [erp for erp in ERPS if any(erp in each.erps() for each in found)]
    return [*erps, *sorted({name for each in found for name in each.sources})]


def _chosen(query: Sequence[tuple[str, str]], state: str) -> bool:
    return state in delivery_filters.states(query)
