"""The document of a job as the ERP shows it now: a look is a job of its own, and the newest is shown on the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from webhooks.api import connections, jobs
from webhooks.dashboard.job.documents import assembly_of, document_of
from worker.errors import Conflict
from worker.jobs import search
from worker.jobs.states import OPEN, State

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from webhooks.dashboard.visiting import Visit
    from worker.jobs.model import Job

LOOK: Final = "read_kit_assembly"
_NEWEST: Final = 5
_HALTED: Final = ("paused", "broken")


def values_of(visit: Visit, connection: Connection, job: Job) -> dict[str, Any]:
    """What the page shows of it: the newest look, why it waits, and the newest one that was answered."""
    named = assembly_of(job)
    readable = named is not None and job.kind != LOOK and _has_visma(visit, job.tenant)
    if job.kind == LOOK:
        looks = [job]
    elif named is None:
        looks = []
    else:
        looks = search.find_jobs(connection, _of(job.tenant, named), _NEWEST)
    newest = looks[0] if looks else None
    seen = next((each for each in looks if each.state is State.SUCCEEDED), None)
    pending = newest if newest is not None and newest.state in OPEN else None
    return {
        "readable": readable,
        "look": newest,
        "pending": pending,
        "seen": seen,
        "document": None if seen is None else document_of(seen.result),
    }


def begin(visit: Visit, job: Job) -> None:
    """Ask the ERP for the document of a job, unless it is being asked. Raises `Conflict` where there is none to ask for."""
    named = assembly_of(job)
    if named is None or not _has_visma(visit, job.tenant):
        raise Conflict("this job has no document that can be read")
    with visit.api.database.read() as connection:
        looks = search.find_jobs(connection, _of(job.tenant, named), _NEWEST)
    if any(look.state in OPEN for look in looks):
        return  # two who press in the same moment make two looks, which does no harm
    visit.ask(jobs.create, body={"tenant": job.tenant, "kind": LOOK, "arguments": named})


def _of(tenant: str, named: dict[str, str]) -> search.JobFilter:
    return search.JobFilter(tenants=(tenant,), kind=LOOK, reference=f"{named['type']}/{named['ref_no']}")


def _has_visma(visit: Visit, tenant: str) -> bool:
    found = visit.api.settings.tenants.get(tenant)
    return found is not None and "visma" in found.erps()


def halted(visit: Visit, tenant: str) -> dict[str, Any] | None:
    """The connection, when it takes no calls."""
    found = visit.ask(connections.listed, [("tenant", tenant)])["items"]
    return next((each for each in found if each["erp"] == "visma" and each["state"] in _HALTED), None)
