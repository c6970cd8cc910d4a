"""The list of batches: newest first, by state and tenant, each with where it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from webhooks.api import queries
from webhooks.api.access import tenants_of
from webhooks.api.queries import PAGING, cursor, page_of, paged
from webhooks.dashboard import words
from webhooks.dashboard.finding import beside_none, found, tenants
from webhooks.dashboard.visiting import Page
from worker.jobs import search
from worker.jobs.progress import standings
from worker.jobs.states import FINAL, OPEN, BatchState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from webhooks.dashboard.visiting import Outcome, Visit
    from worker.jobs.model import Batch
    from worker.jobs.progress import Progress

IN_PAGE: Final = 25
_FILTERS: Final[Mapping[str, Callable[[str], Any]]] = {"tenant": queries.text, "state": queries.batch_state, **PAGING}
_STATES: Final = tuple((state.value, words.STATES[state.value]) for state in BatchState)
_FIELDS: Final = ("state", "tenant")
_OPEN: Final = tuple(state.value for state in OPEN)
_FINAL: Final = tuple(state.value for state in FINAL)


def listed(visit: Visit) -> Outcome:
    """`/batches`. An empty field of the filter asks for nothing; what is wrong with the others is said beside them."""
    query = [(name, value.strip()) for name, value in visit.query if value.strip()]
    told, faults = found(visit, query, lambda: _found(visit, query))
    given = dict(query)
    values = {
        "lines": told["items"],
        "next": told["next"],
        "kept": [(name, value) for name, value in query if name != "cursor"],
        "query": query,
        "typed": {name: given.get(name, "") for name in _FIELDS},
        "faults": faults,
        "others": beside_none(faults, _FIELDS),
        "tenants": tenants(visit),
        "states": _STATES,
        "moving": any(each["moving"] for each in told["items"]),
    }
    return Page("batches.html", values, 422 if faults else 200)


def _found(visit: Visit, query: list[tuple[str, str]]) -> Mapping[str, Any]:
    """The batches that match, each as a line. Raises `InvalidArguments`."""
    asked = queries.read(query, _FILTERS)
    page = page_of({"limit": IN_PAGE, **asked})
    whose = tenants_of(visit.key) if asked.get("tenant") is None else (asked["tenant"],)
    with visit.api.database.read() as connection:
        present = search.find_batches(connection, whose, page.limit + 1, page.after, asked.get("state"))
        stand = standings(connection, present[: page.limit], visit.now)
    return paged(present, page.limit, lambda batch: line(batch, stand[batch.id], visit.now), lambda batch: cursor(batch.id))


def line(batch: Batch, progress: Progress, now: datetime) -> dict[str, Any]:
    """What a list tells of a batch. `moving`: something of it is still to come; `took` seconds, from its making to its end or to now."""
    ended = sum(progress.counts[state] for state in _FINAL)
    still = sum(progress.counts[state] for state in _OPEN)
    return {
        "batch": batch,
        "progress": progress,
        "ended": ended,
        "open": still,
        "total": max(batch.total, ended + still),
        "moving": is_moving(batch, still),
        "took": max(0.0, ((batch.finished_at or now) - batch.created_at).total_seconds()),
    }


def is_moving(batch: Batch, still: int) -> bool:
    """Whether something of the batch is still to come by itself: a cancelled one follows what the ERP has taken to its end."""
    return batch.state in {BatchState.PLANNING, BatchState.RUNNING} or still > 0
