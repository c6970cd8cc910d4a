"""How the ERP says no."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.sandbox.wire import json_answer, message

if TYPE_CHECKING:
    from worker.sandbox.wire import Answer


class Refused(Exception):
    """A call without effect; `answer` is what the caller gets."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def refused(text: str, status: int = 400) -> Refused:
    """A business fault in prose (seen: `{"message": "Payment can't be updated because it is already released."}`)."""
    return Refused(message(status, text))


def malformed(faults: dict[str, list[str]]) -> Refused:
    """A body that cannot be bound to the form, with the faults by field (inferred: a connector looks for `modelState`)."""
    return Refused(json_answer(400, {"message": "The request is invalid.", "modelState": faults}))
