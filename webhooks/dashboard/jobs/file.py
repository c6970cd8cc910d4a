"""The list of jobs as a file for a spreadsheet: all that match the filter, up to a bound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from webhooks.api import jobs as api
from webhooks.api import queries
from webhooks.api.access import must_see, tenants_of
from webhooks.dashboard.csv_rows import TYPE, written
from webhooks.dashboard.jobs import filters as job_filters
from webhooks.dashboard.visiting import Download
from worker.jobs.search import JobFilter, find_jobs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhooks.dashboard.visiting import Outcome, Visit
    from worker.jobs.engine import Database
    from worker.jobs.model import Job

MOST: Final = 100_000
PORTION: Final = 1_000


def download(visit: Visit) -> Outcome:
    """`GET /jobs.csv`: newest first. What is wrong with the filter is told before the file begins."""
    given = job_filters.without(job_filters.read(visit.query, visit.zone))
    found = queries.read(given, api.FILTERS)
    if found.get("tenant") is not None:
        must_see(visit.key, found["tenant"])
    wanted = JobFilter(tenants=tenants_of(visit.key), **found)
    return Download(written(_portions(visit.api.database, wanted), MOST), TYPE, f"jobs-{visit.now.astimezone(visit.zone):%Y%m%d-%H%M}.csv")


def _portions(db: Database, wanted: JobFilter) -> Iterator[list[Job]]:
    """The jobs, a transaction for each portion: memory holds one at a time. One job more than the bound is enough to know of a rest."""
    after: str | None = None
    for _ in range(MOST // PORTION + 1):
        with db.read() as connection:
            found = find_jobs(connection, wanted, PORTION, after)
        if found:
            yield found
        if len(found) < PORTION:
            return
        after = found[-1].id
