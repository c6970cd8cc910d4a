"""Deliveries as rows: stored in one transaction, duplicates known by their key, notifications matched to their jobs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import and_, delete, insert, or_, select, update

from worker.jobs.model import Lane, new_id
from worker.jobs.rows import delivery_of
from worker.jobs.states import State
from worker.jobs.tables import deliveries, delivery_jobs, delivery_keys, jobs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from worker.jobs.engine import Database
    from worker.jobs.model import Delivery

KEY_DAYS: Final = timedelta(days=7)
_Key = tuple[str, str, str | None]


@dataclass(frozen=True, slots=True)
class News:
    """One notification inside a delivery: which job or which operation of the ERP it is about. Says nothing of the outcome."""

    job: str | None = None
    operation: str | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """A verified delivery to be stored. `key` makes it unique within its source, for `key_life`; None: it is never a duplicate."""

    tenant: str
    source: str
    type: str
    headers: dict[str, str]
    body: str
    key: str | None
    erp: str
    news: tuple[News, ...] = ()
    key_life: timedelta = KEY_DAYS
    id: str = field(default_factory=new_id)


@dataclass(frozen=True, slots=True)
class Stored:
    """How an arrival was stored: the id to answer with, and which lane has something to do now."""

    delivery: str
    duplicate: bool
    lane: Lane | None


def store(db: Database, connection: Connection, arrivals: Sequence[Arrival], now: datetime) -> list[Stored]:
    """Store the arrivals of one moment together; answers in the same order. Call it in a write transaction."""
    known, expired = _known_keys(connection, arrivals, now)
    _forget(connection, expired)
    matches, nameless = _matches(db, connection, arrivals)
    answers: list[Stored] = []
    fresh: list[tuple[Arrival, list[str]]] = []
    for arrival in arrivals:
        name = (arrival.tenant, arrival.source, arrival.key)
        first = known.get(name) if arrival.key is not None else None
        if first is not None:
            answers.append(Stored(first, duplicate=True, lane=None))
            continue
        if arrival.key is not None:
            known[name] = arrival.id
        touched = matches.get(arrival.id, [])
        fresh.append((arrival, touched))
        answers.append(Stored(arrival.id, duplicate=False, lane=Lane(arrival.tenant, arrival.erp) if touched else None))
    _insert(connection, fresh, now)
    _learn_operations(connection, fresh, nameless)
    _wake(connection, {job for _, touched in fresh for job in touched}, now)
    return answers


def record(connection: Connection, arrival: Arrival, state: str, reason: str, now: datetime) -> None:
    """Keep what was not taken, a duplicate or a refused one, so that people see why."""
    connection.execute(insert(deliveries).values(_row(arrival, state, reason, now)))


def adopt_orphans(connection: Connection, tenant: str, operations: dict[str, str], now: datetime) -> list[str]:
    """Notifications that came before their operation was known find their job: `operations` maps operation to job. The jobs that have news."""
    if not operations:
        return []
    orphan = and_(deliveries.c.tenant == tenant, deliveries.c.state == "orphan", deliveries.c.operation.in_(list(operations)))
    rows = connection.execute(select(deliveries.c.id, deliveries.c.operation).where(orphan)).all()
    if not rows:
        return []
    connection.execute(update(deliveries).where(deliveries.c.id.in_([row.id for row in rows])).values(state="accepted", reason=None))
    connection.execute(insert(delivery_jobs), [{"delivery": row.id, "job": operations[row.operation]} for row in rows])
    woken = sorted({operations[row.operation] for row in rows})
    _wake(connection, set(woken), now)
    return woken


def find(connection: Connection, delivery_id: str) -> Delivery | None:
    """A delivery with the jobs it touched."""
    row = connection.execute(select(deliveries).where(deliveries.c.id == delivery_id)).one_or_none()
    if row is None:
        return None
    touched = connection.execute(select(delivery_jobs.c.job).where(delivery_jobs.c.delivery == delivery_id)).scalars()
    return delivery_of(row, tuple(touched))


def forget_keys(connection: Connection, now: datetime) -> int:
    """Drop keys whose time is over."""
    return connection.execute(delete(delivery_keys).where(delivery_keys.c.expires_at < now)).rowcount


def _known_keys(connection: Connection, arrivals: Sequence[Arrival], now: datetime) -> tuple[dict[_Key, str], list[_Key]]:
    """The deliveries that used these keys before, and the keys whose life is over and which stand there still."""
    keys = [arrival.key for arrival in arrivals if arrival.key is not None]
    if not keys:
        return {}, []
    tenants = {arrival.tenant for arrival in arrivals}
    statement = select(delivery_keys).where(delivery_keys.c.tenant.in_(tenants), delivery_keys.c.key.in_(keys))
    rows = connection.execute(statement).all()
    known = {(row.tenant, row.source, row.key): row.delivery for row in rows if row.expires_at >= now}
    return known, [(row.tenant, row.source, row.key) for row in rows if row.expires_at < now]


def _forget(connection: Connection, expired: Sequence[_Key]) -> None:
    for tenant, source, key in expired:
        named = and_(delivery_keys.c.tenant == tenant, delivery_keys.c.source == source, delivery_keys.c.key == key)
        connection.execute(delete(delivery_keys).where(named))


def _matches(db: Database, connection: Connection, arrivals: Sequence[Arrival]) -> tuple[dict[str, list[str]], set[tuple[str, str]]]:
    """Which jobs each arrival is about: our own id first, then the ERP's; always within the tenant that the signature proved.

    The second value is the jobs, with their tenant, whose operation is not known yet.
    """
    news = [each for arrival in arrivals for each in arrival.news]
    job_ids = {each.job for each in news if each.job}
    operations = {each.operation for each in news if each.operation}
    if not job_ids and not operations:
        return {}, set()
    wanted = or_(jobs.c.id.in_(job_ids), and_(jobs.c.tenant.in_({a.tenant for a in arrivals}), jobs.c.erp_id.in_(operations)))
    ordered = select(jobs.c.id, jobs.c.tenant, jobs.c.erp_id).where(wanted).order_by(jobs.c.id)  # locked in one order: no deadlocks
    rows = connection.execute(db.for_update(ordered)).all()
    by_id = {(row.tenant, row.id): row.id for row in rows}
    by_operation = {(row.tenant, row.erp_id): row.id for row in rows if row.erp_id}
    found: dict[str, list[str]] = {}
    for arrival in arrivals:
        hits = [by_id.get((arrival.tenant, n.job or "")) or by_operation.get((arrival.tenant, n.operation or "")) for n in arrival.news]
        found[arrival.id] = sorted({hit for hit in hits if hit})
    return found, {(row.tenant, row.id) for row in rows if row.erp_id is None}


def _insert(connection: Connection, fresh: Sequence[tuple[Arrival, list[str]]], now: datetime) -> None:
    if not fresh:
        return
    rows = [_row(arrival, "accepted" if touched or not arrival.news else "orphan", None, now) for arrival, touched in fresh]
    connection.execute(insert(deliveries), rows)
    links = [{"delivery": arrival.id, "job": job} for arrival, touched in fresh for job in touched]
    if links:
        connection.execute(insert(delivery_jobs), links)
    keyed = [arrival for arrival, _ in fresh if arrival.key is not None]
    if keyed:
        _remember(connection, keyed, now)


def _remember(connection: Connection, keyed: Sequence[Arrival], now: datetime) -> None:
    connection.execute(
        insert(delivery_keys),
        [{"tenant": a.tenant, "source": a.source, "key": a.key, "delivery": a.id, "expires_at": now + a.key_life} for a in keyed],
    )


def _learn_operations(connection: Connection, fresh: Sequence[tuple[Arrival, list[str]]], nameless: set[tuple[str, str]]) -> None:
    """A notification that names our job tells the operation's id, should the 202 have been lost."""
    told = {n.job: n.operation for arrival, _ in fresh for n in arrival.news if n.operation and (arrival.tenant, n.job) in nameless}
    for job, operation in told.items():
        connection.execute(update(jobs).where(jobs.c.id == job, jobs.c.erp_id.is_(None)).values(erp_id=operation))


def _wake(connection: Connection, woken: set[str], now: datetime) -> None:
    if not woken:
        return
    connection.execute(update(jobs).where(jobs.c.id.in_(woken)).values(notified_at=now))
    connection.execute(update(jobs).where(jobs.c.id.in_(woken), jobs.c.state == State.WAITING).values(due_at=now))


def _row(arrival: Arrival, state: str, reason: str | None, now: datetime) -> dict[str, object]:
    return {
        "id": arrival.id,
        "tenant": arrival.tenant,
        "source": arrival.source,
        "type": arrival.type,
        "received_at": now,
        "state": state,
        "reason": reason,
        "operation": next((n.operation for n in arrival.news if n.operation), None),
        "headers": arrival.headers,
        "body": arrival.body,
    }
