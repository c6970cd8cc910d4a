"""How Intacct says no: one error, and the four ways in which it may be wrapped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from worker.sandbox.ids import make_id
from worker.sandbox.wire import Answer, json_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

META: Final = {"totalCount": 1, "totalSuccess": 0, "totalError": 1}


@dataclass(frozen=True, slots=True)
class Detail:
    """One of an error's reasons. `target` points to the field, as in `/component/key`."""

    code: str
    message: str
    error_id: str = ""
    target: str = ""

    def as_json(self) -> dict[str, str]:
        """Without what is empty."""
        named = {"code": self.code, "message": self.message, "errorId": self.error_id, "target": self.target}
        return {name: value for name, value in named.items() if value}


class Refused(Exception):
    """A call, or one element of it, without effect. `head` goes with the answer; a gateway's error has an object as details."""

    def __init__(
        self, status: int, code: str, message: str, *, error_id: str = "", details: tuple[Detail, ...] = (), head: bytes = b""
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.error_id = error_id
        self.details = details
        self.head = head

    def as_json(self) -> dict[str, Any]:
        """The error object itself."""
        if self.code.startswith("GW-"):
            return {"code": self.code, "message": str(self), "details": {"requestId": make_id()}}
        error: dict[str, Any] = {"code": self.code, "message": str(self), "supportId": make_id()}
        if self.error_id:
            error["errorId"] = self.error_id
        if self.details:
            error["details"] = [detail.as_json() for detail in self.details]
        return error


def invalid(*details: Detail) -> Refused:
    """400: a payload that does not fit the schema."""
    return Refused(400, "invalidRequest", "Payload contains errors", error_id="REST-1064", details=details)


def wrong(message: str, target: str = "", error_id: str = "REST-1064") -> Refused:
    """The same for one reason."""
    return invalid(Detail("invalidRequest", message, error_id, target))


def business(doing: str, message: str, *, code: str = "BL01001973", target: str = "") -> Refused:
    """422: a business rule stands against it."""
    return Refused(422, "operationFailed", f"Operation {doing} object kit-component failed", details=(Detail(code, message, "", target),))


def missing(key: str) -> Refused:
    """404: there is nothing of this key."""
    return Refused(404, "notFound", f"The requested object {key} was not found")


def gateway(status: int, number: str, message: str, head: bytes = b"") -> Refused:
    """An error of the gateway, before Intacct itself is reached."""
    return Refused(status, f"GW-{number}", message, head=head)


NESTINGS: Final[Mapping[str, Callable[[int, dict[str, Any]], dict[str, Any]]]] = {
    "top": lambda _status, error: {"ia::error": error, "ia::meta": META},
    "result": lambda _status, error: {"ia::result": {"ia::error": error}, "ia::meta": META},
    "error": lambda _status, error: {"error": error},
    "element": lambda status, error: {"ia::result": [{"ia::error": error, "ia::status": status}], "ia::meta": META},
}
"""How an error lies in a body: guide pages, the published 400, the token endpoint, and 207."""


def answer_of(refusal: Refused, nesting: str) -> Answer:
    """The answer that says it."""
    return json_answer(refusal.status, NESTINGS[nesting](refusal.status, refusal.as_json()), refusal.head)
