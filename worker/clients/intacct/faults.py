"""Intacct's errors: found wherever they are nested, and what each means. Pure.

Four nestings (documented, seen): `ia::error` on top; in `ia::result`; `error` from the token endpoint, an object or OAuth's word; and one
for each element of a batch, beside `ia::status`. `details` is a list, from the gateway an object. An error body may come with a 2xx (seen).

A refusal of the token carries status 401, and one of the user 403, whatever the HTTP status was: 400 is met too (seen).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus as Status
from typing import TYPE_CHECKING, Any, Final

from worker.clients.codec import read_json
from worker.clients.messages import MOST, message_of
from worker.clients.outcomes import error_of
from worker.clients.redaction import redact
from worker.errors import AuthRefused, CallError, RateLimited, Rejected, Unclear

if TYPE_CHECKING:
    from worker.clients.base import Reply

CACHED: Final = "x-ia-idempotency-cached-date"
REPLAYED: Final = "Intacct repeats its stored answer to this Idempotency-Key"
"""Stands in the message of an error that is a stored one: the same key would bring it again for 48 hours (documented)."""

STATUS: Final = "ia::status"
_MOST_DETAILS: Final = 5
_MEANT: Final[dict[str, int]] = {
    "GW-0010": Status.TOO_MANY_REQUESTS,
    "GW-0001": Status.INTERNAL_SERVER_ERROR,
    "GW-0011": Status.FORBIDDEN,
    "GW-0012": Status.FORBIDDEN,
    "GW-0042": Status.FORBIDDEN,
    "GW-0031": Status.UNAUTHORIZED,
    "GW-0034": Status.UNAUTHORIZED,
    "REST-2102": Status.UNAUTHORIZED,
    "tokeninvalid": Status.UNAUTHORIZED,
    "unauthorizeduser": Status.FORBIDDEN,
    "notfound": Status.NOT_FOUND,
}
"""What a code means where it says more than the HTTP status, which then counts as this one; words in lower case."""

_TOKEN_WORDS: Final = re.compile(
    r"\btoken\b.{0,40}\b(invalid|expired|not valid)|\b(invalid|expired)\b.{0,20}\btoken\b", re.IGNORECASE | re.DOTALL
)
_IDEMPOTENCY: Final = re.compile(r"idempoten", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class IntacctFault:
    """One error as Intacct writes it. `details` are further sentences, each with its code and target."""

    code: str = ""
    message: str = ""
    error_id: str = ""
    support_id: str = ""
    details: tuple[str, ...] = ()
    codes: frozenset[str] = frozenset()

    def __str__(self) -> str:
        said = self.message or "no message"
        more = "; ".join(each for each in self.details if each not in said)
        marks = [mark for mark in (self.code, self.error_id) if mark]
        if self.support_id:
            marks.append(f"support id {self.support_id}")
        whole = f"{said}: {more}" if more else said
        return f"{whole} ({', '.join(marks)})" if marks else whole


def faults_in(value: object) -> Iterator[IntacctFault]:
    """Every error in an answer's value, whatever its nesting."""
    if isinstance(value, (list, tuple)):
        for each in value:
            yield from faults_in(each)
    elif isinstance(value, Mapping):
        for name in ("ia::error", "error"):
            found = _fault(value.get(name), value)
            if found is not None:
                yield found
                return
        if isinstance(value.get("ia::result"), (Mapping, list)):
            yield from faults_in(value["ia::result"])


def judge(reply: Reply, wait: float | None, write: bool) -> CallError | None:  # noqa: FBT001 - the caller's own order
    """What an answer means as a whole; None when it did what it should, or tells of each record for itself."""
    good = Status.OK <= reply.status < Status.MULTIPLE_CHOICES
    if good and b'error"' not in reply.body:
        return None
    try:
        value = read_json(reply.body)
    except ValueError:
        value = None
    if good and (_of_records(value) or not isinstance(value, Mapping)):
        return None
    faults = list(faults_in(value))
    if not faults and good:
        return None
    if not faults:
        message = message_of(reply.body, reply.headers.get("content-type", ""), reply.status)
        return error_of(reply.status, message, write=write, retry_after=wait)
    return meaning(faults, reply.status, write=write, wait=wait, cached=reply.headers.get(CACHED))


def meaning(faults: list[IntacctFault], status: int, *, write: bool, wait: float | None = None, cached: str | None = None) -> CallError:
    """The error that these faults with this status mean. `cached`: when Intacct stored it, if it was stored."""
    message = _cut("; ".join(dict.fromkeys(str(fault) for fault in faults[:_MOST_DETAILS])))
    if cached:
        message = f"{message} [{REPLAYED}, of {cached}: correct the cause, then replay]"
    codes = {code.lower() for fault in faults for code in fault.codes}
    meant = next((number for code, number in _MEANT.items() if code.lower() in codes), None)
    if meant == Status.TOO_MANY_REQUESTS:
        return RateLimited(message, status=status, retry_after=wait)
    if meant == Status.UNAUTHORIZED or (status in (Status.BAD_REQUEST, Status.UNAUTHORIZED) and _TOKEN_WORDS.search(message)):
        return AuthRefused(message, status=Status.UNAUTHORIZED.value)
    if status == Status.CONFLICT and write and _IDEMPOTENCY.search(message):
        return Unclear(message, status=status, error_class="conflict")
    counts = meant if meant is not None and status < Status.INTERNAL_SERVER_ERROR else status
    error = error_of(counts, message, write=write, retry_after=wait)
    if error is None:  # a 2xx with an error body
        return Rejected(message, status=status)
    if not isinstance(error, AuthRefused):
        error.status = status
    return error


def replayed(error: CallError) -> bool:
    """Whether Intacct only repeated a stored answer: nothing was done now, and the key must change before the next try."""
    return REPLAYED in error.message


def _of_records(value: object) -> bool:
    """Whether it tells of several records, each for itself."""
    return isinstance(value, list) or (
        isinstance(value, Mapping) and isinstance(value.get("ia::result"), list) and "ia::error" not in value
    )


def _fault(found: object, around: Mapping[str, Any]) -> IntacctFault | None:
    if isinstance(found, str) and found:
        described = _text(around.get("error_description"))
        return IntacctFault(found, described or found, codes=frozenset({found}))
    if not isinstance(found, Mapping) or not found:
        return None
    raw = found.get("details")
    details = [each for each in (raw if isinstance(raw, list) else [raw]) if isinstance(each, Mapping)]
    said = tuple(text for each in details[:_MOST_DETAILS] if (text := _detail(each)))
    codes = {_text(each.get(name)) for each in (found, *details) for name in ("code", "errorId")} - {""}
    support = _text(found.get("supportId")) or next((_text(each.get("requestId")) for each in details if each.get("requestId")), "")
    return IntacctFault(_text(found.get("code")), _text(found.get("message")), _text(found.get("errorId")), support, said, frozenset(codes))


def _detail(detail: Mapping[str, Any]) -> str:
    said, target = _text(detail.get("message")), _text(detail.get("target"))
    code = _text(detail.get("errorId")) or _text(detail.get("code"))
    whole = f"{target}: {said}" if target and said else said or target
    return f"{whole} ({code})" if whole and code else whole


def _text(value: object) -> str:
    return str(value).strip() if isinstance(value, (str, int)) and not isinstance(value, bool) else ""


def _cut(text: str) -> str:
    text = redact(" ".join(text.split()))
    return text if len(text) <= MOST else f"{text[: MOST - 1]}…"
