"""Saved views of the page of jobs: the filter of the address under a name, for everybody who has this key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlencode

from webhooks.dashboard.jobs import filters as job_filters
from webhooks.dashboard.visiting import Moved
from worker.errors import Conflict, InvalidArguments, NotFound
from worker.jobs import saved_views

if TYPE_CHECKING:
    from webhooks.dashboard.visiting import Outcome, Visit
    from worker.jobs.saved_views import SavedView

PAGE: Final = "jobs"


def kept(visit: Visit) -> list[SavedView]:
    """The views of this key, by name."""
    with visit.api.database.read() as connection:
        return saved_views.views_of(connection, visit.key.name, PAGE)


def keep(visit: Visit) -> Outcome:
    """`POST /jobs/views`: keep a filter under a name, in place of one that has it."""
    query = _filter(visit)
    to = job_filters.address("/jobs", query)
    if not query:
        return Moved(to, "Filter first: a view is a filter with a name.", "bad")
    try:
        with visit.api.database.write() as connection:
            name, text = visit.one("name"), urlencode(query)
            view = saved_views.save(visit.api.database, connection, visit.key.name, PAGE, name, text, visit.now)
    except InvalidArguments as error:
        return Moved(to, "Not saved: " + "; ".join(f"the {fault.path} {fault.message}" for fault in error.faults) + ".", "bad")
    except Conflict as conflict:
        return Moved(to, f"Not saved: {conflict}.", "bad")
    return Moved(to, f"Saved as “{view.name}”.")


def drop(visit: Visit) -> Outcome:
    """`POST /jobs/views/drop`: forget one; who did so before did no harm."""
    to, name = job_filters.address("/jobs", _filter(visit)), visit.one("name")
    try:
        with visit.api.database.write() as connection:
            saved_views.drop(connection, visit.key.name, PAGE, name)
    except NotFound:
        return Moved(to, "There is no such view any more.", "bad")
    return Moved(to, f"“{name}” is dropped; its jobs are as they were.")


def _filter(visit: Visit) -> list[tuple[str, str]]:
    """What the form's `query` says of a filter, as an address holds it."""
    return job_filters.parts(job_filters.read(parse_qsl(visit.one("query")), visit.zone))
