"""Intacct's kit components, items, queries and models, call by call. One call of a method is one call of the API, where it says no other.

Every POST and PATCH of an object takes an `Idempotency-Key`; queries, models, GET and DELETE know none (documented).
"""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import quote, urlencode

from worker.clients.answers import ignore
from worker.clients.base import Caller, ClientPool, Observe, Reply
from worker.clients.codec import write_json
from worker.clients.intacct.batches import MOST, outcomes_of
from worker.clients.intacct.faults import CACHED, judge
from worker.clients.intacct.query import ITEM, KIT_COMPONENT, Query
from worker.clients.intacct.schemas import component_body, component_of, item_of, page_of, reference_of, result_of
from worker.clients.intacct.tokens import IntacctAuth
from worker.clients.outcomes import class_of
from worker.errors import AuthRefused, BadAnswer, Rejected, Unclear

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import httpx

    from worker.clients.intacct.records import IntacctItem, KitComponent, Outcome, Page, Reference
    from worker.settings import Intacct

T = TypeVar("T")
PATH: Final = f"/objects/{KIT_COMPONENT}"
ENTITY: Final = "X-IA-API-Param-Entity"
TRANSACTION: Final = "X-IA-API-Param-Transaction"
IDEMPOTENCY: Final = "Idempotency-Key"
LONGEST_KEY: Final = 256
MOST_PAGES: Final = 250
"""Pages of one query that are read at most: a million records."""


