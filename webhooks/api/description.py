"""The API described: OpenAPI 3.1, made from the routes, their filters, the forms of what they take and the shapes of what they answer."""

from __future__ import annotations

import inspect
import re
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin

from webhooks.api import ROUTES, forms, incoming, queries, shapes
from webhooks.api.fields import GROUP_PATTERN, ID, ID_PATTERN
from webhooks.api.members import member_of
from webhooks.api.told import BATCH, JOB, REPLAY, TOLD
from webhooks.problems import MEDIA_TYPE, TYPES
from worker.jobs.deliveries import STATES
from worker.jobs.failures import STANDINGS
from worker.jobs.filters import MOST_IDS
from worker.jobs.states import BatchState, State
from worker.kinds import KINDS
from worker.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from marshmallow import Schema

    from webhooks.api.asking import Route
    from webhooks.api.told import Told

Json = dict[str, Any]

ASKED: Final = (400, 401, 403, 404, 408, 413, 415, 422, 500, 503)
"""Problems that any route may answer with."""

ORDERED: Final = (*ASKED, 409)
"""The same where something is to be changed."""

_ABOUT: Final = """\
Jobs, batches, deliveries, failures and connections. Unknown parameters, filters and fields are refused, never ignored; what belongs to a
tenant that a key may not see is not there for it. Times are RFC 3339 in UTC; ids are opaque and sort by time."""


def _states(*words: str) -> Json:
    one = "|".join(words)
    return {"type": "string", "pattern": f"^({one})(,({one}))*$", "description": f"One or more of {', '.join(words)}, comma-separated."}


_READERS: Final[Mapping[Callable[[str], Any], Json]] = {
    queries.text: {"type": "string", "minLength": 1, "maxLength": 500},
    queries.moment: {"type": "string", "format": "date-time"},
    queries.states: _states(*State),
    queries.flag: {"type": "boolean"},
    queries.ids: {
        "type": "string",
        "pattern": f"^{ID.pattern}(,{ID.pattern})*$",
        "description": f"At most {MOST_IDS} ids, comma-separated.",
    },
    queries.standing: {"type": "string", "enum": list(STANDINGS)},
    queries.failure: {"type": "string", "pattern": GROUP_PATTERN, "description": "The id of a group of failures."},
    queries.delivery_states: _states(*STATES),
    queries.batch_state: {"type": "string", "enum": list(BatchState)},
    queries.limit: {"type": "integer", "minimum": 1, "maximum": queries.MOST, "default": queries.USUAL},
    queries.after: {"type": "string", "description": "`next` of the page before."},
    queries.after_moment: {"type": "string", "description": "`next` of the page before."},
}
"""What a parameter takes, by what reads it."""

_PATHS: Final[Mapping[str, Json]] = {
    "id": {"type": "string", "pattern": ID_PATTERN},
    "failure": {"type": "string", "pattern": GROUP_PATTERN},
    "tenant": {"type": "string"},
    "erp": {"type": "string", "enum": ["visma", "itempath", "intacct"]},
    "token": {"type": "string"},
    "source": {"type": "string"},
}


