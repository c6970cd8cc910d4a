"""Make a batch: its row and its Idempotency-Key in one transaction, then its jobs in chunks, then its start."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from worker.jobs import batches, queue, requests, search
from worker.jobs.batches import NewBatch
from worker.jobs.filling import filled
from worker.jobs.model import Batch, Lane
from worker.jobs.states import BatchState
from worker.jobs.views import at

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from webhooks.api.asking import Api
    from worker.jobs.engine import Database


@dataclass(frozen=True, slots=True)
class Wanted:
    """A batch that may be made. Either `items`, or `select`: what to look for, with times in RFC 3339."""

    tenant: str
    erp: str
    kind: str
    name: str | None
    items: list[Any] | None
    select: dict[str, Any] | None
    priority: int
    tags: tuple[str, ...]
    hold: bool
    preview: bool

    @classmethod
    def of(cls, data: Mapping[str, Any], erp: str, items: list[Any] | None) -> Wanted:
        """From a checked body."""
        select = data.get("select")
        return cls(
            tenant=data["tenant"],
            erp=erp,
            kind=data["kind"],
            name=data.get("name"),
            items=items,
            select=None
            if select is None
            else {name: at(value) if isinstance(value, datetime) else value for name, value in select.items()},
            priority=data.get("priority", 0),
            tags=tuple(data.get("tags", ())),
            hold=data.get("hold", False),
            preview=data.get("preview", False),
        )


def made(api: Api, wanted: Wanted, made_by: str, once: str | None, body: object) -> tuple[Batch, bool]:
    """The batch, and whether it is new: False for one that was made under the Idempotency-Key `once` before."""
    api.fullness.admit(wanted.tenant, len(wanted.items or ()))
    batch, fresh = _opened(api, wanted, made_by, once, queue.digest_of(["batch", body]))
    if not fresh:
        return batch, False
    if wanted.items is None:
        api.bell.plan(batch.id)
        return batch, True
    news = requests.new_items(api.settings, batch.tenant, batch.kind, wanted.items, batch.id, priority=batch.priority, tags=batch.tags)
    batch = filled(api.database, batch, news, partial(_free, made_by, once))
    api.bell.ring(Lane(batch.tenant, batch.erp))
    return batch, True


def _opened(api: Api, wanted: Wanted, made_by: str, once: str | None, digest: str) -> tuple[Batch, bool]:
    now = api.clock()
    new = NewBatch(
        tenant=wanted.tenant,
        erp=wanted.erp,
        kind=wanted.kind,
        name=wanted.name or f"{wanted.kind.replace('_', ' ')}, {now:%Y-%m-%d %H:%M} UTC",
        select=wanted.select,
        priority=wanted.priority,
        tags=wanted.tags,
        held=wanted.hold,
    )
    with api.database.write() as connection:
        present = _present(api.database, connection, made_by, once, digest, now)
        if present is not None:
            return present, False
        batch = batches.open_batch(connection, new, made_by, now)
        batches.tell_made(connection, batch, now, None if wanted.items is None else len(wanted.items))
        if once is not None:
            queue.keep(connection, made_by, once, digest, batch.id, now)
    return batch, True


def _present(db: Database, connection: Connection, made_by: str, once: str | None, digest: str, now: datetime) -> Batch | None:
    """What was made under the key. A batch that ended before it started, with its reason, may be asked for again."""
    before = queue.reserve(db, connection, made_by, once, digest, now) if once is not None else None
    if before is None or once is None:
        return None
    batch = search.find_batch(connection, before)
    if batch.state is not BatchState.CANCELLED or batch.message is None:
        return batch
    queue.release(connection, made_by, once)
    return None


def _free(made_by: str, once: str | None, connection: Connection) -> None:
    """The Idempotency-Key of a batch that could not be filled may be used again."""
    if once is not None:
        queue.release(connection, made_by, once)
