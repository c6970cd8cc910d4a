"""The log of API calls (documented): after a client's timeout the only place that says whether a call ran, and with what answer."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from worker.sandbox.itempath.filters import Column
from worker.sandbox.itempath.records import new_id
from worker.sandbox.itempath.times import time_text

if TYPE_CHECKING:
    from worker.sandbox.itempath.tokens import Bearer
    from worker.sandbox.wire import Answer

_FAILED: Final = 400


@dataclass(frozen=True, slots=True)
class Logged:
    """One call. `endpoint`: verb and path with the query; `duration` in milliseconds."""

    endpoint: str
    body: str
    code: int
    at: float
    duration: float
    response: str
    bearer: Bearer
    id: str = field(default_factory=new_id)


COLUMNS: Final[dict[str, Column[Logged]]] = {
    "id": Column("uuid", lambda call: call.id),
    "code": Column("number", lambda call: call.code),
    "creationDate": Column("date", lambda call: call.at),
    "endpoint": Column("text", lambda call: call.endpoint),
    "userId": Column("number", lambda call: call.bearer.user_id),
}


class CallLog:
    """The last calls, the oldest first."""

    __slots__ = ("_most", "calls")

    def __init__(self, most: int) -> None:
        self._most = most
        self.calls: deque[Logged] = deque(maxlen=most)

    def note(self, endpoint: str, body: bytes, answer: Answer, bearer: Bearer, began: float, ended: float) -> None:
        """A call that was let in, whether or not its answer reaches the caller."""
        response = answer.body.decode(errors="replace") if answer.status >= _FAILED or not endpoint.startswith("GET ") else ""
        call = Logged(endpoint, body.decode(errors="replace"), answer.status, began, (ended - began) * 1000, response, bearer)
        self.calls.append(call)


def call_json(call: Logged) -> dict[str, Any]:
    """A call in the list. The answers of reads are not kept (inferred)."""
    failed = call.code >= _FAILED
    return {
        "id": call.id,
        "body": call.body,
        "code": call.code,
        "creationDate": time_text(call.at),
        "duration": round(call.duration, 3),
        "endpoint": call.endpoint,
        "error": call.response if failed else None,
        "response": call.response,
        "username": call.bearer.username,
    }
