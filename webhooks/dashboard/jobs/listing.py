"""Jobs: searched and filtered in the address, ticked, and acted upon."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlencode

from webhooks.api import jobs as api
from webhooks.api.access import tenants_of
from webhooks.dashboard import words
from webhooks.dashboard.advice import CLASSES
from webhooks.dashboard.finding import beside_none, found, tenants
from webhooks.dashboard.jobs import filters as job_filters
from webhooks.dashboard.jobs.lines import line
from webhooks.dashboard.jobs.views import kept
from webhooks.dashboard.visiting import Moved, Page
from worker.jobs.batch_names import batch_names
from worker.jobs.states import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from webhooks.dashboard.jobs.filters import Pairs
    from webhooks.dashboard.visiting import Outcome, Visit
    from worker.jobs.saved_views import SavedView

PATH: Final = "/jobs"
_FIELDS: Final = frozenset(job_filters.LABELS) - {"state", "failure", "closed", "ids"}
"""Parts of the filter that are typed or chosen: what is wrong with them is said beside them."""

_MORE: Final = ("reference", "erp_id", "batch", "tag", "since", "until")
"""Parts of the filter that are asked for seldom: their fields are out of the way until one is used."""

_CHIPPED: Final = frozenset({"batch"})
"""Of these, what is used is led to and not typed: its name among the active filters says enough."""


@dataclass(frozen=True, slots=True)
class View:
    """A question that is asked often, as a link."""

    name: str
    to: str
    here: bool


def listed(visit: Visit) -> Outcome:
    """`GET /jobs`. A form's query is led to the address that says the same."""
    query = job_filters.read(visit.query, visit.zone)
    if query != list(visit.query) and not visit.part:
        return Moved(job_filters.address(PATH, query))
    page, faults = found(visit, query, lambda: visit.ask(api.listed, query))
    return Page("jobs.html", _told(visit, query, page, faults), 422 if faults else 200)


def _told(visit: Visit, query: list[tuple[str, str]], page: Mapping[str, Any], faults: Mapping[str, str]) -> dict[str, Any]:
    jobs, asked = page["items"], job_filters.parts(query)
    names, typed = _names(visit, jobs, asked), job_filters.typed(query, visit.zone)
    rest = [pair for pair in query if pair[0] != "cursor"]
    return {
        "rows": [line(job, visit.now) for job in jobs],
        "show": _told_apart(visit, jobs, asked),
        "first": len(rest) == len(query),
        "next": page["next"],
        "newest": job_filters.address(PATH, rest),
        "older": job_filters.address(PATH, [*rest, ("cursor", page["next"] or "")]),
        "names": {job["batch"]: names.get(job["batch"], "") for job in jobs},
        "query": query,
        "asked": asked,
        "typed": typed,
        "faults": faults,
        "others": beside_none(faults, _FIELDS),
        "chips": job_filters.chips(query, names),
        "states": [_state(state.value, query) for state in State],
        "views": views(visit, asked),
        "saved": [_saved(view, asked) for view in kept(visit)],
        "filter": urlencode(asked),
        "file": job_filters.address(f"{PATH}.csv", asked),
        "tenants": tenants(visit),
        "open": any(name in faults or (typed[name] and name not in _CHIPPED) for name in _MORE),
        "classes": CLASSES,
        "link": lambda name, value: job_filters.address(PATH, job_filters.changed(asked, name, value)),
    }


def _told_apart(visit: Visit, jobs: Sequence[Mapping[str, Any]], asked: Pairs) -> dict[str, bool]:
    """Which columns tell one job from another: what the filter names is the same in each."""
    named = dict(asked)
    return {
        "batch": "batch" not in named and any(job["batch"] for job in jobs),
        "tags": any(job["tags"] for job in jobs),
        "tenant": "tenant" not in named and len(tenants(visit)) > 1,
    }


def views(visit: Visit, asked: Pairs) -> list[View]:
    """What is asked for often by everybody."""
    midnight = words.stamp(visit.now.astimezone(visit.zone).replace(hour=0, minute=0, second=0, microsecond=0))
    offered: Sequence[tuple[str, Pairs]] = (
        ("All", ()),
        ("Failed", (("state", "failed"),)),
        ("In doubt", (("state", "failed"), ("error_class", "in_doubt"))),
        ("Waiting for the ERP", (("state", "waiting"),)),
        ("To be tried again", (("state", "retrying"),)),
        ("Made today", (("since", midnight),)),
    )
    return [View(name, job_filters.address(PATH, pairs), list(pairs) == list(asked)) for name, pairs in offered]


def _saved(view: SavedView, asked: Pairs) -> View:
    return View(view.name, f"{PATH}?{view.query}", job_filters.parts(parse_qsl(view.query)) == list(asked))


def _state(state: str, query: Pairs) -> dict[str, Any]:
    chosen = dict(query).get("state", "").split(",")
    return {"state": state, "to": job_filters.address(PATH, job_filters.turned(query, state)), "chosen": state in chosen}


def _names(visit: Visit, items: Iterable[Mapping[str, Any]], asked: Pairs) -> dict[str, str]:
    """The names of the batches that are spoken of, as far as the key may see them."""
    ids = {job["batch"] for job in items if job["batch"] is not None} | {value for name, value in asked if name == "batch"}
    if not ids:
        return {}
    with visit.api.database.read() as connection:
        return batch_names(connection, sorted(ids), tenants_of(visit.key))
