"""Visma's kit assemblies and background operations, call by call. One call of a method is one call of the API (and rarely a token's)."""

from __future__ import annotations

import time
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from marshmallow import Schema, ValidationError

from worker.clients.answers import ignore
from worker.clients.auth import Credentials, Tokens
from worker.clients.base import Caller, ClientPool, Observe, Reply
from worker.clients.codec import write_json
from worker.clients.visma import schemas
from worker.clients.visma.forms import InsertForm, UpdateForm
from worker.clients.visma.lists import Document, KitAssemblyFilter, page_of, status_of
from worker.clients.visma.names import KIT_ASSEMBLIES, document_path, operation_id, operation_path, ref_no_from_location
from worker.clients.visma.records import (
    Accepted,
    AcceptedForm,
    BackgroundState,
    Created,
    KitAssembly,
    KitAssemblyStatus,
    Page,
    Record,
    ReleaseResult,
)
from worker.errors import BadAnswer, Missing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import httpx

    from worker.settings import Visma

R = TypeVar("R", bound=Record)
D = TypeVar("D", bound=Document)
BACKGROUND: Final = "erp-api-background"
EVERYTHING: Final = KitAssemblyFilter()
HINTS: Final = {
    HTTPStatus.UNAUTHORIZED.value: "a 401 with a valid token usually means that tenant_id is the customer's instead of the company's",
    HTTPStatus.FORBIDDEN.value: "the scope may lack this operation, or its approval by the company's administrator",
}
# Whether /content repeats the status of the call it is about is not documented: these are then its outcome, not a failure to read it.
OUTCOMES: Final = frozenset({400, 402, 405, 406, 409, 411, 412, 413, 415, 422, 423, 428, 431})


