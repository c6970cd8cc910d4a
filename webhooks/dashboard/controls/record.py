"""The record of who did what: newest first, by tenant, person and what was done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from webhooks.api import acts
from webhooks.dashboard.controls import sentences
from webhooks.dashboard.finding import tenants
from webhooks.dashboard.visiting import Page
from worker.errors import InvalidArguments

if TYPE_CHECKING:
    from collections.abc import Iterable

    from webhooks.dashboard.visiting import Outcome, Visit

FILTERS: Final = ("tenant", "by", "act", "subject")


def shown(visit: Visit) -> Outcome:
    """`GET /connections/record`: what a filter's empty field would say is left out of the question."""
    wanted = {name: visit.get(name) for name in FILTERS}
    query = [(name, value) for name, value in wanted.items() if value]
    found: dict[str, Any] = {"lines": [], "next": None, "faults": []}
    cursor = [("cursor", visit.get("cursor"))] if visit.get("cursor") else []
    try:
        found |= lines(visit, [*query, *cursor])
    except InvalidArguments as error:
        found["faults"] = [{"path": fault.path, "message": fault.message} for fault in error.faults]
    values = {**found, "wanted": wanted, "query": query, "tenants": tenants(visit), "acts": list(sentences.ACTS.items())}
    return Page("record.html", values, 422 if found["faults"] else 200)


def lines(visit: Visit, query: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """A page of the record, each act with its sentence."""
    found = visit.ask(acts.listed, query)
    told = [{**act, "sentence": sentences.told(act, visit.api.settings)} for act in found["items"]]
    return {"lines": told, "next": found["next"]}
