"""Background operations: what the state and content calls tell about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from worker.sandbox.clock import offset_text
from worker.sandbox.visma.refusals import refused
from worker.sandbox.wire import JSON, Answer, json_answer

if TYPE_CHECKING:
    from worker.sandbox.visma.calls import Call
    from worker.sandbox.visma.company import Company
    from worker.sandbox.visma.targets import Target
    from worker.sandbox.world import World

STARTED: Final = "Started"
FINISHED: Final = "Finished"
FAILED: Final = "Failed"
INTERNAL: Final = "https://finance.visma.net/310000/api"


class Operation:
    """One accepted background call. Times are seconds since 1970; `nth` is how often the same was asked before."""

    __slots__ = ("answer", "call", "company", "error", "finished", "nth", "operation_id", "received", "started", "status", "target")

    def __init__(self, operation_id: str, company: Company, call: Call, target: Target, *, nth: int, received: float) -> None:
        self.operation_id = operation_id
        self.company = company
        self.call = call
        self.target = target
        self.nth = nth
        self.received = received
        self.started = self.finished = 0.0
        self.status = STARTED
        self.error: str | None = None
        self.answer: Answer | None = None

    @property
    def code(self) -> int:
        """The status of the real call; 0 until it is done (documented), and for one that Failed (inferred)."""
        return self.answer.status if self.answer is not None else 0

    @property
    def content(self) -> bytes:
        """What the real call answered with."""
        return self.answer.body if self.answer is not None else b""


def state_location(base: str, operation_id: str) -> str:
    """Where the state stands."""
    return f"{base}/v1/background/{operation_id}"


def state(operation: Operation, base: str) -> dict[str, Any]:
    """`BackgroundRequestStateDto`. The "Utc" fields carry the company's offset; reference and headers may be null (seen)."""
    offset = operation.company.settings.utc_offset
    target = operation.target
    return {
        "id": operation.operation_id,
        "status": operation.status,
        "statusCode": operation.code,
        "receivedUtc": offset_text(operation.received, offset),
        "startedUtc": offset_text(operation.started, offset) if operation.started else None,
        "finishedUtc": offset_text(operation.finished, offset) if operation.finished else None,
        "webhookAddress": target.address(operation.company.settings.webhook_url),
        "errorMessage": operation.error,
        "reference": None,
        "originalUri": INTERNAL + operation.call.path,
        "hasResponseContent": bool(operation.content),
        "hasRequestContent": operation.call.has_body,
        "contentLocation": f"{state_location(base, operation.operation_id)}/content",
        "responseHeaders": _headers(operation.answer),
    }


def state_answer(operation: Operation, world: World) -> Answer:
    """The answer of the state call; an expired or forgotten operation is unknown (inferred)."""
    if _age(operation, world) >= _kept(operation, world):
        raise refused("No background operation state was found.", 404)
    return json_answer(200, state(operation, world.base))


def content_answer(operation: Operation, world: World) -> Answer:
    """The stored body, served with 200 whatever its own status was (seen); 410 when it is removed, 404 when there is none (documented)."""
    if _age(operation, world) >= _kept(operation, world):
        raise refused("State for background operation has been removed after 24 hours.", 410)
    if not operation.content:
        raise refused("No background operation response content was found.", 404)
    return Answer(200, operation.content, JSON)


def _age(operation: Operation, world: World) -> float:
    """Seconds since it ended; since it was received, while it has not."""
    return world.clock.now() - (operation.finished or operation.received)


def _kept(operation: Operation, world: World) -> float:
    """How long the state is kept, in seconds: 24 hours (documented), less when it is forgotten."""
    faults, settings = world.faults, world.settings
    if "forgotten" not in faults.rates or not operation.finished or not faults.would_hit("forgotten", operation.call.key(), operation.nth):
        return settings.retention
    return settings.forget_seconds


def _headers(answer: Answer | None) -> dict[str, str] | None:
    """The answer's own headers; null when it has none but its content type."""
    if answer is None:
        return None
    lines = [line.split(": ", 1) for line in answer.head.decode().split("\r\n") if line]
    return {name: value for name, value in lines if name != "Content-Type"} or None


def find(company: Company, everyone: dict[str, Operation], operation_id: str) -> Operation:
    """The operation, if it is this company's: 404 for an unknown id, 403 for another company's (documented)."""
    operation = everyone.get(operation_id)
    if operation is None:
        raise refused("No background operation state was found.", 404)
    if operation.company is not company:
        raise refused("The state of this operation belongs to another company or user.", 403)
    return operation
