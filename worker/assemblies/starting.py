"""A job's first call, and what its answer means for the job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from worker.assemblies.seeing import fields_of, see
from worker.clients.visma.names import background_header
from worker.clients.visma.records import Accepted, Created
from worker.errors import AuthRefused, BadAnswer, CallError, Missing, NotSent, RateLimited, Rejected, Unclear
from worker.jobs.model import JobError
from worker.jobs.verdicts import accepted, done, doubt, failed, retry
from worker.kinds import KINDS
from worker.refusals import before_sending, error_of, look_failed

if TYPE_CHECKING:
    from worker.clients.visma.client import VismaClient
    from worker.clients.visma.records import ReleaseResult
    from worker.jobs.model import Job
    from worker.jobs.verdicts import Verdict
    from worker.settings import Visma

FIRST_POLL: Final = {"create": 30.0, "release": 30.0, "update": 5.0, "delete": 5.0}
"""Seconds until the first look, unless the settings say otherwise: an update or delete may end without a notification."""

_OF_ONE_START: Final = (
    "decided",
    "doubt",
    "failed_looks",
    "finished",
    "finished_at",
    "forgotten_at",
    "late",
    "look_first",
    "named",
    "single",
)
"""What a job remembers of one start of it only."""


def first_poll(settings: Visma, job: Job) -> float:
    """How long to wait for the notification before asking, in seconds."""
    return settings.first_poll if settings.first_poll is not None else FIRST_POLL[KINDS[job.kind].operation]


def start(client: VismaClient, settings: Visma, job: Job, now: float, clock_minutes: int | None) -> Verdict:
    """Send the job's write, unless an earlier start turns out to have done it. `now` in epoch seconds.

    Where nobody can tell, a person decides: a replay of a job that failed in doubt is sent unless it is seen done.
    """
    if job.progress.get("look_first"):
        try:
            sight = see(client, job, mark=settings.mark_description, clock_minutes=clock_minutes)
        except CallError as error:
            return look_failed(job, error, settings.retries)
        if sight.verdict is not None:
            return sight.verdict
        if sight.ambiguous and not job.progress.get("decided"):
            return failed(JobError("in_doubt", sight.missing))
    return send(client, settings, job, now)


def send(client: VismaClient, settings: Visma, job: Job, now: float) -> Verdict:
    """The write itself."""
    try:
        answer = _write(client, settings, job)
    except (NotSent, RateLimited, AuthRefused) as error:
        return before_sending(job, error, now, settings.retries)
    except (Unclear, BadAnswer) as error:
        wait = min(first_poll(settings, job), settings.second_look)
        return doubt(error_of(error), wait=wait, sent_at=now, polls=0, **dict.fromkeys(_OF_ONE_START))
    except (Missing, Rejected) as error:
        return _refused(job, error)
    except CallError as error:
        return retry(error_of(error), ordered=error.retry_after)
    fresh: dict[str, Any] = {"sent_at": now, "polls": 0, **dict.fromkeys(_OF_ONE_START)}
    if isinstance(answer, Accepted):
        cause = f"Visma accepted it as operation {answer.id}"
        return accepted(cause, wait=first_poll(settings, job), erp_id=answer.id, **fresh)
    if isinstance(answer, Created) and answer.ref_no is not None:
        fresh["named"] = [answer.type, answer.ref_no]
    return accepted("Visma answered at once; reading it back", wait=0.0, **{**fresh, "finished": True})


def _write(client: VismaClient, settings: Visma, job: Job) -> Accepted | Created | ReleaseResult | None:
    """What Visma answered: the operation, or what it did at once."""
    header = background_header(settings, job.id)
    operation = KINDS[job.kind].operation
    if operation == "create":
        return client.create_kit_assembly(fields_of(job, mark=settings.mark_description), background=header)
    names = (job.arguments["type"], job.arguments["ref_no"])
    if operation == "update":
        return client.update_kit_assembly(*names, fields_of(job, mark=False), background=header)
    if operation == "delete":
        return client.delete_kit_assembly(*names, background=header)
    return client.release_kit_assembly(*names, background=header)


def _refused(job: Job, error: CallError) -> Verdict:
    """Nothing more is tried, unless it is a delete of what an earlier start may have deleted."""
    if isinstance(error, Missing) and KINDS[job.kind].operation == "delete" and job.attempt:
        return done("it is gone")
    return failed(error_of(error))
