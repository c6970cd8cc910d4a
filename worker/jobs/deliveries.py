"""Deliveries as people see them: listed by filter, shown with the jobs they touched, and replayed: told again, as a new row."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, literal, select

from worker.errors import Conflict, LedgerUnavailable, NotFound
from worker.jobs import acts, arrivals
from worker.jobs.leads import borders
from worker.jobs.rows import delivery_of
from worker.jobs.tables import Json, deliveries, delivery_jobs
from worker.jobs.views import at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection

    from worker.jobs.arrivals import Arrival, Stored
    from worker.jobs.engine import Database
    from worker.jobs.model import Delivery

    Tell = Callable[[Delivery], Arrival]
    """Reads a stored delivery again, as when it came: what it is news of, which jobs it asks for. Raises `Conflict` if it can't be."""

STATES: Final = ("accepted", "duplicate", "orphan", "refused")
REPLAYABLE: Final = ("accepted", "orphan")
MOST_REPLAYED: Final = 1_000
"""Deliveries in the replay of one range."""

CHUNK: Final = 50
_AWAY: Final = "the ledger could not be used in the middle: see whether it was replayed"
_WHY_NOT: Final = {
    "refused": "it was refused: it proved nothing",
    "duplicate": "it is a duplicate: replay the first one",
}
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


def replay(db: Database, connection: Connection, delivery: Delivery, tell: Tell, by: str, now: datetime) -> Stored:
    """Do again what the delivery asks for, as it is understood today; a new row that names this one.

    A notification wakes its jobs, and may find now what it did not find then; what asks for jobs makes them, or joins those that wait for
    the same; unique keys hold. Raises `Conflict` for one that was refused, is a duplicate, or can't be understood any more.
    """
    if delivery.state not in REPLAYABLE:
        raise Conflict(f"this delivery can't be replayed: {_WHY_NOT[delivery.state]}")
    stored = arrivals.store(db, connection, [_again(delivery, tell, by)], now)[0]
    acts.record(connection, by, delivery.tenant, "delivery.replayed", delivery.id, None, {"delivery": stored.delivery}, now)
    return stored


def count_by_state(connection: Connection, wanted: DeliveryFilter) -> dict[str, int]:
    """How many there are in each state that any of them is in."""
    statement = select(deliveries.c.state, func.count().label("n")).where(*_conditions(wanted)).group_by(deliveries.c.state)
    return {row.state: row.n for row in connection.execute(statement)}


def skipped(counts: dict[str, int]) -> list[dict[str, Any]]:
    """`{"reason", "count"}` of those that a replay leaves out."""
    return [{"reason": _WHY_NOT[state], "count": counts[state]} for state in _WHY_NOT if counts.get(state)]


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of a range: the new rows by the ids they name, and why the others were left out."""

    stored: dict[str, Stored]
    refused: dict[str, str]


def replay_range(db: Database, wanted: DeliveryFilter, tell: Tell, by: str, clock: Callable[[], datetime]) -> Replayed:
    """Replay all that can be, oldest first, in chunks of one transaction each. Raises `Conflict`, with nothing done, for too many.

    A ledger that goes away in the middle ends it: what was replayed until then is told, so that nobody replays it once more. That it was
    asked for is on record with the first of the chunks.
    """
    able = replace(wanted, state=REPLAYABLE)
    with db.read() as connection:
        statement = select(deliveries.c.id).where(*_conditions(able)).order_by(deliveries.c.id).limit(MOST_REPLAYED + 1)
        ids = connection.execute(statement).scalars().all()
    if len(ids) > MOST_REPLAYED:
        raise Conflict(f"there are more than {MOST_REPLAYED} deliveries: choose a shorter time")
    done: dict[str, Stored] = {}
    refused: dict[str, str] = {}
    for start in range(0, len(ids), CHUNK):
        try:
            told = _range(wanted, len(ids)) if start == 0 else None
            done.update(_again_together(db, ids[start : start + CHUNK], tell, by, clock, refused, told))
        except LedgerUnavailable:
            if not done:
                raise
            refused.update(dict.fromkeys(ids[start:], _AWAY))
            break
    return Replayed(done, refused)


def _again_together(
    db: Database,
    ids: Sequence[str],
    tell: Tell,
    by: str,
    clock: Callable[[], datetime],
    refused: dict[str, str],
    told: dict[str, Any] | None,
) -> dict[str, Stored]:
    """Those of one chunk that were replayed. They are understood before the ledger is locked: rules take their time."""
    with db.read() as connection:
        fresh = _told(connection, ids, tell, by, refused)
    with db.write() as connection:
        now = clock()
        stored = arrivals.store(db, connection, list(fresh.values()), now)
        if told is not None:
            acts.record(connection, by, told["tenant"], "deliveries.replayed", told["source"] or "", None, told, now)
    return dict(zip(fresh, stored, strict=True))


def _range(wanted: DeliveryFilter, count: int) -> dict[str, Any]:
    """What is told of the replay of a range."""
    plain = {"tenant": wanted.tenant, "source": wanted.source, "type": wanted.type}
    return {**plain, "since": at(wanted.since), "until": at(wanted.until), "count": count}


def _told(connection: Connection, ids: Iterable[str], tell: Tell, by: str, refused: dict[str, str]) -> dict[str, Arrival]:
    found = (arrivals.find(connection, each) for each in ids)
    told: dict[str, Arrival] = {}
    for delivery in found:
        if delivery is None:  # pruned in the meantime
            continue
        try:
            told[delivery.id] = _again(delivery, tell, by)
        except Conflict as error:
            refused[delivery.id] = str(error)
    return told


def _again(delivery: Delivery, tell: Tell, by: str) -> Arrival:
    told = tell(delivery)
    reason = f"replayed by {by}" + (f"; {told.reason}" if told.reason else "")
    return replace(told, key=None, reason=reason, replay_of=delivery.id)


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
    if wanted.since is not None:
        found.append(deliveries.c.received_at >= wanted.since)
    if wanted.until is not None:
        found.append(deliveries.c.received_at < wanted.until)
    if wanted.job is not None:
        found.append(deliveries.c.id.in_(select(delivery_jobs.c.delivery).where(delivery_jobs.c.job == wanted.job)))
    if not wanted.replays:
        found.append(deliveries.c.replay_of.is_(None))
    return found
