"""What can go wrong, told as `application/problem+json` (RFC 9457). No answer shows what is inside: messages are ours, word for word."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.exc import IntegrityError

from worker.errors import Conflict, InvalidArguments, LedgerUnavailable, NotFound, QueueFull

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from worker.errors import Fault

MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER: Final = 5
"""Seconds after which a sender may try again when the ledger can't be written."""

TYPES: Final[dict[int, str]] = {
    400: "malformed",
    401: "unauthenticated",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    408: "too-slow",
    409: "conflict",
    413: "too-large",
    415: "unsupported-media-type",
    422: "invalid",
    429: "too-many-requests",
    500: "internal",
    503: "unavailable",
}
"""The last part of `type`, `urn:kitrelay:problem:…`, by status: what a program may switch on."""


class Problem(Exception):
    """An answer that is not what was asked for. `errors` are faults with their places; `headers` go along."""

    def __init__(self, status: int, detail: str, *, errors: Iterable[Fault] = (), headers: Mapping[str, str] | None = None) -> None:
        self.status = status
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        super().__init__(detail)

    def body(self) -> dict[str, Any]:
        """The members of RFC 9457, and `errors` where there are any."""
        shown: dict[str, Any] = {
            "type": f"urn:kitrelay:problem:{TYPES.get(self.status, 'other')}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        if self.errors:
            shown["errors"] = [{"path": fault.path, "message": fault.message} for fault in self.errors]
        return shown


def problem_of(error: Exception) -> Problem | None:
    """The answer to one of our own exceptions; None for one that nobody foresaw."""
    if isinstance(error, Problem):
        return error
    return next((make(error) for kind, make in _ANSWERS.items() if isinstance(error, kind)), None)


_ANSWERS: Final[dict[type[Exception], Callable[[Any], Problem]]] = {
    InvalidArguments: lambda error: invalid(error.faults),
    NotFound: lambda error: Problem(404, str(error)),
    Conflict: lambda error: Problem(409, str(error)),
    QueueFull: lambda error: Problem(503, str(error), headers={"Retry-After": str(error.retry_after)}),
    LedgerUnavailable: lambda _: unavailable(),
    IntegrityError: lambda _: unavailable(),
}


def invalid(faults: Iterable[Fault]) -> Problem:
    """All faults of a request together."""
    found = tuple(faults)
    return Problem(422, "1 fault" if len(found) == 1 else f"{len(found)} faults", errors=found)


def unavailable() -> Problem:
    """The ledger can't be used now; nothing was stored."""
    return Problem(503, "the ledger can't be reached; nothing was stored", headers={"Retry-After": str(RETRY_AFTER)})


def internal() -> Problem:
    """A fault of ours: the log has it, the answer has not."""
    return Problem(500, "a fault of kitrelay; its log says more")
