"""Deliveries as rows: stored in one transaction, duplicates known by their key, notifications matched to their jobs, triggers made jobs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, bindparam, case, delete, insert, or_, select, update

from worker.jobs.keys import first_of_key
from worker.jobs.model import Lane, new_id
from worker.jobs.rows import delivery_of
from worker.jobs.states import State
from worker.jobs.tables import Moment, deliveries, delivery_jobs, delivery_keys, in_state, jobs
from worker.jobs.uniques import make_jobs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from worker.jobs.engine import Database
    from worker.jobs.model import Delivery
    from worker.jobs.outcomes import Made, Outcome
    from worker.jobs.verdicts import NewJob

KEY_DAYS: Final = timedelta(days=7)
MAKER: Final = "a delivery"
"""Who made the jobs that a delivery makes."""


@dataclass(frozen=True, slots=True)
class News:
    """One notification inside a delivery: which job or which operation of the ERP it is about. Says nothing of the outcome."""

    job: str | None = None
    operation: str | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """A verified delivery to be stored.

    `key` makes it unique within its source, for `key_life`; None: it is never a duplicate. `makes` are the jobs that it asks for: made
    with it, or joined where such a job waits already. `outcomes` is what rules say of it, kept with it, and their jobs are made; None: no
    rule was asked. `reason` is kept with it. `replay_of`: the delivery that is told again.
    """

    tenant: str
    source: str
    type: str
    headers: dict[str, str]
    body: str
    key: str | None
    erp: str
    news: tuple[News, ...] = ()
    key_life: timedelta = KEY_DAYS
    makes: tuple[NewJob, ...] = ()
    reason: str | None = None
    replay_of: str | None = None
    outcomes: tuple[Outcome, ...] | None = None
    id: str = field(default_factory=new_id)


@dataclass(frozen=True, slots=True)
class Stored:
    """How an arrival was stored: the id to answer with, the lane whose job has news, and the lanes that got jobs."""

    delivery: str
    duplicate: bool
    lane: Lane | None
    lanes: tuple[Lane, ...] = ()


def store(db: Database, connection: Connection, arrivals: Sequence[Arrival], now: datetime) -> list[Stored]:
    """Store the arrivals of one moment together; answers in the same order. Call it in a write transaction."""
    first = first_of_key(db, connection, arrivals, now)
    fresh = [arrival for arrival in arrivals if first.get(arrival.id, arrival.id) == arrival.id]
    matches, nameless = _matches(db, connection, fresh)
    made = _make(db, connection, fresh, now)
    _insert(connection, fresh, matches, made, now)
    _learn_operations(connection, fresh, nameless)
    _wake(connection, {job for touched in matches.values() for job in touched}, now)
    return [_answer(arrival, first.get(arrival.id, arrival.id), matches.get(arrival.id, [])) for arrival in arrivals]


def _answer(arrival: Arrival, first: str, touched: list[str]) -> Stored:
    if first != arrival.id:
        return Stored(first, duplicate=True, lane=None)
    lanes = tuple(dict.fromkeys(Lane(new.tenant, new.erp) for new in asked_for(arrival)))
    return Stored(arrival.id, duplicate=False, lane=Lane(arrival.tenant, arrival.erp) if touched else None, lanes=lanes)


def record(connection: Connection, arrival: Arrival, state: str, reason: str, now: datetime) -> None:
    """Keep what was not taken, a duplicate or a refused one, so that people see why."""
    connection.execute(insert(deliveries).values(_row(arrival, state, reason, now)))


def adopt_orphans(connection: Connection, tenant: str, operations: dict[str, str], now: datetime) -> list[str]:
    """Notifications that came before their operation was known find their job: `operations` maps operation to job.

    The jobs that have news.
    """
    if not operations:
        return []
    orphan = and_(deliveries.c.tenant == tenant, deliveries.c.state == "orphan", deliveries.c.operation.in_(list(operations)))
    rows = connection.execute(select(deliveries.c.id, deliveries.c.operation).where(orphan)).all()
    if not rows:
        return []
    connection.execute(update(deliveries).where(deliveries.c.id.in_([row.id for row in rows])).values(state="accepted"))
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


def _matches(db: Database, connection: Connection, arrivals: Sequence[Arrival]) -> tuple[dict[str, list[str]], set[tuple[str, str]]]:
    """Which jobs each arrival is about: our own id first, then the ERP's; always within the tenant that the signature proved.

    The second value is the jobs, with their tenant, whose operation is not known yet.
    """
    news = [each for arrival in arrivals for each in arrival.news]
    if not news:
        return {}, set()
    given = {
        "jobs": [each.job for each in news if each.job],
        "operations": [each.operation for each in news if each.operation],
        "tenants": sorted({arrival.tenant for arrival in arrivals}),
    }
    rows = connection.execute(db.for_update(_ABOUT), given).all()
    by_id = {(row.tenant, row.id): row.id for row in rows}
    by_operation = {(row.tenant, row.erp_id): row.id for row in rows if row.erp_id}
    found: dict[str, list[str]] = {}
    for arrival in arrivals:
        hits = [by_id.get((arrival.tenant, n.job or "")) or by_operation.get((arrival.tenant, n.operation or "")) for n in arrival.news]
        found[arrival.id] = sorted({hit for hit in hits if hit})
    return found, {(row.tenant, row.id) for row in rows if row.erp_id is None}


def asked_for(arrival: Arrival) -> tuple[NewJob, ...]:
    """The jobs that it asks for: its own, then those of its rules."""
    return (*arrival.makes, *(outcome.job for outcome in arrival.outcomes or () if outcome.job is not None))


def _make(db: Database, connection: Connection, fresh: Sequence[Arrival], now: datetime) -> dict[str, list[Made]]:
    """The jobs that each arrival makes or joins, in the order in which it asks for them."""
    wanted = [(arrival.id, new) for arrival in fresh for new in asked_for(arrival)]
    if not wanted:
        return {}
    found: dict[str, list[Made]] = {}
    for (arrival, _), made in zip(wanted, make_jobs(db, connection, [new for _, new in wanted], MAKER, now), strict=True):
        found.setdefault(arrival, []).append(made)
    return found


def _views(arrival: Arrival, made: Sequence[Made]) -> list[dict[str, Any]] | None:
    """What its rules did, with the jobs that were made."""
    if arrival.outcomes is None:
        return None
    jobs_of_rules = iter(made[len(arrival.makes) :])
    return [outcome.view(next(jobs_of_rules, None) if outcome.job is not None else None) for outcome in arrival.outcomes]


def _insert(
    connection: Connection,
    fresh: Sequence[Arrival],
    matches: Mapping[str, list[str]],
    made: Mapping[str, list[Made]],
    now: datetime,
) -> None:
    if not fresh:
        return
    states = ["accepted" if matches.get(arrival.id) or not arrival.news else "orphan" for arrival in fresh]
    rows = [
        {**_row(arrival, state, arrival.reason, now), "outcomes": _views(arrival, made.get(arrival.id, ()))}
        for arrival, state in zip(fresh, states, strict=True)
    ]
    connection.execute(_DELIVERY, rows)
    touched = {
        arrival.id: dict.fromkeys((*matches.get(arrival.id, ()), *(each.job for each in made.get(arrival.id, ())))) for arrival in fresh
    }
    links = [{"delivery": arrival, "job": job} for arrival, found in touched.items() for job in found]
    if links:
        connection.execute(_LINK, links)


def _learn_operations(connection: Connection, fresh: Sequence[Arrival], nameless: set[tuple[str, str]]) -> None:
    """A notification that names our job tells the operation's id, should the 202 have been lost."""
    told = {n.job: n.operation for arrival in fresh for n in arrival.news if n.operation and (arrival.tenant, n.job) in nameless}
    if told:
        connection.execute(_LEARN, [{"job": job, "operation": operation} for job, operation in told.items()])


