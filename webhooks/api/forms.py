"""The bodies that the API takes. What is not known here is refused, all faults together."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from marshmallow import Schema, ValidationError, fields, validates_schema

from webhooks.api.fields import Anything, Between, GroupId, Ids, Instant, Items, Tags, Words, Yes
from worker.errors import Fault, InvalidArguments
from worker.jobs.states import State
from worker.kinds.faults import faults_of, right_of
from worker.kinds.fields import Flag, OneOf, Text
from worker.kinds.forms import Form
from worker.kinds.syncs import HowToSync


class JobForm(Form):
    """`POST /api/jobs`."""

    tenant = Text(most=120, required=True)
    kind = Text(most=120, required=True)
    arguments = Anything(required=True)
    unique_key = Text(most=200)
    priority = Between(-1000, 1000)
    run_at = Instant()
    tags = Tags()


class DocumentsForm(Form):
    """Which documents a release batch looks for."""

    status = OneOf("B", required=True)
    type = OneOf("P", "D", required=True)
    created_since = Instant()
    created_until = Instant()
    modified_since = Instant()

    @validates_schema(skip_on_field_errors=True)
    def _can_be(self, data: Mapping[str, Any], **_options: object) -> None:
        since, until = data.get("created_since"), data.get("created_until")
        if since is not None and until is not None and until <= since:
            raise ValidationError("must be after created_since", "created_until")


class KitsForm(HowToSync):
    """Which kits a batch of syncs looks for: all that the source has; and how they are synced."""

    all = Yes(required=True)


SELECTS: Final[Mapping[str, type[Form]]] = {"release_kit_assembly": DocumentsForm, "sync_kit_lines": KitsForm}
"""The kinds whose jobs a worker can look for, and the form of what to look for."""


class BatchForm(Form):
    """`POST /api/batches`: its items, or what to look for, whose form is that of its kind.

    With `hold` the batch is paused once its jobs are made: what it takes is then known, and nothing starts until it is resumed.
    """

    tenant = Text(most=120, required=True)
    kind = Text(most=120, required=True)
    items = Items()
    select = Anything()
    name = Text(most=200)
    priority = Between(-1000, 1000)
    tags = Tags()
    hold = Flag()
    preview = Flag()

    @validates_schema(skip_on_field_errors=False, pass_original=True)
    def _has_one(self, _data: object, original: object, **_options: object) -> None:
        given = original if isinstance(original, Mapping) else {}
        if "items" in given and "select" in given:
            raise ValidationError("must not stand beside items", "select")


def batch_looked_at(body: object) -> tuple[dict[str, Any], list[Fault]]:
    """What is right in the body of `POST /api/batches`, and every fault of it, those of what it looks for with their place in it."""
    data, faults = looked_at(BatchForm, body)
    if "select" not in data or "kind" not in data:
        return data, faults
    form = SELECTS.get(data["kind"])
    if form is None:
        return data, [*faults, Fault("select", f"is for {' and '.join(SELECTS)} only")]
    data["select"], wrong = looked_at(form, data["select"])
    return data, [*faults, *(Fault(f"select.{fault.path}" if fault.path else "select", fault.message) for fault in wrong)]


class ReplayForm(Form):
    """`POST /api/jobs/<id>/replay`."""

    arguments = Anything()


class JobFilterForm(Form):
    """Which jobs an action is for: the filters of the list of jobs, of which at least one is named."""

    tenant = Text(most=120)
    kind = Text(most=120)
    state = Words(*State)
    batch = Text(most=120)
    tag = Text(most=120)
    erp_id = Text(most=500)
    reference = Text(most=500)
    error_class = Text(most=120)
    q = Text(most=500)
    since = Instant()
    until = Instant()
    ids = Ids()
    failure = GroupId()
    closed = Flag()

    @validates_schema(skip_on_field_errors=True)
    def _names_something(self, data: Mapping[str, Any], **_options: object) -> None:
        if not data:
            raise ValidationError("is empty: name at least one thing that the jobs have in common")


class ActionForm(Form):
    """`POST /api/jobs/actions`."""

    action = OneOf("replay", "cancel", "discard", required=True)
    filter = fields.Nested(JobFilterForm, required=True, error_messages={"required": "is required", "null": "must not be null"})
    preview = Flag()


class DoneForm(Form):
    """`POST /api/jobs/<id>/done`."""

    reason = Text(most=500, required=True)


class AcknowledgeForm(Form):
    """`POST /api/failures/<failure>/acknowledge`."""

    note = Text(most=1000)


class DeliveryRangeForm(Form):
    """`POST /api/deliveries/replay`: a source's deliveries from `since` up to `until`, which are not replays themselves."""

    tenant = Text(most=120, required=True)
    source = Text(most=120, required=True)
    since = Instant(required=True)
    until = Instant(required=True)
    type = Text(most=200)
    preview = Flag()

    @validates_schema(skip_on_field_errors=True)
    def _goes_forward(self, data: Mapping[str, Any], **_options: object) -> None:
        if data["since"] >= data["until"]:
            raise ValidationError("must be later than since", "until")


class LimitsForm(Form):
    """`PATCH /api/connections/<tenant>/<erp>`; null gives a limit back to the settings."""

    slots = Between(1, 1000, allow_none=True)
    calls_per_hour = Between(1, 10_000_000, allow_none=True)

    @validates_schema(skip_on_field_errors=True)
    def _changes_something(self, data: Mapping[str, Any], **_options: object) -> None:
        if not data:
            raise ValidationError("needs slots or calls_per_hour")


class NothingForm(Form):
    """A command that takes nothing."""


def looked_at(form: type[Schema], body: object) -> tuple[dict[str, Any], list[Fault]]:
    """What is right in a body, and every fault of it."""
    if not isinstance(body, Mapping):
        return {}, [Fault("", "must be an object")]
    try:
        return _made(form).load(body), []
    except ValidationError as error:
        return right_of(error), list(faults_of(error.messages))


def taken(form: type[Schema], body: object) -> dict[str, Any]:
    """The body, checked. Raises `InvalidArguments` with all its faults."""
    data, faults = looked_at(form, body)
    if faults:
        raise InvalidArguments(tuple(faults))
    return data


@cache
def _made(form: type[Schema]) -> Schema:
    return form()
