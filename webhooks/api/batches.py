"""Batches over HTTP: made from items or a selection, listed, shown, paused, resumed, cancelled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from webhooks.answers import Answer, Streaming
from webhooks.api import queries, streams
from webhooks.api.access import must_see, sees, tenants_of
from webhooks.api.forms import NothingForm, batch_looked_at, taken
from webhooks.api.making import Wanted, made
from webhooks.api.preview import preview
from webhooks.api.queries import PAGING, cursor, page_of, paged
from worker.errors import Fault, InvalidArguments, NotFound
from worker.jobs import batches, requests, search
from worker.jobs.model import Lane
from worker.jobs.progress import progress_of, progress_of_each
from worker.jobs.views import batch_view

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Connection

    from webhooks.api.asking import Api, Ask
    from worker.jobs.model import Batch
    from worker.settings import ApiKey

MOST_ITEMS: Final = 100_000
FILTERS: Final[Mapping[str, Callable[[str], Any]]] = {"tenant": queries.text, "state": queries.batch_state, **PAGING}


def create(api: Api, ask: Ask) -> Answer:
    """Make a batch, all of whose items are right: 202; 200 for one made under this Idempotency-Key before. Or only say what it would do."""
    once = ask.once()
    body = ask.json()
    wanted = _checked(api, ask.key, body)
    if wanted.preview:
        return Answer(200, preview(api, wanted))
    batch, fresh = made(api, wanted, ask.key.name, once, body)
    return _answer(api, batch, 202 if fresh else 200)


def listed(api: Api, ask: Ask) -> Answer:
    """Batches, newest first."""
    found = queries.read(ask.query, FILTERS)
    page = page_of(found)
    tenants: tuple[str, ...] | None = tenants_of(ask.key)
    if found.get("tenant") is not None:
        must_see(ask.key, found["tenant"])
        tenants = (found["tenant"],)
    now = api.clock()
    with api.database.read() as connection:
        present = search.find_batches(connection, tenants, page.limit + 1, page.after, found.get("state"))
        stand = progress_of_each(connection, present[: page.limit], now)
    return Answer(200, paged(present, page.limit, lambda batch: batch_view(batch, stand[batch.id]), lambda batch: cursor(batch.id)))


def shown(api: Api, ask: Ask) -> Answer:
    """One batch and where it stands."""
    queries.read(ask.query, {})
    with api.database.read() as connection:
        batch = _visible(connection, ask)
        return Answer(200, batch_view(batch, progress_of(connection, batch, api.clock())))


def stream(api: Api, ask: Ask) -> Streaming:
    """The same as it changes, as Server-Sent Events, until the batch has ended."""
    queries.read(ask.query, {})
    with api.database.read() as connection:
        batch = _visible(connection, ask)
    return Streaming(api.streams.open(batch.id, ask.key.name), streams.MEDIA_TYPE)


def pause(api: Api, ask: Ask) -> Answer:
    """Start nothing of it any more, until resumed."""
    return _turned(api, ask, "pause")


def resume(api: Api, ask: Ask) -> Answer:
    """Go on."""
    return _turned(api, ask, "resume")


def cancel(api: Api, ask: Ask) -> Answer:
    """Start nothing of it ever; what the ERP has taken is followed to its end."""
    return _turned(api, ask, "cancel")


def _turned(api: Api, ask: Ask, action: str) -> Answer:
    taken(NothingForm, ask.json())
    with api.database.write() as connection:
        batch = _visible(connection, ask)
        turned = batches.turn(api.database, connection, batch.id, action, api.clock(), ask.key.name)
    api.bell.ring(Lane(turned.tenant, turned.erp))
    return _answer(api, turned, 200)


def _visible(connection: Connection, ask: Ask) -> Batch:
    batch = search.find_batch(connection, ask.id)
    if not sees(ask.key, batch.tenant):
        raise NotFound(f"there is no batch {batch.id}")
    return batch


def _answer(api: Api, batch: Batch, status: int) -> Answer:
    with api.database.read() as connection:
        view = batch_view(batch, progress_of(connection, batch, api.clock()))
    return Answer(status, view, {"Location": f"/api/batches/{batch.id}"} if status == 202 else {})  # noqa: PLR2004 - accepted


def _checked(api: Api, key: ApiKey, body: object) -> Wanted:
    """The batch that is asked for. Raises `InvalidArguments` with the faults of the request and of all its items together."""
    data, faults = batch_looked_at(body)
    if "tenant" in data:
        must_see(key, data["tenant"])
    if isinstance(body, dict) and not {"items", "select"} & body.keys():
        faults.append(Fault("items", "is required, or select"))
    items: list[Any] | None = data.get("items")
    if items is not None and len(items) > MOST_ITEMS:
        faults.append(Fault("items", f"must be at most {MOST_ITEMS}: make several batches"))
        items = None
    if {"tenant", "kind"} <= data.keys():
        faults.extend(_faults(api, data, items, body))
    if faults:
        raise InvalidArguments(tuple(faults))
    select: Mapping[str, Any] = data["select"] if items is None else items[0]
    return Wanted.of(data, requests.erp_for(api.settings, data["tenant"], data["kind"], select), items)


def _faults(api: Api, data: Mapping[str, Any], items: list[Any] | None, body: object) -> tuple[Fault, ...]:
    try:
        if items is not None:
            requests.check_items(api.settings, data["tenant"], data["kind"], items)
        elif "select" in data and isinstance(body, dict):
            broken = body["select"].keys() - data["select"].keys()
            requests.check_select(api.settings, data["tenant"], data["kind"], data["select"], broken)
        else:
            requests.kind_for(api.settings, data["tenant"], data["kind"])
    except InvalidArguments as error:
        return error.faults
    return ()
