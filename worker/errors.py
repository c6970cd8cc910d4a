"""Every exception of kitrelay, in one tree. The class says what to do next; values are attributes.

KitrelayError
├── SettingsError          stop; show every fault with its path in the file
├── LedgerUnavailable      answer 503, try again later: nothing was stored
├── KitFault               a kit can't be what it is said to be: a cycle, an unknown unit, a missing item; a person must act
├── Refusal                tell the caller; nothing was done
│   ├── InvalidArguments   422, every fault and its place
│   ├── NotFound           404
│   ├── Conflict           409, what there is stands against it
│   └── QueueFull          503, too much open work to take more
└── CallError              a call to an ERP did not do what it should
    ├── NotSent            the ERP never saw it: connection refused, no route; free to send again
    ├── Unclear            it may have taken effect: lost answer, timeout, 5xx; look before writing again
    ├── RateLimited        429; wait `retry_after` seconds
    ├── AuthRefused        401 or 403 that a fresh token did not cure; a person must act
    ├── Rejected           the ERP read it and says no: 400, 409, 412, 422
    ├── Missing            404 or 410
    └── BadAnswer          a 2xx that can't be read
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with an input: where (dotted path, or line and column) and what."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


@dataclass(frozen=True, slots=True)
class ErrorClass:
    """What an error class means for a job: does another try help, and what should a person do."""

    retry: bool
    meaning: str


ERROR_CLASSES: Final[dict[str, ErrorClass]] = {
    "validation": ErrorClass(retry=False, meaning="The ERP refuses the values: correct them, then replay."),
    "missing_reference": ErrorClass(retry=False, meaning="Something it names does not exist there: create it, then replay."),
    "duplicate": ErrorClass(retry=False, meaning="It exists already: check the other one, then discard."),
    "conflict": ErrorClass(retry=False, meaning="The document's state stands against it: look at the document."),
    "auth": ErrorClass(retry=False, meaning="The ERP does not let us in: check credentials, scopes and the tenant id."),
    "rate_limited": ErrorClass(retry=True, meaning="Too many calls: it waits and goes on by itself."),
    "unavailable": ErrorClass(retry=True, meaning="The ERP is down or failed: it tries again by itself."),
    "timeout": ErrorClass(retry=True, meaning="The ERP did not answer in time: it looks, then tries again."),
    "in_doubt": ErrorClass(retry=False, meaning="Nobody can tell whether it happened: look in the ERP, then replay or discard."),
    "expired": ErrorClass(retry=False, meaning="No end was seen before the ERP forgot it: look at the document."),
    "poison": ErrorClass(retry=False, meaning="It killed its worker three times: set aside, report it."),
    "bug": ErrorClass(retry=False, meaning="A fault of kitrelay: report it with the job's page."),
}


class KitrelayError(Exception):
    """The root: whatever kitrelay raises on purpose."""


class SettingsError(KitrelayError):
    """The settings have faults; `faults` holds all of them. Secrets are never in it."""

    def __init__(self, faults: tuple[Fault, ...], source: str = "") -> None:
        self.faults = faults
        self.source = source
        lines = "\n".join(f"  {fault}" for fault in faults)
        super().__init__(f"{source or 'settings'}: {len(faults)} fault(s)\n{lines}")


class LedgerUnavailable(KitrelayError):
    """The database can't be read or written now. Nothing was stored."""


class KitFault(KitrelayError):
    """A kit can't be written as it is: `faults` names every reason and its place; `error_class` is a key of `ERROR_CLASSES`."""

    def __init__(self, error_class: str, faults: tuple[Fault, ...]) -> None:
        self.error_class = error_class
        self.faults = faults
        super().__init__("; ".join(str(fault) for fault in faults))


class Refusal(KitrelayError):
    """The caller asked for what can't be done; nothing was done."""


class InvalidArguments(Refusal):
    """Arguments with faults, all of them in `faults`."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        self.faults = faults
        super().__init__("; ".join(str(fault) for fault in faults))


class NotFound(Refusal):
    """There is no such thing, or the caller may not see it."""


class Conflict(Refusal):
    """What there is stands against it, such as a replay of a job that is running."""


class QueueFull(Refusal):
    """Too much open work to take more; `retry_after` is in seconds."""

    def __init__(self, message: str, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class CallError(KitrelayError):
    """A call to an ERP failed.

    `error_class` is a key of `ERROR_CLASSES`; `status` the HTTP status, if there was an answer; `retry_after` seconds to wait,
    if the ERP said so; `message` the ERP's own words where it had any.
    """

    error_class = "unavailable"

    def __init__(
        self, message: str, *, status: int | None = None, retry_after: float | None = None, error_class: str | None = None
    ) -> None:
        self.message = message
        self.status = status
        self.retry_after = retry_after
        if error_class is not None:
            self.error_class = error_class
        super().__init__(message)


class NotSent(CallError):
    """The ERP never saw the call: free to send it again."""


class Unclear(CallError):
    """The call may have taken effect: look before writing again."""

    error_class = "timeout"


class RateLimited(CallError):
    """429: no call before `retry_after` seconds."""

    error_class = "rate_limited"


class AuthRefused(CallError):
    """401 or 403 that a fresh token did not cure."""

    error_class = "auth"


class Rejected(CallError):
    """The ERP understood and refuses: the same request again would be refused again."""

    error_class = "validation"


class Missing(CallError):
    """404 or 410: what the path names is not there."""

    error_class = "missing_reference"


class BadAnswer(CallError):
    """A 2xx whose body is not what the ERP documents."""
