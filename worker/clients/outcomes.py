"""From an answer's status and words to what to do next, as the exception's class. Pure.

A write that ends in 408 or 5xx, or in a redirect that may follow the effect, is unclear: it may have been done. A read is simply
tried again.
"""

from __future__ import annotations

import re
from http import HTTPStatus as Status
from typing import Final

from worker.errors import AuthRefused, CallError, Missing, RateLimited, Rejected, Unclear

# The first pattern found in the message names the class. Wording seen in Visma's answers and in those of the platform beneath it.
_PATTERNS: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), error_class)
    for error_class, pattern in (
        ("auth", r"no licen[cs]e for this company|access (is |was )?denied|insufficient (access )?rights|not authori[sz]ed"),
        ("conflict", r"already (been )?(released|completed|closed|cancell?ed|deleted|processed)|\bis (released|closed|locked|on hold)"),
        ("conflict", r"another process|changes will be lost|status .*(not allow|prevent)"),
        ("conflict", r"(can ?no|ca ?n'?|could no|must no)t be (updated|changed|deleted|released|modified)"),
        ("duplicate", r"already (exists?|in use)|duplicate|must be unique"),
        ("missing_reference", r"(can ?no|ca ?n'?|could ?no)t (be found|find)|(does|do|did)( not|n't) exist|not found|no such"),
    )
)
_CLASSES: Final[dict[int, type[CallError]]] = {
    Status.UNAUTHORIZED: AuthRefused,
    Status.FORBIDDEN: AuthRefused,
    Status.PROXY_AUTHENTICATION_REQUIRED: AuthRefused,
    Status.NOT_FOUND: Missing,
    Status.GONE: Missing,
    Status.TOO_MANY_REQUESTS: RateLimited,
}
_MOVED: Final = (Status.MOVED_PERMANENTLY, Status.PERMANENT_REDIRECT)


def error_of(status: int, message: str, *, write: bool, retry_after: float | None = None) -> CallError | None:
    """The error that this status means, or None for 2xx. `message` is the ERP's own, from `worker.clients.messages`."""
    if Status.OK <= status < Status.MULTIPLE_CHOICES:
        return None
    if status in _CLASSES:
        return _CLASSES[status](message, status=status, retry_after=retry_after)
    if status in _MOVED:
        return Rejected(f"it has moved, correct base_url: {message}", status=status)
    if Status.BAD_REQUEST <= status < Status.INTERNAL_SERVER_ERROR and status != Status.REQUEST_TIMEOUT:
        return Rejected(message, status=status, error_class=class_of(message, status))
    doubt = Unclear if write else CallError
    error_class = "timeout" if status == Status.REQUEST_TIMEOUT else "unavailable"
    return doubt(message, status=status, retry_after=retry_after, error_class=error_class)


def class_of(message: str, status: int = Status.BAD_REQUEST) -> str:
    """The error class that an ERP's refusal belongs to, by its words and its status."""
    if status == Status.PRECONDITION_FAILED:
        return "conflict"
    plain = message.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    found = next((error_class for pattern, error_class in _PATTERNS if pattern.search(plain)), "validation")
    if status == Status.CONFLICT and found != "duplicate":
        return "conflict"
    return found
