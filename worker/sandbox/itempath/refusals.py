"""How ItemPath says no. No page shows an error's body: ours have `message`, the token faults `msg` as the Flask library has it."""

from __future__ import annotations

from typing import Final

from worker.sandbox.wire import Answer, json_answer, message


class Refused(Exception):
    """A call without effect; `answer` is what the caller gets."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def refused(text: str, status: int = 400) -> Refused:
    """A fault of what was asked."""
    return Refused(message(status, text))


def unproven(text: str, status: int = 401) -> Refused:
    """A fault of the token."""
    return Refused(json_answer(status, {"msg": text}))


def no_route(status: int = 404) -> Answer:
    """Nothing stands at this path, or not for this method: a page, not JSON."""
    title = b"404 Not Found" if status == 404 else b"405 Method Not Allowed"  # noqa: PLR2004 - the status of the page
    return Answer(status, b"<!doctype html><title>%b</title>" % title, _HTML)


_HTML: Final = b"Content-Type: text/html; charset=utf-8\r\n"
BROKEN: Final = (
    message(500, "Internal Server Error"),
    Answer(502, b"<html><head><title>502 Bad Gateway</title></head></html>", _HTML),
    Answer(503, b"<html><head><title>503 Service Unavailable</title></head></html>", _HTML),
)
"""Server errors: ItemPath's own, and pages of a proxy before it."""
