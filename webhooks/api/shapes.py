"""What the API answers, as schemas: for its description alone. That they are true is tested on every answer of the tests."""

from __future__ import annotations

from typing import Any

from marshmallow import RAISE, Schema, fields

from worker.jobs.deliveries import STATES
from worker.jobs.failures import STANDINGS
from worker.jobs.states import ActionState, BatchState, State


class Shape(Schema):
    """An object with these members and no others; each is there unless it says otherwise."""

    class Meta:
        """Strict: what is not described must not be answered."""

        unknown = RAISE


def text(**options: Any) -> fields.String:  # noqa: ANN401 - marshmallow's own options
    """A text that is there."""
    return fields.String(required=True, **options)


def whole(**options: Any) -> fields.Integer:  # noqa: ANN401 - likewise
    """A whole number that is there."""
    return fields.Integer(required=True, **options)


def moment(*, none: bool = False) -> fields.String:
    """RFC 3339 in UTC."""
    return fields.String(required=True, allow_none=none, metadata={"format": "date-time"})


def one_of(*words: str, none: bool = False) -> fields.String:
    """One of a few words."""
    return fields.String(required=True, allow_none=none, metadata={"enum": [*words, None] if none else list(words)})


def anything() -> fields.Raw:
    """Any JSON value."""
    return fields.Raw(required=True, allow_none=True)


def texts() -> fields.List[Any]:
    """A list of texts."""
    return fields.List(fields.String(), required=True)


def many(shape: type[Shape]) -> fields.List[Any]:
    """A list of objects."""
    return fields.List(fields.Nested(shape), required=True)


class Fault(Shape):
    """One thing wrong with a request: where, and what."""

    path = text()
    message = text()


class Problem(Shape):
    """What can go wrong (RFC 9457). `errors` are the faults of a request, all together."""

    type = text()
    title = text()
    status = whole()
    detail = text()
    errors = fields.List(fields.Nested(Fault))


class Error(Shape):
    """Why a job stands where it stands, and whether another try helps."""

    error_class = fields.String(required=True, data_key="class")
    message = text()
    status = whole(allow_none=True)
    retry = fields.Boolean(required=True)


class Job(Shape):
    """One piece of work. `duplicate` says that it was there before; `closed_by` which later job did what this failed one was to do."""

    id = text()
    tenant = text()
    kind = text()
    state = one_of(*State)
    arguments = fields.Dict(required=True)
    reference = text()
    erp = text()
    erp_id = text(allow_none=True)
    batch = text(allow_none=True)
    attempt = whole()
    max_attempts = whole()
    priority = whole()
    tags = texts()
    unique_key = text(allow_none=True)
    created_at = moment()
    started_at = moment(none=True)
    due_at = moment()
    finished_at = moment(none=True)
    result = anything()
    error = fields.Nested(Error, required=True, allow_none=True)
    closed_by = text(allow_none=True)
    closed_at = moment(none=True)
    duplicate = fields.Boolean()


class Move(Shape):
    """A line of a job's timeline: from which state to which, why, and by whom."""

    at = moment()
    origin = fields.String(required=True, allow_none=True, data_key="from", metadata={"enum": [*State, None]})
    target = fields.String(required=True, data_key="to", metadata={"enum": list(State)})
    cause = text()
    by = text()


class Exchange(Shape):
    """One call to an ERP, redacted. `headers`: of the request, what not every call has; null where there was none or none was kept."""

    at = moment()
    method = text()
    url = text()
    status = whole(allow_none=True)
    ms = whole()
    request = text(allow_none=True)
    response = text(allow_none=True)
    headers = fields.Dict(keys=fields.String(), values=fields.String(), required=True, allow_none=True)


class Attempt(Shape):
    """One start of a job, or the looks that followed it."""

    number = whole()
    started_at = moment()
    ended_at = moment(none=True)
    outcome = text()
    exchanges = many(Exchange)


class Story(Job):
    """A job with its timeline and attempts."""

    timeline = many(Move)
    attempts = many(Attempt)


class Counts(Shape):
    """How many jobs stand in each state."""

    queued = whole()
    running = whole()
    waiting = whole()
    retrying = whole()
    succeeded = whole()
    failed = whole()
    cancelled = whole()


class Reason(Shape):
    """Jobs of a batch that failed for one reason."""

    error_class = text()
    message = text()
    count = whole()


