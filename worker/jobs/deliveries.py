"""Deliveries as people see them: listed by filter, counted, and shown with the jobs they touched."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, literal, literal_column, select

from worker.errors import NotFound
from worker.jobs import arrivals
from worker.jobs.leads import borders
from worker.jobs.rows import delivery_of
from worker.jobs.tables import Json, deliveries, delivery_jobs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection

    from worker.jobs.model import Delivery

STATES: Final = ("accepted", "duplicate", "orphan", "refused")
REPLAYABLE: Final = ("accepted", "orphan")
WHY_NOT: Final = {
    "refused": "it was refused: it proved nothing",
    "duplicate": "it is a duplicate: replay the first one",
}
_NOT_TAKEN: Final = deliveries.c.state != literal_column("'accepted'")
_LINES: Final = (
    *(column for column in deliveries.c if column.name not in ("headers", "body")),
    literal({}, Json).label("headers"),
    literal("").label("body"),
)


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """What to look for; None means anything. `tenants` is what the asker may see, None for all; `job` one that it touched."""

    tenants: tuple[str, ...] | None = None
    tenant: str | None = None
    source: str | None = None
    state: tuple[str, ...] | None = None
    type: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    job: str | None = None
    replays: bool = True
    """Whether those that are replays of others count."""


def find_deliveries(connection: Connection, wanted: DeliveryFilter, limit: int, after: str | None = None) -> list[Delivery]:
    """Up to `limit` deliveries, newest first, older than the delivery `after`; without headers and bodies, which may be large."""
    came = borders(connection, deliveries, deliveries.c.received_at, wanted.since, wanted.until)
    if came is None:
        return []
    within = came.below(after).of(deliveries.c.id)
    statement = select(*_LINES).where(*_conditions(wanted), *within).order_by(deliveries.c.id.desc()).limit(limit)
    rows = connection.execute(statement).all()
    touched = _touched(connection, [row.id for row in rows])
    return [delivery_of(row, tuple(touched[row.id])) for row in rows]


def find_delivery(connection: Connection, delivery_id: str) -> Delivery:
    """The delivery, whole, with the jobs it touched; or `NotFound`."""
    found = arrivals.find(connection, delivery_id)
    if found is None:
        raise NotFound(f"there is no delivery {delivery_id}")
    return found


def replays_of(connection: Connection, delivery_id: str, limit: int) -> list[Delivery]:
    """Up to `limit` deliveries in which this one was told again, newest first; without headers and bodies, nor the jobs they touched."""
    statement = select(*_LINES).where(deliveries.c.replay_of == delivery_id).order_by(deliveries.c.id.desc()).limit(limit)
    return [delivery_of(row, ()) for row in connection.execute(statement)]


def count_by_state(connection: Connection, wanted: DeliveryFilter) -> dict[str, int]:
    """How many there are in each state that any of them is in."""
    statement = select(deliveries.c.state, func.count().label("n")).where(*_conditions(wanted)).group_by(deliveries.c.state)
    return {row.state: row.n for row in connection.execute(statement)}


def skipped(counts: dict[str, int]) -> list[dict[str, Any]]:
    """`{"reason", "count"}` of those that a replay leaves out."""
    return [{"reason": WHY_NOT[state], "count": counts[state]} for state in WHY_NOT if counts.get(state)]


def ids_of(connection: Connection, wanted: DeliveryFilter, limit: int) -> list[str]:
    """The ids of those that the filter names, oldest first."""
    statement = select(deliveries.c.id).where(*_conditions(wanted)).order_by(deliveries.c.id).limit(limit)
    return list(connection.execute(statement).scalars())


def _touched(connection: Connection, ids: Sequence[str]) -> defaultdict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    links = select(delivery_jobs).where(delivery_jobs.c.delivery.in_(ids)).order_by(delivery_jobs.c.delivery, delivery_jobs.c.job)
    for row in connection.execute(links) if ids else ():
        found[row.delivery].append(row.job)
    return found


def _conditions(wanted: DeliveryFilter) -> list[ColumnElement[bool]]:
    plain = {"tenant": wanted.tenant, "source": wanted.source, "type": wanted.type}
    found: list[ColumnElement[bool]] = [deliveries.c[name] == value for name, value in plain.items() if value is not None]
    if wanted.tenants is not None:
        found.append(deliveries.c.tenant.in_(wanted.tenants))
    if wanted.state is not None:
        found.append(deliveries.c.state.in_(wanted.state))
        if "accepted" not in wanted.state:
            found.append(_NOT_TAKEN)  # it says nothing new, but leads to the index of these few
    if wanted.since is not None:
        found.append(deliveries.c.received_at >= wanted.since)
    if wanted.until is not None:
        found.append(deliveries.c.received_at < wanted.until)
    if wanted.job is not None:
        found.append(deliveries.c.id.in_(select(delivery_jobs.c.delivery).where(delivery_jobs.c.job == wanted.job)))
    if not wanted.replays:
        found.append(deliveries.c.replay_of.is_(None))
    return found
