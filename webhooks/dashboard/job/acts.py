"""What a person does with one job. Each asks the API, so that it checks and keeps on record what it does for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhooks.api import jobs
from webhooks.bodies import strict_loads
from webhooks.dashboard.job import looks as job_looks
from webhooks.dashboard.job.page import page_of, visible
from webhooks.dashboard.printing import pretty_json
from webhooks.dashboard.visiting import Moved, Page
from webhooks.problems import Problem
from worker.errors import Conflict, Fault, InvalidArguments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from webhooks.api.asking import Handler
    from webhooks.dashboard.visiting import Outcome, Visit
    from worker.jobs.model import Job


def replay(visit: Visit) -> Outcome:
    """`POST /jobs/<id>/replay`."""
    return _turned(visit, jobs.replay, "It is in the queue again.")


def cancel(visit: Visit) -> Outcome:
    """`POST /jobs/<id>/cancel`."""
    return _turned(visit, jobs.cancel, "Cancelled.")


def discard(visit: Visit) -> Outcome:
    """`POST /jobs/<id>/discard`."""
    return _turned(visit, jobs.discard, "Discarded.")


def ask(visit: Visit) -> Outcome:
    """`POST /jobs/<id>/ask`: look for its outcome, or try it, now."""
    return _turned(visit, jobs.hasten, "It is asked for now.")


def done(visit: Visit) -> Outcome:
    """`POST /jobs/<id>/done`: it is done, as somebody says, with their reason."""
    reason = visit.one("reason")
    try:
        visit.ask(jobs.done, body={"reason": reason})
    except InvalidArguments as refused:
        return page_of(visit, 422, reason=reason, faults=[{"path": each.path, "message": each.message} for each in refused.faults])
    except Conflict as refused:
        return Moved(_to(visit), _sentence(str(refused)), "bad")
    return Moved(_to(visit), "Marked as done.")


def look(visit: Visit) -> Outcome:
    """`POST /jobs/<id>/look`: read its document in the ERP."""
    with visit.api.database.read() as connection:
        job = visible(visit, connection)
    try:
        job_looks.begin(visit, job)
    except Conflict as refused:
        return Moved(_to(visit), _sentence(str(refused)), "bad")
    return Moved(f"{_to(visit)}#document", "Visma Net is being asked.")


def editor(visit: Visit) -> Outcome:
    """`GET /jobs/<id>/edit`: its arguments, to be corrected."""
    job = _job(visit)
    return _editing(job, pretty_json(job.arguments), ())


def edit(visit: Visit) -> Outcome:
    """`POST /jobs/<id>/edit`: replay it with these arguments. Nothing that was typed is lost where they can't be taken."""
    job, typed = _job(visit), visit.one("arguments")
    try:
        arguments = strict_loads(typed.encode())
    except Problem as unread:
        return _editing(job, typed, (Fault("arguments", f"is no JSON: {unread.detail}"),))
    try:
        visit.ask(jobs.replay, body={"arguments": arguments})
    except InvalidArguments as refused:
        return _editing(job, typed, refused.faults)
    except Conflict as refused:
        return _editing(job, typed, (Fault("", str(refused)),))
    return Moved(_to(visit), "It is in the queue again, with the arguments as you corrected them.")


def _editing(job: Job, text: str, faults: Sequence[Fault]) -> Page:
    told = [{"path": fault.path, "message": fault.message} for fault in faults]
    return Page("job_edit.html", {"job": job, "text": text, "faults": told}, 422 if faults else 200)


def _turned(visit: Visit, handler: Handler, said: str) -> Outcome:
    try:
        visit.ask(handler)
    except Conflict as refused:
        return Moved(_to(visit), _sentence(str(refused)), "bad")
    return Moved(_to(visit), said)


def _job(visit: Visit) -> Job:
    with visit.api.database.read() as connection:
        return visible(visit, connection)


def _to(visit: Visit) -> str:
    return f"/jobs/{visit.path['id']}"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."