class Batch(Shape):
    """Many jobs that were asked for together, and where they stand. `held`: it is paused once its jobs are made, until it is resumed."""

    id = text()
    tenant = text()
    kind = text()
    name = text()
    state = one_of(*BatchState)
    message = text(allow_none=True)
    held = fields.Boolean(required=True)
    made_by = text()
    created_at = moment()
    finished_at = moment(none=True)
    total = whole()
    counts = fields.Nested(Counts, required=True)
    rate_per_minute = fields.Float(required=True)
    eta = moment(none=True)
    eta_range = fields.List(moment(), required=True, allow_none=True)
    failures = many(Reason)
    calls = whole()
    calls_per_document = fields.Float(required=True, allow_none=True)


class Skip(Shape):
    """What would be left out, or was, by reason."""

    reason = text()
    count = whole()


class Preview(Shape):
    """What would happen. A number that only the ERP knows is null, and `note` says so.

    `eta_from` is what `eta` rests on: `pace`, how fast the last batches of the kind went; `slots`, how many calls may be under way at once,
    which is the earliest; or `budget`, the calls of the hour. Only previews of batches have it.
    """

    preview = fields.Boolean(required=True, metadata={"const": True})
    would_change = whole(allow_none=True)
    would_skip = many(Skip)
    calls = whole(allow_none=True)
    eta = moment(none=True)
    eta_from = fields.String(allow_none=True, metadata={"enum": ["pace", "slots", "budget", None]})
    note = fields.String()


class Action(Shape):
    """Something that is done to many jobs: how many it was to change, and how many it did."""

    id = text()
    action = one_of("replay", "cancel", "discard")
    total = whole()
    done = whole()
    state = one_of(*ActionState)
    skipped = many(Skip)
    filter = fields.Dict(required=True)
    made_by = text()
    created_at = moment()
    finished_at = moment(none=True)


class Act(Shape):
    """What somebody did: to what, from what to what. `tenant` is null for what is about no single one."""

    id = text()
    at = moment()
    by = text()
    tenant = text(allow_none=True)
    act = text()
    subject = text()
    before = anything()
    after = anything()


class DeliveryLine(Shape):
    """Something that arrived, without its headers and body: what became of it, and which jobs it touched."""

    id = text()
    tenant = text()
    source = text()
    type = text()
    received_at = moment()
    state = one_of(*STATES)
    reason = text(allow_none=True)
    replay_of = text(allow_none=True)
    jobs = texts()
    outcomes = anything()


class Delivery(DeliveryLine):
    """Something that arrived, whole."""

    headers = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    body = text()


class Replay(Shape):
    """A new delivery that tells another one again."""

    delivery = text()
    replay_of = text()


class Unable(Shape):
    """What can't be done, and why."""

    id = text()
    reason = text()


class Replayed(Shape):
    """What became of the deliveries of a stretch of time."""

    items = many(Replay)
    refused = many(Unable)
    skipped = many(Skip)


class Failure(Shape):
    """Jobs that failed for one reason; `example` is the newest. `open` of them no later job made good."""

    id = text()
    tenant = text()
    kind = text()
    error_class = text()
    message = text()
    count = whole()
    open = whole()
    standing = one_of(*STANDINGS)
    acknowledged_by = text(allow_none=True)
    acknowledged_at = moment(none=True)
    note = text(allow_none=True)
    first_at = moment()
    last_at = moment()
    example = text()


class OwnLimits(Shape):
    """What the settings allow a connection; null: no ceiling."""

    slots = whole()
    calls_per_hour = whole(allow_none=True)


class Connection(Shape):
    """A tenant's connection to an ERP, and how it stands."""

    tenant = text()
    erp = text()
    state = one_of("up", "slow", "paused", "broken")
    slots = whole()
    slots_in_use = whole()
    calls_per_hour = whole(allow_none=True)
    calls_left = whole(allow_none=True)
    resets_at = moment(none=True)
    last_ok_at = moment(none=True)
    oldest_due_at = moment(none=True)
    why = text(allow_none=True)
    settings = fields.Nested(OwnLimits, required=True)


class Taken(Shape):
    """A delivery that was stored; `duplicate`: it came before."""

    delivery = text()
    duplicate = fields.Boolean(required=True)


class Alive(Shape):
    """This process answers."""

    status = text()


class Health(Shape):
    """Each is ok, or what is wrong."""

    ledger = text()
    broker = text()
    workers = text()
    progress = text()


def page_of(shape: type[Shape]) -> type[Shape]:
    """A page of a list: `next` leads to the one after it."""
    members = {"items": many(shape), "next": text(allow_none=True), "__doc__": f"A page of {shape.__name__} objects."}
    return type(f"{shape.__name__}Page", (Shape,), members)