@cache
def description() -> Json:
    """The whole of it."""
    plugin = MarshmallowPlugin(schema_name_resolver=_name)
    about = {"description": _ABOUT, "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}}
    spec = APISpec("kitrelay", VERSION, "3.1.0", plugins=[plugin], info=about, security=[{"key": []}])
    plugin.converter.add_attribute_function(_member)  # type: ignore[union-attr] # made with the spec
    spec.components.security_scheme("key", {"type": "http", "scheme": "bearer", "description": "An API key of the settings."})
    spec.components.schema("Problem", schema=shapes.Problem)
    for status in sorted({*ORDERED, 429}):
        spec.components.response(f"{status}", _problem(status))
    _requests(spec)
    for route in ROUTES:
        spec.path(_template(route.path), operations={route.method.lower(): _operation(route, TOLD[route.handler])})
    for path, method, operation in incoming.OPERATIONS:
        spec.path(_template(path), operations={method: {**operation, "parameters": _in_path(path)}})
    described: Json = spec.to_dict()
    return described


def _name(schema: Any) -> str:  # noqa: ANN401 - a schema, as class or made
    """A schema is called as its class."""
    made = schema if isinstance(schema, type) else type(schema)
    return made.__name__


def _member(_converter: object, field: Any, **_options: object) -> Json:  # noqa: ANN401 - a marshmallow field
    return member_of(field) or {}


def _operation(route: Route, told: Told) -> Json:
    doc = inspect.getdoc(route.handler) or ""
    problems = ORDERED if route.method != "GET" else ASKED
    answers = {f"{status}": _answer(status, shapes_, told) for status, shapes_ in told.answers.items()}
    made: Json = {
        "operationId": f"{route.handler.__module__.rpartition('.')[2]}_{route.handler.__name__}",
        "tags": [route.path.split("/")[2]],
        "summary": doc.partition("\n")[0],
        "description": f"Needs the role {route.role}.",
        "parameters": [*_in_path(route.path), *_in_query(told), *_in_head(told)],
        "responses": {**answers, **{f"{status}": f"{status}" for status in problems}},
    }
    if told.body is not None:
        made["requestBody"] = {"required": _is_needed(told), "content": {"application/json": {"schema": told.body}}}
    return made


def _answer(status: int, shapes_: tuple[type[Schema], ...], told: Told) -> Json:
    if told.streams:
        events = {"type": "string", "description": "Events `progress`, each with a Batch as its data."}
        return {"description": "Events, until the batch has ended", "content": {"text/event-stream": {"schema": events}}}
    schema: Any = shapes_[0] if len(shapes_) == 1 else {"anyOf": list(shapes_)}
    made: Json = {"description": HTTPStatus(status).phrase, "content": {"application/json": {"schema": schema}}}
    if status == HTTPStatus.ACCEPTED:
        made["headers"] = {"Location": {"schema": {"type": "string"}, "description": "Where to follow it."}}
    return made


def _problem(status: int) -> Json:
    return {"description": TYPES[status].replace("-", " "), "content": {MEDIA_TYPE: {"schema": "Problem"}}}


def _is_needed(told: Told) -> bool:
    return told.body not in (forms.NothingForm, forms.AcknowledgeForm, REPLAY)


def _in_path(path: str) -> list[Json]:
    return [{"in": "path", "name": name, "required": True, "schema": _PATHS[name]} for name in re.findall(r"<(\w+)>", path)]


def _in_query(told: Told) -> list[Json]:
    return [{"in": "query", "name": name, "schema": _READERS[reader]} for name, reader in told.filters.items()]


def _in_head(told: Told) -> list[Json]:
    if not told.once:
        return []
    about = "The same key gives what was made under it in the last 24 hours; with another body it is a conflict."
    key = {"type": "string", "pattern": r"^[\x21-\x7e]{1,200}$"}
    return [{"in": "header", "name": "Idempotency-Key", "schema": key, "description": about}]


def _template(path: str) -> str:
    return path.replace("<", "{").replace(">", "}")


def _requests(spec: APISpec) -> None:
    """The bodies whose members depend on the kind: one for each, and their choice."""
    arguments = {name: _ref(_once(spec, kind.schema)) for name, kind in KINDS.items()}
    for name in (forms.JobForm, forms.BatchForm):
        _once(spec, name)
    jobs = {name: _ref(_of_kind(spec, "Job", forms.JobForm, name, {"arguments": each})) for name, each in arguments.items()}
    batches = {name: _ref(_of_kind(spec, "Batch", forms.BatchForm, name, _many(spec, name, each))) for name, each in arguments.items()}
    spec.components.schema(JOB, {"oneOf": list(jobs.values()), "discriminator": _discriminator(jobs)})
    spec.components.schema(BATCH, {"oneOf": list(batches.values()), "discriminator": _discriminator(batches)})
    spec.components.schema(
        REPLAY,
        {"type": "object", "properties": {"arguments": {"anyOf": list(arguments.values())}}, "additionalProperties": False},
    )


def _of_kind(spec: APISpec, word: str, form: type[Schema], kind: str, members: Mapping[str, Json | None]) -> str:
    """The form, for one kind."""
    name = f"{word}_{kind}"
    plain = spec.components.schemas[form.__name__]
    left_out = {each for each, value in members.items() if value is None}
    own = {each: value for each, value in members.items() if value is not None}
    properties = {each: value for each, value in plain["properties"].items() if each not in left_out}
    spec.components.schema(name, {**plain, "properties": {**properties, "kind": {"const": kind}, **own}})
    return name


def _many(spec: APISpec, kind: str, each: Json) -> dict[str, Json | None]:
    form = forms.SELECTS.get(kind)
    return {"items": {"type": "array", "items": each}, "select": None if form is None else _ref(_once(spec, form))}


def _once(spec: APISpec, schema: type[Schema]) -> str:
    name = schema.__name__
    if name not in spec.components.schemas:
        spec.components.schema(name, schema=schema)
    return name


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _discriminator(choices: Mapping[str, Json]) -> Json:
    return {"propertyName": "kind", "mapping": {kind: ref["$ref"] for kind, ref in choices.items()}}
