"""Failures: jobs that failed for the same reason are one line; those that nobody has dealt with come first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from webhooks.api import failures as api
from webhooks.dashboard.advice import CLASSES, advice_of
from webhooks.dashboard.deliveries.listing import jobs_named
from webhooks.dashboard.failures import filters as failure_filters
from webhooks.dashboard.failures.filters import PATH, TABS
from webhooks.dashboard.finding import beside_none, found, tenants
from webhooks.dashboard.jobs.filters import address
from webhooks.dashboard.visiting import Moved, Page

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhooks.dashboard.visiting import Outcome, Visit

_FIELDS: Final = frozenset(failure_filters.NAMES) - {"standing", "batch"}
"""Parts of the filter that are typed or chosen: what is wrong with them is said beside them."""


def listed(visit: Visit) -> Outcome:
    """`GET /failures`. A form's query is led to the address that says the same."""
    query = failure_filters.read(visit.query, visit.zone)
    if query != list(visit.query) and not visit.part:
        return Moved(address(PATH, query))
    page, faults = found(visit, query, lambda: visit.ask(api.listed, failure_filters.asked(query)))
    return Page("failures.html", _told(visit, query, page, faults), 422 if faults else 200)


def _told(visit: Visit, query: list[tuple[str, str]], page: Mapping[str, Any], faults: Mapping[str, str]) -> dict[str, Any]:
    rest = [pair for pair in query if pair[0] != "cursor"]
    asked, chosen = failure_filters.parts(query), failure_filters.standing(query)
    examples = jobs_named(visit, (group["example"] for group in page["items"]))
    return {
        "rows": [{**group, "advice": advice_of(group["error_class"]), "job": examples.get(group["example"])} for group in page["items"]],
        "many": len(tenants(visit)) > 1,
        "first": len(rest) == len(query),
        "newest": address(PATH, rest),
        "older": address(PATH, [*rest, ("cursor", page["next"])]) if page["next"] else "",
        "query": query,
        "standing": chosen,
        "tabs": [{"name": name, "to": failure_filters.changed(query, "standing", tab), "here": tab == chosen} for tab, name in TABS],
        "narrowed": [pair for pair in asked if pair[0] != "standing"],
        "clear": address(PATH, [pair for pair in asked if pair[0] == "standing"]),
        "every": failure_filters.changed(query, "standing", failure_filters.ALL),
        "partly": any(name in ("batch", "since", "until") for name, _ in asked),
        "typed": failure_filters.typed(query, visit.zone),
        "faults": faults,
        "others": beside_none(faults, _FIELDS),
        "classes": CLASSES,
        "tenants": tenants(visit),
        "link": lambda name, value: failure_filters.changed(query, name, value),
    }
