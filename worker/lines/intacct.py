"""Direct jobs on one kit component of Intacct: make, change or delete it, and read it back.

Intacct shows a write at once (documented), so the read follows in the same turn. After an unclear end nothing is sent before `second_look`;
then the kit tells, and what it does not show is sent under the same Idempotency-Key: had it been done, Intacct would answer as it did then
and do nothing. A new key (the next `generation`) comes when Intacct repeated a stored answer, when the key is taken or too old to be known,
and with a person's replay.
"""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from worker.clients.intacct.comparison import wanted_of
from worker.clients.intacct.faults import replayed
from worker.clients.intacct.keys import STORED, idempotency_key
from worker.errors import AuthRefused, BadAnswer, CallError, Missing, NotSent, RateLimited, Rejected, Unclear
from worker.jobs.model import JobError
from worker.jobs.retries import not_before
from worker.jobs.verdicts import accepted, again, doubt, failed, later, retry
from worker.lines.intacct_seeing import Decided, Seeing, Target, operation_of, target_in
from worker.refusals import before_sending, error_of, look_failed, unseen

if TYPE_CHECKING:
    from worker.clients.intacct.client import IntacctClient
    from worker.jobs.model import Job
    from worker.jobs.verdicts import Verdict
    from worker.settings import Intacct

_OF_ONE_START: Final = ("decided", "doubt", "failed_looks", "failing_since", "finished", "finished_at", "look_first")
"""What a job remembers of one start of it only."""

_AUTH_WAIT: Final = 30.0
_MARGIN: Final = 0.5
_SHORT: Final = 2.0
"""After a write that does not show yet: the wait until the next look, in seconds."""


class KitComponentWork:
    """Does one job after another, at the time `now` (epoch seconds). Threads share it."""

    def __init__(self, client: IntacctClient, settings: Intacct) -> None:
        self._client = client
        self._settings = settings
        self._seeing = Seeing(client)

    def start(self, job: Job, now: float) -> Verdict:
        """Send the job's write, unless an earlier start turns out to have done it."""
        if job.progress.get("look_first") and "generation" not in job.progress:  # replayed: the old key may hold a stored failure
            return again("it gets a new Idempotency-Key", generation=int(job.progress.get("sent_at") or 0))
        try:
            target = self._seeing.target(job)
        except Decided as end:
            return end.verdict
        except CallError as error:
            return self._look_failed(job, error, now)
        try:
            written = self._send(job, target, now)
        except CallError as error:
            return self._ended(job, target, error, now)
        return self._read_back(job, written, now)

    def look(self, job: Job, now: float) -> Verdict:
        """Read how a waiting job stands. A look that fails is no harm: another one follows."""
        finished = bool(job.progress.get("finished"))
        left = self._settings.second_look - (now - _sent_at(job))
        if not finished and left > 0:
            return later("nobody can tell yet", wait=left + _MARGIN)
        try:
            return self._verified(job, target_in(job), now) if finished else self._in_doubt(job, now)
        except Decided as end:
            return end.verdict
        except CallError as error:
            return unseen(job, error, now)

    def _send(self, job: Job, target: Target, now: float) -> Target:
        """The write itself. A create's answer names the line."""
        operation, values = operation_of(job), wanted_of(job.arguments)
        line = str(target.line)
        if operation == "delete":
            self._client.delete_kit_component(line)
            return target
        generation = _generation(job, now)
        if operation == "update":
            self._client.update_kit_component(line, values, idempotency_key(job.id, generation, operation, "", line, values))
            return target
        key = idempotency_key(job.id, generation, operation, target.kit, target.component, values)
        made = self._client.create_kit_component({"kit": target.kit, "component": target.component, **values}, key)
        return replace(target, line=made.key)

    def _read_back(self, job: Job, target: Target, now: float) -> Verdict:
        """Right after the write; what can't be read now is read later."""
        fresh = {**_memory(job, target, now), "finished": True, "finished_at": now}
        try:
            verdict = self._verified(replace(job, progress={**job.progress, **fresh}), target, now)
        except Decided as end:
            verdict = end.verdict
        except CallError as error:
            verdict = accepted(f"written; reading it back failed: {error.message}", wait=self._settings.retries.first)
        return replace(verdict, progress={**fresh, **verdict.progress})

    def _verified(self, job: Job, target: Target, now: float) -> Verdict:
        """Intacct said yes: done, if it shows."""
        sight = self._seeing.see(job, target)
        if sight.end is not None:
            return sight.end
        if now - float(job.progress.get("finished_at") or now) > self._settings.second_look:
            return failed(JobError("conflict", f"Intacct says it is done, but {sight.missing}"))
        return later(f"Intacct says it is done, but {sight.missing}", wait=_SHORT)

    def _in_doubt(self, job: Job, now: float) -> Verdict:
        sight = self._seeing.see(job, target_in(job))
        if sight.end is not None:
            return sight.end
        if job.attempt >= job.max_attempts:
            return failed(JobError("in_doubt", f"it can't be told whether Intacct did it: {sight.missing}"))
        wait = max(0.0, not_before(job.progress.get("failed_at", ()), self._settings.retries.repeat_window) - now)
        cause = f"not done {self._settings.second_look:g} s after an unclear end ({sight.missing}): it is sent again"
        return again(cause, wait=wait, look_first=True, doubt=None, generation=int(job.progress.get("generation") or 0))

    def _ended(self, job: Job, target: Target, error: CallError, now: float) -> Verdict:
        """What a write that did not go well means for the job."""
        if isinstance(error, (NotSent, RateLimited, AuthRefused)):
            return before_sending(job, error, now, self._settings.retries)
        memory = _memory(job, target, now)
        if isinstance(error, Missing) and operation_of(job) == "delete":
            return self._read_back(job, target, now)
        if isinstance(error, (Unclear, BadAnswer)):
            if replayed(error) or error.status == HTTPStatus.CONFLICT:
                memory["generation"] += 1
            return doubt(error_of(error), wait=self._settings.second_look, **memory)
        if isinstance(error, (Missing, Rejected)):
            return failed(error_of(error), **memory)
        return retry(error_of(error), ordered=error.retry_after)

    def _look_failed(self, job: Job, error: CallError, now: float) -> Verdict:
        """Nothing was written: look again a little later, at no cost to the job's attempts."""
        if isinstance(error, (NotSent, RateLimited, AuthRefused)):
            return before_sending(job, error, now, self._settings.retries)
        if isinstance(error, (Missing, Rejected)):
            return failed(error_of(error))
        return look_failed(job, error, self._settings.retries)


def _memory(job: Job, target: Target, now: float) -> dict[str, Any]:
    """What a job must know of the start that was just made, and that it forgets those before."""
    return {**dict.fromkeys(_OF_ONE_START), "sent_at": now, "generation": _generation(job, now), "target": target.remembered()}


def _generation(job: Job, now: float) -> int:
    """Which Idempotency-Key of the job's this start uses."""
    aged = job.progress.get("sent_at") is not None and now - _sent_at(job) > STORED
    return int(job.progress.get("generation") or 0) + aged


def _sent_at(job: Job) -> float:
    return float(job.progress.get("sent_at") or job.created_at.timestamp())
