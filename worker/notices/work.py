"""Deliver the notices of a tenant: a lane of its own, where each job is one POST, tried over a day until somebody takes it.

A receiver may get a notice twice, when a worker dies or an answer is lost after it was sent: always under the same `webhook-id`, the job's.
"""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from worker.clients.exchanges import recorded
from worker.connections import Limits, Meter, Report
from worker.errors import CallError, Rejected
from worker.handling import Finding, Look
from worker.jobs.model import JobError
from worker.jobs.verdicts import again, done, failed, retry
from worker.jobs.views import at
from worker.notices.announcing import RULES
from worker.notices.contents import body_of
from worker.notices.resting import Resting
from worker.notices.signing import headers_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from worker.handling import Page
    from worker.jobs.limits import ConnectionState
    from worker.jobs.model import Batch, Job
    from worker.jobs.verdicts import Verdict
    from worker.notices.sending import Reply, Sender
    from worker.settings import Notice

SLOTS: Final = 4
FEW: Final = 4
"""So often is a notice tried that its receiver refuses: a refusal seldom passes, but a receiver may be in the middle of a deploy."""

PASSING: Final[dict[int, str]] = {HTTPStatus.REQUEST_TIMEOUT: "timeout", HTTPStatus.TOO_MANY_REQUESTS: "rate_limited"}
REFUSALS: Final[dict[int, str]] = {
    HTTPStatus.UNAUTHORIZED: "auth",
    HTTPStatus.FORBIDDEN: "auth",
    HTTPStatus.NOT_FOUND: "missing_reference",
    HTTPStatus.CONFLICT: "conflict",
}
"""By status, the error class; other refusals are `validation`."""


class NoticeHandler:
    """The `Handler` of the lane. It has no breaker: a receiver that fails must not hold up another.

    `learned` reads what the ledger has learned of the lane, None while it is away; `clock` gives epoch seconds.
    """

    limits = Limits(SLOTS)
    rules = RULES

    def __init__(
        self,
        receivers: Mapping[str, Notice],
        sender: Sender,
        learned: Callable[[], Mapping[str, Any] | None],
        clock: Callable[[], float],
    ) -> None:
        self.meter = Meter()
        self._receivers = receivers
        self._sender = sender
        self._resting = Resting(learned, self.meter)
        self._clock = clock

    def start(self, job: Job) -> Finding:
        """Send it, unless its receiver is to be left alone."""
        with recorded() as exchanges:
            verdict = self._delivered(job)
        return Finding(job, verdict, tuple(exchanges))

    def looks(self, waiting: Sequence[Job], state: ConnectionState, now: datetime) -> list[Look]:  # noqa: ARG002 - the protocol's
        """Only a job whose worker died waits. The receiver knows a notice by its id, so it is simply sent again."""
        found = [Finding(job, again("perhaps sent already: sent again under the same id", doubt=None)) for job in waiting]
        return [Look(tuple(waiting), lambda: found)] if waiting else []

    def plan(self, batch: Batch) -> Page:
        """Nobody can ask for notices."""
        raise CallError(f"nothing selects {batch.kind} here", error_class="bug")

    def probe(self) -> None:
        """There is no breaker that would ask for it."""

    def _delivered(self, job: Job) -> Verdict:
        name = job.arguments["notice"]
        receiver = self._receivers.get(name)
        if receiver is None:
            return failed(JobError("missing_reference", f"the settings have no notice named {name} any more"))
        now = self._clock()
        return (None if _replayed(job) else self._spared(receiver, now)) or self._sent(job, receiver, now)

    def _spared(self, receiver: Notice, now: float) -> Verdict | None:
        """What becomes of a notice whose receiver is left alone now. It counts as a try: so a day of silence costs no more than one."""
        gone = self._resting.gone_until(receiver, now)
        if gone is not None:
            return failed(JobError("missing_reference", _gone(receiver.name, gone), HTTPStatus.GONE))
        rests = self._resting.rests_until(receiver, now)
        if rests is None:
            return None
        return retry(JobError("unavailable", f"not tried: {receiver.name} has not answered lately"), ordered=rests - now)

    def _sent(self, job: Job, receiver: Notice, now: float) -> Verdict:
        body = body_of(job.arguments)
        headers = headers_for(job.id, int(now), body, receiver.secrets)
        try:
            reply = self._sender.post(receiver.url, body, headers, allow_private=receiver.allow_private)
        except Rejected as error:
            return _refused(job, JobError(error.error_class, error.message))
        except CallError as error:
            self.meter.saw(Report(calls=1))
            self._resting.failed(receiver, now)
            return retry(JobError(error.error_class, error.message), refused=None)
        return self._judged(job, receiver, reply, now)

    def _judged(self, job: Job, receiver: Notice, reply: Reply, now: float) -> Verdict:
        status = reply.status
        self.meter.saw(Report(calls=1, oks=1, last_ok_at=datetime.fromtimestamp(now, UTC), ms=round(reply.ms)))
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            self._resting.failed(receiver, now)
            return retry(JobError("unavailable", _answers(receiver, status), status), ordered=reply.retry_after, refused=None)
        well = HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES
        self._resting.answered(receiver, now, well=well)
        if well:
            return done(f"{receiver.name} took it", {"status": status})
        if status == HTTPStatus.GONE:
            self._resting.went(receiver, now)
            gone = self._resting.gone_until(receiver, now) or now
            return failed(JobError("missing_reference", _gone(receiver.name, gone), status))
        if status in PASSING:
            return retry(JobError(PASSING[status], _answers(receiver, status), status), ordered=reply.retry_after, refused=None)
        return _refused(job, JobError(REFUSALS.get(status, "validation"), _answers(receiver, status), status), reply.retry_after)


def _refused(job: Job, error: JobError, ordered: float | None = None) -> Verdict:
    """Tried a few times in all."""
    refused = int(job.progress.get("refused", 0)) + 1
    return failed(error, refused=refused) if refused >= FEW else retry(error, ordered=ordered, refused=refused)


def _replayed(job: Job) -> bool:
    """Whether a person wants it tried now, whatever was said before: a replay leaves its trace in the handler's memory."""
    return "past" in job.progress


def _gone(name: str, until: float) -> str:
    return f"{name} answered 410: it wants no more notices, and gets none until {at(datetime.fromtimestamp(int(until), UTC))}"


def _answers(receiver: Notice, status: int) -> str:
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return f"{receiver.name} answers {status}: redirects are not followed; correct its url in the settings"
    return f"{receiver.name} answers {status}"
