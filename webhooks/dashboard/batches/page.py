"""A batch: where it stands, when it will be done, what holds it up, what failed for the same reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from webhooks.api import actions, connections
from webhooks.api.access import sees
from webhooks.api.fields import ID
from webhooks.dashboard.batches.holdups import halted, holdups, stood_still
from webhooks.dashboard.batches.listing import line
from webhooks.dashboard.batches.new import rests_on, takes
from webhooks.dashboard.jobs.lines import line as job_line
from webhooks.dashboard.visiting import Page
from worker.errors import NotFound
from worker.jobs import batch_jobs, estimates, search, standstills
from worker.jobs.failures import FailureFilter, failure_groups
from worker.jobs.model import Lane
from worker.jobs.progress import standings
from worker.jobs.states import ActionState, BatchState
from worker.jobs.views import job_view
from worker.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from webhooks.dashboard.visiting import Outcome, Visit
    from worker.jobs.failures import FailureGroup
    from worker.jobs.model import Batch, Job
    from worker.jobs.progress import Progress
    from worker.jobs.standstills import Standstill

MOST_GROUPS: Final = 25
MOST_JOBS: Final = 15
EVERY: Final = 2
SELDOM: Final = 10


@dataclass(frozen=True, slots=True)
class Seen:
    """What the ledger says of a batch at one moment."""

    batch: Batch
    progress: Progress
    groups: Sequence[FailureGroup]
    jobs: Sequence[Job]
    stops: Sequence[Standstill]
    preview: Mapping[str, Any] | None
    """Of a held batch: what it would take."""


def shown(visit: Visit) -> Outcome:
    """`/batches/<id>`; `?action=…` names what was begun here, to be followed."""
    with visit.api.database.read() as connection:
        batch = find(visit, connection)
        seen = _seen(visit, connection, batch)
    told = line(batch, seen.progress, visit.now)
    links = [each for each in visit.ask(connections.listed, [("tenant", batch.tenant)])["items"] if each["erp"] in places(visit, batch)]
    action = _action(visit, batch)
    values = {
        **told,
        "title": title(batch, told["ended"], told["total"]),
        "asked": selection(batch),
        "groups": seen.groups[:MOST_GROUPS],
        "more_groups": len(seen.groups) > MOST_GROUPS,
        "jobs": [job_line(job_view(job), visit.now) for job in seen.jobs],
        "holdups": holdups(batch, seen.progress.counts, links, visit.now),
        "halted": halted(places(visit, batch), links),
        "stops": stood_still(seen.stops, batch.created_at, batch.finished_at or visit.now),
        "preview": seen.preview,
        "takes": takes(seen.preview, visit.now),
        "rests_on": rests_on(seen.preview),
        "action": action,
        "here": f"/batches/{batch.id}",
        "query": [("action", action["id"])] if action else [],
        "every": _every(batch, action, moving=told["moving"]),
    }
    return Page("batch.html", values)


def title(batch: Batch, ended: int, total: int) -> str:
    """For the tab: how far it is, while it goes on; else its name."""
    if batch.state is not BatchState.RUNNING or not total:
        return batch.name
    return f"{100 * ended // total} % · {batch.name}"


def _every(batch: Batch, action: Mapping[str, Any] | None, *, moving: bool) -> int:
    """How many seconds the page stands still; 0: nothing of it moves any more. What is held moves only when somebody says so."""
    if action is not None and action["state"] == ActionState.RUNNING:
        return EVERY
    if not moving:
        return 0
    return SELDOM if batch.held and batch.state is BatchState.PAUSED else EVERY


def find(visit: Visit, connection: Connection) -> Batch:
    """The batch that the address names. Raises `NotFound`, also for one of a tenant that the key may not see."""
    given = visit.path["id"]
    if not ID.fullmatch(given):
        raise NotFound("there is no such batch")
    batch = search.find_batch(connection, given)
    if not sees(visit.key, batch.tenant):
        raise NotFound(f"there is no batch {batch.id}")
    return batch


def places(visit: Visit, batch: Batch) -> tuple[str, ...]:
    """The ERPs that its jobs call: all of the tenant's for kits that go from one to the others."""
    home = visit.api.settings.tenants.get(batch.tenant)
    kind = KINDS.get(batch.kind)
    if home is None or (kind is not None and kind.erp):
        return (batch.erp,)
    return tuple(home.erps())


def selection(batch: Batch) -> list[tuple[str, Any]]:
    """What was to be looked for, as names and values to show."""
    given: Mapping[str, Any] = batch.select or {}
    return [(name.replace("_", " "), ", ".join(map(str, value)) if isinstance(value, list) else value) for name, value in given.items()]


def _seen(visit: Visit, connection: Connection, batch: Batch) -> Seen:
    until = batch.finished_at or visit.now
    progress = standings(connection, [batch], visit.now)[batch.id]
    wanted = FailureFilter(batch=batch.id)
    groups = failure_groups(connection, (batch.tenant,), wanted, limit=MOST_GROUPS + 1) if progress.counts["failed"] else []
    stops = [
        each for erp in places(visit, batch) for each in standstills.during(connection, Lane(batch.tenant, erp), batch.created_at, until)
    ]
    by_count = sorted(groups, key=lambda group: (-group.open, -group.count))
    waits = batch.held and batch.state is BatchState.PAUSED
    preview = estimates.of_made(connection, visit.api.settings, batch, progress.counts["queued"], visit.now) if waits else None
    return Seen(batch, progress, by_count, batch_jobs.latest(connection, batch.id, MOST_JOBS), stops, preview)


def _action(visit: Visit, batch: Batch) -> dict[str, Any] | None:
    """What was begun on this page, if it is of this batch."""
    given = visit.get("action")
    if not given:
        return None
    try:
        action: dict[str, Any] = visit.ask(actions.shown, id=given)
    except NotFound:
        return None
    return action if action["filter"].get("batch") == batch.id else None
