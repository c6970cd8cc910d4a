"""A group of failures: what it means and what to do, its jobs, and what made good those that are over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from webhooks.api.access import tenants_of
from webhooks.api.fields import GROUP
from webhooks.dashboard.advice import advice_of
from webhooks.dashboard.controls import record
from webhooks.dashboard.jobs.filters import address
from webhooks.dashboard.jobs.lines import line
from webhooks.dashboard.visiting import Page
from worker.errors import NotFound
from worker.jobs.failures import find_group
from worker.jobs.filters import JobFilter
from worker.jobs.groups import named
from worker.jobs.search import find_jobs
from worker.jobs.views import job_view

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from webhooks.dashboard.visiting import Outcome, Visit
    from worker.jobs.failures import FailureGroup
    from worker.jobs.model import Job

MOST_JOBS: Final = 20
MOST_ACTS: Final = 10


@dataclass(frozen=True, slots=True)
class Seen:
    """A group with the newest of its jobs: those still open, those that are over, and the jobs that made them good, by id."""

    group: FailureGroup
    open: Sequence[Job]
    closed: Sequence[Job]
    closers: Mapping[str, Job]


def shown(visit: Visit) -> Outcome:
    """`GET /failures/<id>`."""
    return page_of(visit)


def page_of(visit: Visit, status: int = 200, note: str = "", faults: Sequence[Mapping[str, str]] = ()) -> Page:
    """The page, with what was typed and can't be taken. The address of a group stays when its last job leaves it: more may fail so."""
    given = visit.path["id"]
    if not GROUP.fullmatch(given):
        raise NotFound("there is no such group of failures")
    told = {"here": f"/failures/{given}", "typed": {"note": note, "faults": faults} if faults else None}
    acts = record.lines(visit, [("subject", given), ("limit", str(MOST_ACTS))])["lines"]
    try:
        with visit.api.database.read() as connection:
            seen = _seen(visit, connection, given)
    except NotFound:
        return Page("failure.html", {**told, "group": None, "acts": acts}, 200 if visit.part else 404)
    return Page("failure.html", {**told, "acts": acts, **_told(visit, seen)}, status)


def _seen(visit: Visit, connection: Connection, given: str) -> Seen:
    tenants = tenants_of(visit.key)
    group = find_group(connection, tenants, given)
    wanted = JobFilter(tenants=tenants, group=named(connection, given, tenants))
    still = find_jobs(connection, _closed(wanted, over=False), MOST_JOBS) if group.open else []
    over = find_jobs(connection, _closed(wanted, over=True), MOST_JOBS) if group.count > group.open else []
    ids = tuple(sorted({job.closed_by for job in over if job.closed_by is not None}))
    closers = find_jobs(connection, JobFilter(tenants=tenants, ids=ids), len(ids)) if ids else []
    return Seen(group, still, over, {job.id: job for job in closers})


def _closed(wanted: JobFilter, *, over: bool) -> JobFilter:
    return JobFilter(tenants=wanted.tenants, group=wanted.group, closed=over)


def _told(visit: Visit, seen: Seen) -> dict[str, Any]:
    group = seen.group
    mine = [("tenant", group.tenant), ("failure", group.id)]
    acted = [("all", "1"), *mine, ("closed", "false")]
    return {
        "group": group,
        "over": group.count - group.open,
        "advice": advice_of(group.error_class),
        "still": [line(job_view(job), visit.now) for job in seen.open],
        "closed": [{**line(job_view(job), visit.now), "closer": seen.closers.get(job.closed_by or "")} for job in seen.closed],
        "jobs": address("/jobs", [("state", "failed"), *mine]),
        "replay": address("/jobs/act", [("action", "replay"), *acted]),
        "discard": address("/jobs/act", [("action", "discard"), *acted]),
    }
