"""What a call that went wrong means for a job, by whether anything was written. For every ERP alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.errors import AuthRefused, BadAnswer, CallError, KitFault, Missing, RateLimited, Rejected
from worker.jobs.model import JobError
from worker.jobs.retries import not_before
from worker.jobs.verdicts import again, failed, later, retry

if TYPE_CHECKING:
    from worker.jobs.model import Job
    from worker.jobs.verdicts import Verdict
    from worker.settings import Retries

_AUTH_WAIT: Final = 30.0
_FORBIDDEN: Final = 403
_LOOK_AGAIN: Final = 10.0
_LONGEST: Final = 300.0
_FEW: Final = 5
_WHILE: Final = 120.0


def error_of(error: CallError) -> JobError:
    """The same, as a job shows it."""
    return JobError(error.error_class, error.message, error.status)


def unfit(fault: KitFault) -> JobError:
    """What a person must put right: all reasons in one message."""
    return JobError(fault.error_class, str(fault))


def before_sending(job: Job, error: CallError, now: float, rules: Retries) -> Verdict:
    """The call did not reach the ERP, or was turned away unread; or it was a read, before anything was written."""
    if isinstance(error, RateLimited):
        refused = [*job.progress.get("refused_at", ()), now][-4:]
        wait = max(error.retry_after or 1.0, not_before(refused, rules.repeat_window) - now)
        return again("the ERP refused the call: too many", wait=wait, ordered=error.retry_after, error=error_of(error), refused_at=refused)
    if isinstance(error, AuthRefused) and error.status != _FORBIDDEN:
        return again("the ERP does not let us in; it is tried again when it does", wait=_AUTH_WAIT, error=error_of(error))
    if isinstance(error, (AuthRefused, Rejected, Missing)):
        return failed(error_of(error))
    return retry(error_of(error), ordered=error.retry_after)


def look_failed(job: Job, error: CallError, rules: Retries) -> Verdict:
    """The look before a second write failed: look again a little later, at no cost to the job's attempts."""
    failures = int(job.progress.get("failed_looks", 0)) + 1
    wait = max(error.retry_after or 0.0, min(rules.most, rules.first * 2.0 ** min(failures - 1, 16)))
    return again(
        f"the look before sending failed: {error.message}",
        wait=wait,
        ordered=error.retry_after,
        error=error_of(error),
        failed_looks=failures,
    )


def unseen(job: Job, error: CallError, now: float) -> Verdict:
    """A look at a waiting job failed. Mostly that is no harm: another one follows, later each time, for as long as it takes.

    A person is told at once where the ERP forbids the look, and where it refuses it or can't be understood after a few and a while: looks
    that somebody asks for, one upon the other, bring no end.
    """
    failures = int(job.progress.get("failed_looks", 0)) + 1
    forbidden = isinstance(error, AuthRefused) and error.status == _FORBIDDEN
    since = float(job.progress.get("failing_since", now))
    lasting = failures >= _FEW and now - since >= _WHILE
    if forbidden or (lasting and isinstance(error, (BadAnswer, Missing, Rejected))):
        return failed(error_of(error))
    wait = max(min(_LOOK_AGAIN * 2.0 ** min(failures - 1, 16), _LONGEST), error.retry_after or 0.0)
    return later(f"a look failed: {error.message}", wait=wait, ordered=error.retry_after, failed_looks=failures, failing_since=since)