class VismaClient:
    """One company's kit assemblies. Every method raises `CallError` as its class says; a `background` header makes Visma queue the call."""

    def __init__(
        self, settings: Visma, pool: ClientPool, auth: httpx.Auth, observe: Observe = ignore, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._caller = Caller(settings.base_url, pool, auth, observe, hints=HINTS, clock=clock)

    def list_kit_assemblies(
        self, wanted: KitAssemblyFilter = EVERYTHING, page_number: int = 1, page_size: int = 1000, background: str | None = None
    ) -> Page[KitAssembly] | Accepted:
        """One page of documents, whole. The filter says whether their lines come along."""
        reply = self._list(wanted, page_number, page_size, background)
        if reply.status == HTTPStatus.ACCEPTED:
            return accepted_of(reply)
        return page_of(reply.json(), lambda record: load(schemas.KitAssemblySchema, record, KitAssembly), wanted, page_number, page_size)

    def list_statuses(self, wanted: KitAssemblyFilter = EVERYTHING, page_number: int = 1, page_size: int = 1000) -> Page[KitAssemblyStatus]:
        """One page of documents, only what confirms their state. Cheap: a thousand in a few milliseconds."""
        return page_of(self._list(wanted, page_number, page_size, None).json(), status_of, wanted, page_number, page_size)

    def get_kit_assembly(self, kind: str, ref_no: str, background: str | None = None) -> KitAssembly | Accepted:
        """The document. Raises `Missing` when there is none."""
        reply = self.call("GET", document_path(kind, ref_no), background)
        if reply.status == HTTPStatus.ACCEPTED:
            return accepted_of(reply)
        return load(schemas.KitAssemblySchema, reply.json(), KitAssembly)

    def create_kit_assembly(self, fields: Mapping[str, Any], background: str | None = None) -> Created | Accepted:
        """Make a document of these snake-case fields (those of the kind, without `release`). Unknown ones are a `ValueError`."""
        reply = self.call("POST", KIT_ASSEMBLIES, background, body=body_of(InsertForm, fields))
        if reply.status == HTTPStatus.ACCEPTED:
            return accepted_of(reply)
        kind, ref_no = ref_no_from_location(reply.headers) or (None, None)
        return Created(type=kind, ref_no=ref_no)

    def update_kit_assembly(self, kind: str, ref_no: str, fields: Mapping[str, Any], background: str | None = None) -> Accepted | None:
        """Change these snake-case fields; what is not named stays. None when it was done at once."""
        return self._changed(self.call("PUT", document_path(kind, ref_no), background, body=body_of(UpdateForm, fields)))

    def delete_kit_assembly(self, kind: str, ref_no: str, background: str | None = None) -> Accepted | None:
        """Delete the document. None when it was done at once."""
        return self._changed(self.call("DELETE", document_path(kind, ref_no), background))

    def release_kit_assembly(self, kind: str, ref_no: str, background: str | None = None) -> ReleaseResult | Accepted:
        """Ask for the document's release. Whatever it answers, the document's status tells whether it happened."""
        reply = self.call("POST", f"{document_path(kind, ref_no)}/action/release", background)
        if reply.status == HTTPStatus.ACCEPTED and background is not None:
            return accepted_of(reply)
        return _release_result(reply)

    def background_state(self, operation: str) -> BackgroundState:
        """How far an operation is. Raises `Missing` when Visma knows none, as it does after 24 hours."""
        return load(schemas.BackgroundStateSchema, self._caller.call("GET", operation_path(operation)).json(), BackgroundState)

    def background_content(self, operation: str) -> Any:  # noqa: ANN401 (it is whatever the call inside answered)
        """What the call inside answered: its JSON value, or text if it is none; None when there is nothing, which is normal after a 204.

        Raises `Missing` (410) when Visma has removed it, after 24 hours.
        """
        try:
            reply = self._caller.call("GET", f"{operation_path(operation)}/content", accept=OUTCOMES)
        except Missing as error:
            if error.status == HTTPStatus.GONE:
                raise
            return None
        try:
            return reply.json() if reply.body.strip() else None
        except BadAnswer:
            return reply.body.decode("utf-8", errors="replace")

    def _list(self, wanted: KitAssemblyFilter, page_number: int, page_size: int, background: str | None) -> Reply:
        return self.call("GET", f"{KIT_ASSEMBLIES}?{wanted.query(page_number, page_size)}", background)

    def call(self, method: str, path: str, background: str | None, body: bytes | None = None) -> Reply:
        """One call of the company's API: for the parts of it that stand in modules of their own. A 202 is a reply like any 2xx."""
        return self._caller.call(method, path, body=body, headers={BACKGROUND: background} if background else None)

    def _changed(self, reply: Reply) -> Accepted | None:
        return accepted_of(reply) if reply.status == HTTPStatus.ACCEPTED else None


def visma_auth(settings: Visma, tokens: Tokens, observe: Observe = ignore) -> httpx.Auth:
    """The token flow of a tenant; tenants with the same credentials share a token."""
    credentials = Credentials(settings.token_url, settings.client_id, settings.client_secret, settings.tenant_id, settings.scopes)
    return tokens.auth(credentials, observe)


def accepted_of(reply: Reply) -> Accepted:
    """The queued operation. Its id is in the body, else in an address there or in the Location header. Raises `BadAnswer` if in none."""
    try:
        form = load(schemas.AcceptedSchema, reply.json(), AcceptedForm)
    except BadAnswer:
        form = AcceptedForm()
    found = form.id or operation_id(form.state_location, form.extras.get("contentLocation"), reply.headers.get("location"))
    if not found:
        raise BadAnswer("Visma accepted the request without naming the operation", status=reply.status)
    return Accepted(id=found, state_location=form.state_location)


def _release_result(reply: Reply) -> ReleaseResult:
    try:
        return load(schemas.ReleaseResultSchema, reply.json(), ReleaseResult)
    except BadAnswer:
        return ReleaseResult()


def body_of(form: type[Schema], fields: Mapping[str, Any]) -> bytes:
    """The JSON of a write form. Unknown fields are a `ValueError`."""
    return write_json(_ready(form).dump(fields))


def load(schema: type[Schema], value: object, record: type[R]) -> R:
    """The record in a JSON value. Raises `BadAnswer`."""
    try:
        return cast("R", _ready(schema).load(cast("Mapping[str, Any]", value)))
    except (ValidationError, TypeError) as error:
        raise BadAnswer(f"not a {record.__name__} as Visma documents it: {str(error)[:200]}") from error


@cache
def _ready(schema: type[Schema]) -> Schema:
    return schema()
