"""Deliveries before rules: what each sender's delivery is to them, and what they do with it, kept with it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from webhooks.bodies import loads, must_be_json
from webhooks.problems import Problem
from worker.rules import exact
from worker.rules.events import announced
from worker.settings import ERPS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from worker.jobs.arrivals import Arrival
    from worker.jobs.outcomes import Outcome
    from worker.rules import Rulebook


class Eventful(Protocol):
    """Who says what a delivery is to rules."""

    def event(self, arrival: Arrival, content: object, body: bytes) -> Mapping[str, Any]:
        """The event. Raises `ValueError` with the reason when the body can't be one."""


class Announcer:
    """What the senders of the three ERPs have in common: a JSON body, of which rules see the event that it announces."""

    __slots__ = ()

    def read(self, environ: Mapping[str, Any], body: bytes) -> object:
        """An object or an array. Raises `Problem`."""
        must_be_json(environ, required=False)
        content = loads(body)
        if not isinstance(content, (dict, list)):
            raise Problem(400, "the body is neither an object nor an array")
        return content

    def event(self, arrival: Arrival, content: object, body: bytes) -> Mapping[str, Any]:  # noqa: ARG002 - the numbers of the content are not exact
        """The delivery's type, and its body as data."""
        return announced(arrival.type, exact.loads(body))


def ruled(book: Rulebook, sender: Eventful, arrival: Arrival, content: object, body: bytes) -> Arrival:
    """The delivery with what the rules of its source do with it. No rule ever keeps a delivery from being stored."""
    if not book.has(arrival.tenant, arrival.source):
        return arrival if arrival.source in ERPS else replace(arrival, outcomes=(), reason=_joined(arrival.reason, "no rule is for it"))
    try:
        event = sender.event(arrival, content, body)
    except ValueError as error:
        outcomes = book.refused(arrival.tenant, arrival.source, f"the event can't be read: it {error}")
    else:
        outcomes = book.judged(arrival.tenant, arrival.source, event)
    return replace(arrival, outcomes=outcomes, reason=_joined(arrival.reason, *_remarks(arrival, outcomes)))


def _remarks(arrival: Arrival, outcomes: Sequence[Outcome]) -> Iterator[str]:
    """What an operator should know at a glance."""
    refused = sum(outcome.state == "refused" for outcome in outcomes)
    if refused:
        yield f"rules refused {refused} of {len(outcomes)}"
    elif arrival.source not in ERPS and all(outcome.state == "skipped" for outcome in outcomes):
        yield "no rule made a job of it"


def _joined(*reasons: str | None) -> str | None:
    return "; ".join(each for each in reasons if each) or None
