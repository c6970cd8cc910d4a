"""What a call or a kit that went wrong means for a sync job. Nothing was written by the call that failed, unless said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from worker.errors import AuthRefused, BadAnswer, Missing, RateLimited, Rejected
from worker.jobs.model import JobError
from worker.jobs.verdicts import again, failed, later, retry

if TYPE_CHECKING:
    from worker.errors import CallError, KitFault
    from worker.jobs.verdicts import Verdict

_AUTH_WAIT: Final = 30.0
_FORBIDDEN: Final = 403
_LOOK_AGAIN: Final = 10.0


def error_of(error: CallError) -> JobError:
    """The same, as a job shows it."""
    return JobError(error.error_class, error.message, error.status)


def unread(error: CallError, **progress: Any) -> Verdict:  # noqa: ANN401 - JSON values
    """A read failed before anything was sent."""
    if isinstance(error, RateLimited):
        return again(f"a call was refused: too many ({error.message})", wait=error.retry_after or 1.0, error=error_of(error), **progress)
    if isinstance(error, AuthRefused) and error.status != _FORBIDDEN:
        return again("we are not let in; it is tried again when we are", wait=_AUTH_WAIT, error=error_of(error), **progress)
    if isinstance(error, (AuthRefused, Rejected, Missing)):
        return failed(error_of(error), **progress)
    if isinstance(error, BadAnswer):
        return retry(error_of(error), **progress)
    return retry(error_of(error), ordered=error.retry_after, **progress)


def unseen(error: CallError) -> Verdict:
    """A look failed: no harm, another one follows."""
    return later(f"a look failed: {error.message}", wait=max(_LOOK_AGAIN, error.retry_after or 0.0))


def unfit(fault: KitFault) -> JobError:
    """A kit that can't be written as it is: all reasons in one message."""
    return JobError(fault.error_class, str(fault))