class IntacctClient:
    """One company, or one entity of it. Every method raises `CallError` as its class says. Threads share it."""

    def __init__(
        self, settings: Intacct, pool: ClientPool, auth: httpx.Auth, observe: Observe = ignore, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._caller = Caller(settings.base_url, pool, auth, observe, judge=judge, clock=clock)
        self._auth = auth
        self._entity = {ENTITY: settings.entity} if settings.entity else {}

    def list_kit_components(self) -> Page[Reference]:
        """Some references, without filter or order: a testing aid, says the documentation. Queries read."""
        return page_of(self._call("GET", PATH).json(), reference_of)

    def get_kit_component(self, key: str) -> KitComponent:
        """One record. Raises `Missing` when there is none."""
        return component_of(result_of(self._call("GET", _path(key)).json()))

    def create_kit_component(self, values: Mapping[str, Any], idempotency_key: str) -> Reference:
        """Make a component of these snake-case fields; `kit` and `component` are item keys. A taken line number renumbers others."""
        reply = self._call("POST", PATH, body=component_body(values), key=idempotency_key)
        return _written(reply)

    def update_kit_component(self, key: str, values: Mapping[str, Any], idempotency_key: str) -> Reference:
        """Change these fields; what is not named stays."""
        return _written(self._call("PATCH", _path(key), body=component_body(values), key=idempotency_key))

    def delete_kit_component(self, key: str) -> None:
        """Delete it. Raises `Missing` when there is none."""
        self._call("DELETE", _path(key))

    def create_kit_components(
        self, values: Sequence[Mapping[str, Any]], idempotency_key: str, *, atomic: bool = False
    ) -> tuple[Outcome[Reference], ...]:
        """Make up to 500, in their order; each ends for itself, unless `atomic`."""
        _bounded(values)
        reply = self._call("POST", PATH, body=[component_body(each) for each in values], key=idempotency_key, atomic=atomic)
        return outcomes_of(reply, len(values), reference_of, write=True)

    def update_kit_components(
        self, changes: Sequence[tuple[str, Mapping[str, Any]]], idempotency_key: str, *, atomic: bool = False
    ) -> tuple[Outcome[Reference], ...]:
        """Change up to 500, each a key and its fields; likewise."""
        _bounded(changes)
        body = [{"key": key, **component_body(values)} for key, values in changes]
        reply = self._call("PATCH", PATH, body=body, key=idempotency_key, atomic=atomic)
        return outcomes_of(reply, len(changes), reference_of, write=True, keys=[key for key, _ in changes])

    def get_kit_components(self, keys: Sequence[str]) -> tuple[Outcome[KitComponent], ...]:
        """Up to 500 records, in the order of their keys."""
        _bounded(keys)
        return outcomes_of(self._call("GET", _path(*keys)), len(keys), component_of, write=False, keys=keys)

    def delete_kit_components(self, keys: Sequence[str], *, atomic: bool = False) -> tuple[Outcome[Reference], ...]:
        """Delete up to 500. Of a delete that failed in part the good ones carry no key: they are told by their place (documented)."""
        _bounded(keys)
        return outcomes_of(self._call("DELETE", _path(*keys), atomic=atomic), len(keys), reference_of, write=True)

    def query(self, query: Query, load: Callable[[object], T]) -> Page[T]:
        """One page of a query, each row read by `load`."""
        reply = self._call("POST", "/services/core/query", body=query.body(), write=False)
        return page_of(reply.json(), load)

    def pages(self, query: Query, load: Callable[[object], T]) -> Iterator[Page[T]]:
        """A query page by page until Intacct names no next one. Raises `BadAnswer` when it goes in circles or never ends."""
        for _ in range(MOST_PAGES):
            page = self.query(query, load)
            yield page
            if page.next is None:
                return
            if page.next <= query.start:
                raise BadAnswer(f"a query's next page starts at {page.next}, not behind {query.start}")
            query = query.from_(page.next)
        raise BadAnswer(f"a query has more than {MOST_PAGES} pages")

    def kit_components(self, query: Query) -> list[KitComponent]:
        """Every row of all pages, once for each key: pages are cut anew for each call, so that rows may repeat (seen)."""
        return _once((row for page in self.pages(query, component_of) for row in page.records), lambda row: row.key)

    def items(self, query: Query) -> list[IntacctItem]:
        """Every item of all pages, likewise."""
        return _once((row for page in self.pages(query, item_of) for row in page.records), lambda row: row.key)

    def model(self, name: str = KIT_COMPONENT, **options: str) -> dict[str, Any]:
        """What Intacct says of an object: fields, references, `httpMethods`, `idempotenceSupported`."""
        found = result_of(self._call("GET", f"/services/core/model?{urlencode({'name': name, **options})}").json())
        if not isinstance(found, dict):
            raise BadAnswer("a model of Intacct that is no object")
        return found

    def probe(self) -> None:
        """The smallest query there is."""
        self.query(Query(object=ITEM, fields=("key",), size=1), item_of)

    def _call(
        self, method: str, path: str, *, body: object = None, key: str | None = None, atomic: bool = False, write: bool | None = None
    ) -> Reply:
        headers = dict(self._entity)
        if key is not None:
            headers[IDEMPOTENCY] = _checked(key)
        if atomic:
            headers[TRANSACTION] = "true"
        raw = None if body is None else write_json(body)

        def send() -> Reply:
            return self._caller.call(method, path, body=raw, headers=headers, write=write)

        try:
            return self._with_token(send)
        except Rejected as error:
            if key is None or error.status != HTTPStatus.CONFLICT or class_of(error.message, HTTPStatus.CONFLICT) == "duplicate":
                raise
            raise Unclear(error.message, status=error.status, error_class="conflict") from error  # the key was used: by whom, a look tells

    def _with_token(self, send: Callable[[], Reply]) -> Reply:
        """Once more with another token when the first is refused, which means that nothing was done."""
        try:
            return send()
        except AuthRefused as error:
            if error.status != HTTPStatus.UNAUTHORIZED or not isinstance(self._auth, IntacctAuth) or not self._auth.renew():
                raise
        return send()


def _written(reply: Reply) -> Reference:
    """What a write of one record answered; a record that is not named is no harm, it is read back anyway."""
    return reference_of(result_of(reply.json()), reply.headers.get(CACHED))


def _path(*keys: str) -> str:
    if not all(keys):
        raise ValueError("a key is empty")
    return f"{PATH}/{','.join(quote(key, safe='') for key in keys)}"


def _bounded(records: Sequence[object]) -> None:
    if not 1 <= len(records) <= MOST:
        raise ValueError(f"a batch has from 1 to {MOST} records")


def _checked(key: str) -> str:
    if not key.isascii() or not key.isprintable() or not 1 <= len(key) <= LONGEST_KEY:
        raise ValueError(f"an Idempotency-Key has 1 to {LONGEST_KEY} plain characters")
    return key


def _once(rows: Iterator[T], key: Callable[[T], str | None]) -> list[T]:
    seen: dict[object, T] = {}
    for place, row in enumerate(rows):
        seen.setdefault(key(row) or place, row)
    return list(seen.values())
