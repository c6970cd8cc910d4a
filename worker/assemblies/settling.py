"""How one waiting job stands: its operation is asked, then the document is read. What the ERP says there decides, never a notification."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from worker.assemblies.seeing import notified, see, see_number
from worker.assemblies.starting import first_poll
from worker.clients.messages import message_in
from worker.clients.outcomes import error_of
from worker.clients.visma.names import ref_no_from_location
from worker.errors import CallError, Missing, RateLimited
from worker.jobs.model import JobError
from worker.jobs.retries import next_poll, not_before
from worker.jobs.verdicts import again, done, failed, later, retry
from worker.kinds import KINDS

if TYPE_CHECKING:
    from worker.assemblies.seeing import Sight
    from worker.clients.visma.client import VismaClient
    from worker.clients.visma.records import BackgroundState
    from worker.jobs.model import Job
    from worker.jobs.verdicts import Verdict
    from worker.settings import Visma

_SHORT: Final = 2.0
"""After an operation ended well and the document does not show it yet: the first wait, in seconds."""

_CLIENT_ERRORS: Final = range(400, 500)
_PASSING: Final = (408, 429)
_NOT_FOUND: Final = 404
_MARGIN: Final = 0.5


class Settler:
    """Looks at one job after another, at the time `now` (epoch seconds)."""

    def __init__(self, client: VismaClient, settings: Visma, now: float, clock_minutes: int | None) -> None:
        self._client = client
        self._settings = settings
        self._now = now
        self._clock_minutes = clock_minutes

    def look(self, job: Job) -> Verdict:
        """Ask Visma how the job stands. A look that fails is no harm: another one follows."""
        try:
            return self._give_up(job) if self._age(job) > self._settings.give_up else self._ask(job)
        except RateLimited as error:
            return self._later(job, "a look was refused: too many calls", least=error.retry_after or 1.0)
        except CallError as error:
            return self._later(job, f"a look failed: {error.message}", least=error.retry_after or 0.0)

    def _ask(self, job: Job) -> Verdict:
        if notified(job) and KINDS[job.kind].operation == "release" and not job.progress.get("finished"):
            sight = self._see(job)  # after a notification the document alone will mostly do
            if sight.verdict is not None:
                return sight.verdict
        if self._operation_known(job):
            try:
                return self._by_state(job, self._client.background_state(str(job.erp_id)))
            except Missing:
                job = _forgetting(job, self._now)
        return self._by_document(job)

    def _operation_known(self, job: Job) -> bool:
        progress = job.progress
        known = job.erp_id is not None and job.erp_id not in progress.get("past", ())
        return known and not progress.get("finished") and not progress.get("forgotten_at")

    def _by_state(self, job: Job, state: BackgroundState) -> Verdict:
        if not state.done:
            return self._later(job, f"Visma is at it: {state.status}")
        if state.succeeded:
            return self._verified(job, state)
        if state.status_code in _CLIENT_ERRORS and state.status_code not in _PASSING:
            return self._refused(job, state)
        return self._broken(job, state)

    def _verified(self, job: Job, state: BackgroundState | None) -> Verdict:
        """The operation ended well: done, if the document shows it."""
        named = _named(job, state)
        sight = see_number(self._client, job, *named) if named is not None else self._see(job)
        if sight.verdict is not None:
            return sight.verdict
        finished_at = job.progress.get("finished_at", self._now)
        operation = KINDS[job.kind].operation
        if operation != "release" and self._now - finished_at > self._settings.second_look:
            error_class = "in_doubt" if operation == "create" else "conflict"
            return failed(JobError(error_class, f"Visma says it is done, but {sight.missing}"))
        looks = int(job.progress.get("late", 0))
        wait = next_poll(looks, _SHORT, self._settings.poll_max, random.random())  # noqa: S311 - jitter
        cause = f"the operation has ended well, but {sight.missing}"
        return later(cause, wait=wait, finished=True, finished_at=finished_at, late=looks + 1, single=None, named=named and [*named])

    def _refused(self, job: Job, state: BackgroundState) -> Verdict:
        """The call inside was refused: unless the document shows it done all the same, perhaps by an earlier start, that is the end."""
        message = self._words(job, state)
        meant = error_of(state.status_code or 0, message, write=True)
        error = JobError(meant.error_class if meant is not None else "validation", message, state.status_code)
        operation = KINDS[job.kind].operation
        if operation == "delete" and state.status_code == _NOT_FOUND:
            return done("it is gone") if job.attempt else failed(JobError("missing_reference", message, state.status_code))
        if operation == "release" or job.attempt:
            sight = self._see(job)
            if sight.verdict is not None:
                return sight.verdict
        return failed(error)

    def _broken(self, job: Job, state: BackgroundState) -> Verdict:
        """Visma failed at it, and may have done it before it failed: look, then try again, not before the second look."""
        message = state.error_message or self._words(job, state)
        sight = self._see(job)
        if sight.verdict is not None:
            return sight.verdict
        if sight.ambiguous:
            return failed(JobError("in_doubt", sight.missing))
        error = JobError("unavailable", f"Visma failed while working on it: {message}", state.status_code or None)
        ordered = max(0.0, self._settings.second_look - self._age(job))
        return retry(error, ordered=ordered, look_first=True, single=None, past=_past(job))

    def _by_document(self, job: Job) -> Verdict:
        """There is no operation to ask: the document decides, and only after the second look may it be written again."""
        if job.progress.get("finished"):
            return self._verified(job, None)
        sight = self._see(job)
        if sight.verdict is not None:
            return sight.verdict
        if sight.gone:
            return failed(JobError("missing_reference", f"{job.reference}: {sight.missing}", _NOT_FOUND))
        left = self._settings.second_look - self._age(job, since=job.progress.get("forgotten_at"))
        kept = {key: job.progress[key] for key in ("forgotten_at",) if key in job.progress}
        if left > 0:
            return later(f"nobody can tell yet: {sight.missing}", wait=min(left + _MARGIN, self._settings.poll_max), single=None, **kept)
        if sight.ambiguous or job.attempt >= job.max_attempts:
            return failed(JobError("in_doubt", f"it can't be told whether Visma did it: {sight.missing}"))
        cause = f"not done {self._settings.second_look:g} s after an unclear end ({sight.missing}): it is sent again"
        wait = max(0.0, not_before(job.progress.get("failed_at", ()), self._settings.retries.repeat_window) - self._now)
        # It may stand in the queue for long, and news may come there: the look right before the write is what counts.
        return again(cause, wait=wait, look_first=True, doubt=None, single=None, forgotten_at=None, past=_past(job))

    def _give_up(self, job: Job) -> Verdict:
        sight = self._see(job)
        if sight.verdict is not None:
            return sight.verdict
        return failed(JobError("expired", f"no end was seen before Visma forgets the operation; {sight.missing}"))

    def _see(self, job: Job) -> Sight:
        return see(self._client, job, mark=self._settings.mark_description, clock_minutes=self._clock_minutes)

    def _words(self, job: Job, state: BackgroundState) -> str:
        """What the ERP said: the stored answer of the call inside."""
        fallback = state.error_message or f"the call inside ended with {state.status_code}"
        if state.has_response_content is False:
            return fallback
        try:
            content: Any = self._client.background_content(str(job.erp_id))
        except Missing:
            return fallback
        return message_in(content, state.status_code or 0) if content is not None else fallback

    def _age(self, job: Job, since: float | None = None) -> float:
        sent: float = since or job.progress.get("sent_at") or job.created_at.timestamp()
        return self._now - sent

    def _later(self, job: Job, cause: str, least: float = 0.0) -> Verdict:
        polls = int(job.progress.get("polls", 0))
        wait = next_poll(polls, first_poll(self._settings, job), self._settings.poll_max, random.random())  # noqa: S311 - jitter
        return later(cause, wait=max(wait, least), ordered=least or None, polls=polls + 1, single=None)


def _named(job: Job, state: BackgroundState | None) -> tuple[str | None, str] | None:
    """The document that a create's answer named, now or at an earlier look."""
    if KINDS[job.kind].operation != "create":
        return None
    if state is not None and (found := ref_no_from_location(state.response_headers)) is not None:
        return found
    known = job.progress.get("named")
    return (known[0], known[1]) if known else None


def _forgetting(job: Job, now: float) -> Job:
    return replace(job, progress={**job.progress, "forgotten_at": now})


def _past(job: Job) -> list[str]:
    return [*job.progress.get("past", ()), *([job.erp_id] if job.erp_id else [])][-8:]
