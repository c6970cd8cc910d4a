"""Looks and syncs of one kit: jobs that its page follows. A look that is under way is not asked for twice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from webhooks.api import connections, jobs
from webhooks.dashboard.job.results import told_of
from worker.jobs import search
from worker.jobs.states import OPEN, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from webhooks.dashboard.job.results import Told
    from webhooks.dashboard.visiting import Visit
    from worker.jobs.model import Job

LOOK: Final = "read_kit"
SYNC: Final = "sync_kit_lines"
LASTS: Final = timedelta(days=1)
"""Older looks are not shown: what the ledger knows says when it was seen as well."""

MOST_LOOKS: Final = 5
MOST_SYNCS: Final = 4
_HALTED: Final = ("paused", "broken", "slow")


@dataclass(frozen=True, slots=True)
class Looks:
    """The newest look that is under way, the newest that was answered, and one that failed after that."""

    pending: Job | None
    seen: Job | None
    failed: Job | None

    @property
    def result(self) -> Mapping[str, Any] | None:
        """What was seen."""
        return self.seen.result if self.seen is not None and isinstance(self.seen.result, dict) else None


@dataclass(frozen=True, slots=True)
class Step:
    """One system of a look that is under way. `state`: `read`, `now` or `next`; `why` it does not go on."""

    erp: str
    state: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Sync:
    """A sync of the kit with what came of it."""

    job: Job
    open: bool
    told: Told | None


def looks_of(connection: Connection, tenant: str, codes: Iterable[str], now: datetime) -> Looks:
    """The newest looks, whichever of the kit's spellings they were asked by."""
    found = [job for job in _of(connection, tenant, LOOK, codes, MOST_LOOKS, now - LASTS) if "revision" not in job.arguments]
    pending = next((job for job in found if job.state in OPEN), None)
    seen = next((job for job in found if job.state is State.SUCCEEDED), None)
    newest = next((job for job in found if job.state not in OPEN), None)
    failed = newest if newest is not None and newest.state is State.FAILED else None
    return Looks(pending, seen, failed)


def syncs_of(connection: Connection, tenant: str, codes: Iterable[str]) -> list[Sync]:
    """The newest syncs."""
    found = _of(connection, tenant, SYNC, codes, MOST_SYNCS, None)
    return [Sync(job, job.state in OPEN, told_of(job)) for job in found]


def steps_of(look: Job, erps: Iterable[str], links: Sequence[Mapping[str, Any]]) -> list[Step]:
    """How far a look is: which systems were read, which one is now, and why that one keeps it waiting."""
    read: Mapping[str, Any] = (look.progress.get("look") or {}).get("sides") or {}
    whys = {link["erp"]: link["why"] for link in links if link["state"] in _HALTED}
    return [_step(look, erp, read, whys) for erp in erps]


def links_of(visit: Visit, tenant: str) -> list[dict[str, Any]]:
    """How the tenant's connections stand."""
    found: list[dict[str, Any]] = visit.ask(connections.listed, [("tenant", tenant)])["items"]
    return found


def begin(visit: Visit, tenant: str, code: str) -> None:
    """Read the kit in every system, unless that is under way. Raises `InvalidArguments`."""
    with visit.api.database.read() as connection:
        before = looks_of(connection, tenant, [code], visit.now)
    if before.pending is None:
        visit.ask(jobs.create, body={"tenant": tenant, "kind": LOOK, "arguments": {"kit": code}})


def _step(look: Job, erp: str, read: Mapping[str, Any], whys: Mapping[str, str | None]) -> Step:
    if erp in read:
        return Step(erp, "read")
    return Step(erp, "now", whys.get(erp) or "") if erp == look.erp else Step(erp, "next")


def _of(connection: Connection, tenant: str, kind: str, codes: Iterable[str], most: int, since: datetime | None) -> list[Job]:
    found: dict[str, Job] = {}
    for code in dict.fromkeys(codes):
        wanted = search.JobFilter(tenants=(tenant,), kind=kind, reference=code, since=since)
        found |= {job.id: job for job in search.find_jobs(connection, wanted, most)}
    return [found[key] for key in sorted(found, reverse=True)][:most]
