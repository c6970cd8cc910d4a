"""A job's page: what it is, how it went and why so slowly, what was said to the ERP, and the document as the ERP shows it now."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from webhooks.api import deliveries
from webhooks.api.access import sees
from webhooks.api.fields import ID
from webhooks.dashboard.advice import advice_of
from webhooks.dashboard.job import looks as job_looks
from webhooks.dashboard.job.calls import call_of
from webhooks.dashboard.job.documents import assembly_of, kit_of, subject_of
from webhooks.dashboard.job.results import tells_of, told_of
from webhooks.dashboard.job.story import doubt_of, lines_of
from webhooks.dashboard.kits.codes import kit_address
from webhooks.dashboard.printing import cut, pretty_json
from webhooks.dashboard.visiting import Page
from worker.errors import NotFound
from worker.jobs import queue, search
from worker.jobs.gaps import explained
from worker.jobs.groups import Group
from worker.jobs.messages import error_group
from worker.jobs.states import OPEN, State

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from webhooks.dashboard.visiting import Outcome, Visit
    from worker.jobs.model import Attempt, Job

MOST_SHOWN: Final = 1_200
"""Characters of a body on the job's page; all that was kept of it has a page of its own."""

MOST_BODIES: Final = 15
"""Calls whose bodies are on the page: the newest. The others are lines that lead to theirs."""

MOST_CALLS: Final = 200
MOST_KEPT: Final = 1_000_000
MOST_NEAR: Final = 10
_NUMBER: Final = re.compile(r"([0-9]{1,6})\.([0-9]{1,6})")


def shown(visit: Visit) -> Outcome:
    """`GET /jobs/<id>`."""
    return page_of(visit)


def page_of(visit: Visit, status: int = 200, **typed: Any) -> Page:  # noqa: ANN401 - what was typed, for the template
    """The page, or the part of it that is wanted. `typed`: what somebody filled in that could not be taken, with its `faults`."""
    with visit.api.database.read() as connection:
        job = visible(visit, connection)
        values: dict[str, Any] = {"job": job, "typed": typed, "open": job.state in OPEN, "kit": _kit(job), "named": assembly_of(job)}
        if visit.part in ("", "live_side"):
            values |= job_looks.values_of(visit, connection, job)
            values["near"] = search.same_document(connection, replace(job, subject=subject_of(job)), MOST_NEAR)
        if visit.part in ("", "live_job"):
            values |= _story_values(visit, connection, job)
    values["deliveries"] = _deliveries(visit, job)
    values["halted"] = job_looks.halted(visit, job.tenant) if values.get("pending") is not None else None
    return Page("job.html", values, status)


def exchange(visit: Visit) -> Outcome:
    """`GET /jobs/<id>/exchanges/<number>`: one call with all that was kept of it."""
    asked = _NUMBER.fullmatch(visit.path["number"])
    with visit.api.database.read() as connection:
        job = visible(visit, connection)
        attempts = search.history(connection, job)
    number, place = (0, 0) if asked is None else (int(asked[1]), int(asked[2]))
    found = next((each for each in attempts if each.number == number), None)
    if found is None or not 0 < place <= len(found.exchanges):
        raise NotFound("there is no such call, or it is kept no more")
    call = call_of(job, found, place, visit.api.settings.tenants.get(job.tenant), MOST_KEPT)
    return Page("job_call.html", {"job": job, "call": call})


def result(visit: Visit) -> Outcome:
    """`GET /jobs/<id>/result`: result and arguments whole, as JSON."""
    with visit.api.database.read() as connection:
        job = visible(visit, connection)
    return Page("job_result.html", {"job": job, "result": pretty_json(job.result), "arguments": pretty_json(job.arguments)})


def visible(visit: Visit, connection: Connection) -> Job:
    """The job of the address. Raises `NotFound` for one that is not there for this person."""
    given = visit.path["id"]
    job = queue.find(connection, given) if ID.fullmatch(given) else None
    if job is None or not sees(visit.key, job.tenant):
        raise NotFound(f"there is no job {given[:40]}")
    return job


def _story_values(visit: Visit, connection: Connection, job: Job) -> dict[str, Any]:
    moves, attempts = search.timeline(connection, job), search.history(connection, job)
    gaps = explained(connection, job, moves, visit.now if job.state in OPEN else None)
    whole, more = cut(pretty_json(job.arguments), 4 * MOST_SHOWN)
    failed = job.state is State.FAILED
    return {
        "advice": advice_of(job.error.error_class) if job.error else None,
        "doubt": doubt_of(job, attempts) if job.error and job.error.error_class == "in_doubt" else None,
        "lines": lines_of(moves, gaps, visit.now if job.state in OPEN else None, whole=bool(visit.get("all"))),
        "attempts": _attempts(visit, job, attempts),
        "batch": None if job.batch is None else search.find_batch(connection, job.batch),
        "hasten": _can_wait(job, visit.now),
        "arguments": whole,
        "arguments_cut": more,
        "told": told_of(job),
        "alike": Group(job.tenant, job.kind, job.error.error_class, error_group(job)).id if failed and job.error else "",
        "tells_of": tells_of(job),
    }


def _attempts(visit: Visit, job: Job, attempts: list[Attempt]) -> list[dict[str, Any]]:
    """The newest first, with the calls of the newest whole."""
    tenant = visit.api.settings.tenants.get(job.tenant)
    left_whole, left = MOST_BODIES, MOST_CALLS
    told = []
    for attempt in reversed(attempts):
        total = len(attempt.exchanges)
        shown, whole = min(left, total), min(left_whole, total)
        lines = [call_of(job, attempt, place, tenant, 0) for place in range(total - shown + 1, total - whole + 1)]
        calls = [call_of(job, attempt, place, tenant, MOST_SHOWN) for place in range(total - whole + 1, total + 1)]
        told.append({"attempt": attempt, "lines": lines, "calls": calls, "left_out": total - shown})
        left, left_whole = left - shown, left_whole - whole
    return told


def _deliveries(visit: Visit, job: Job) -> list[Mapping[str, Any]]:
    """What arrived and touched the job, newest first, each with the rule by which it made the job."""
    found: list[dict[str, Any]] = visit.ask(deliveries.listed, [("job", job.id), ("limit", str(MOST_NEAR))])["items"]
    return [{**each, "rule": _rule(each.get("outcomes"), job.id)} for each in found]


def _rule(outcomes: object, job_id: str) -> str | None:
    told = outcomes if isinstance(outcomes, list) else []
    return next((str(each.get("rule", "")) for each in told if isinstance(each, dict) and each.get("job") == job_id), None)


def _can_wait(job: Job, now: datetime) -> bool:
    """Whether something is to happen to it later that may as well happen now."""
    if job.state is State.WAITING:
        return True
    return job.state in {State.QUEUED, State.RETRYING} and job.starts > 0 and job.due_at > now


def _kit(job: Job) -> dict[str, str] | None:
    code = kit_of(job)
    return None if code is None else {"code": code, "to": kit_address(job.tenant, code)}
