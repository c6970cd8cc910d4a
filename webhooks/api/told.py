"""What is told of each route beside its code: which filters and body it takes, and what it answers with which status."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from webhooks.api import actions, acts, batches, connections, deliveries, failures, forms, jobs, queries, shapes
from webhooks.api.shapes import page_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from marshmallow import Schema

    from webhooks.api.asking import Handler

    Answers = Mapping[int, tuple[type[Schema], ...]]


@dataclass(frozen=True, slots=True)
class Told:
    """`answers` by status, more than one shape where it depends; `body` a form, or the name of one that is put together by kind."""

    answers: Answers
    body: type[Schema] | str | None = None
    filters: Mapping[str, Callable[[str], Any]] = field(default_factory=dict)
    streams: bool = False
    once: bool = False
    """Whether it honours an Idempotency-Key."""


def _page(shape: type[shapes.Shape], filters: Mapping[str, Callable[[str], Any]]) -> Told:
    return Told({200: (page_of(shape),)}, filters=filters)


def _turn(shape: type[shapes.Shape], body: type[Schema] | str = forms.NothingForm) -> Told:
    return Told({200: (shape,)}, body)


JOB: Final = "JobRequest"
BATCH: Final = "BatchRequest"
REPLAY: Final = "ReplayRequest"

TOLD: Final[Mapping[Handler, Told]] = {
    jobs.create: Told({202: (shapes.Job,), 200: (shapes.Job,)}, JOB, once=True),
    jobs.listed: _page(shapes.Job, jobs.FILTERS),
    actions.create: Told({202: (shapes.Action,), 200: (shapes.Preview,)}, forms.ActionForm),
    actions.listed: _page(shapes.Action, queries.PAGING),
    actions.shown: Told({200: (shapes.Action,)}),
    actions.stop: _turn(shapes.Action),
    jobs.shown: Told({200: (shapes.Story,)}),
    jobs.replay: _turn(shapes.Job, REPLAY),
    jobs.cancel: _turn(shapes.Job),
    jobs.discard: _turn(shapes.Job),
    jobs.done: _turn(shapes.Job, forms.DoneForm),
    jobs.hasten: _turn(shapes.Job),
    batches.create: Told({202: (shapes.Batch,), 200: (shapes.Batch, shapes.Preview)}, BATCH, once=True),
    batches.listed: _page(shapes.Batch, batches.FILTERS),
    batches.shown: Told({200: (shapes.Batch,)}),
    batches.stream: Told({200: (shapes.Batch,)}, streams=True),
    batches.pause: _turn(shapes.Batch),
    batches.resume: _turn(shapes.Batch),
    batches.cancel: _turn(shapes.Batch),
    failures.listed: _page(shapes.Failure, failures.FILTERS),
    failures.acknowledge: _turn(shapes.Failure, forms.AcknowledgeForm),
    failures.reopen: _turn(shapes.Failure),
    deliveries.listed: _page(shapes.DeliveryLine, deliveries.FILTERS),
    deliveries.shown: Told({200: (shapes.Delivery,)}),
    deliveries.replay: _turn(shapes.Delivery),
    deliveries.replay_range: Told({200: (shapes.Replayed, shapes.Preview)}, forms.DeliveryRangeForm),
    acts.listed: _page(shapes.Act, acts.FILTERS),
    connections.listed: _page(shapes.Connection, {"tenant": queries.text}),
    connections.pause: _turn(shapes.Connection),
    connections.resume: _turn(shapes.Connection),
    connections.change: _turn(shapes.Connection, forms.LimitsForm),
}