def _wake(connection: Connection, woken: set[str], now: datetime) -> None:
    if not woken:
        return
    connection.execute(_WAKE, {"ids": sorted(woken), "now": now})


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
        "replay_of": arrival.replay_of,
    }


# The statements of every delivery are made once: to build one costs more than to run it.
_ABOUT: Final = (
    select(jobs.c.id, jobs.c.tenant, jobs.c.erp_id)
    .where(
        or_(
            jobs.c.id.in_(bindparam("jobs", expanding=True)),
            and_(
                jobs.c.tenant.in_(bindparam("tenants", expanding=True)),
                jobs.c.erp_id.is_not(None),
                jobs.c.erp_id.in_(bindparam("operations", expanding=True)),
            ),
        )
    )
    .order_by(jobs.c.id)  # locked in one order: no deadlocks
)
_DELIVERY: Final = insert(deliveries)
_LINK: Final = insert(delivery_jobs)
_LEARN: Final = update(jobs).where(jobs.c.id == bindparam("job"), jobs.c.erp_id.is_(None)).values(erp_id=bindparam("operation"))
_AT: Final = bindparam("now", type_=Moment())
_WAKE: Final = (
    update(jobs)
    .where(jobs.c.id.in_(bindparam("ids", expanding=True)))
    .values(notified_at=_AT, due_at=case((in_state(State.WAITING), _AT), else_=jobs.c.due_at))
)
