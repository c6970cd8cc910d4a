"""What the pages show beside jobs, into a ledger that is filled: the pace of the last week, acts, and connections as workers left them."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, func, select

from tests.bench.ledger_filling import put
from tests.bench.ledger_stock import TENANTS, id_at
from worker.connections import Limits, Report
from worker.jobs import limits, paces
from worker.jobs.ledger import utc_now
from worker.jobs.model import Lane
from worker.jobs.tables import acts
from worker.jobs.tables import paces as pace_rows

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from worker.jobs.engine import Database

WEEK: Final = timedelta(days=7)
BUSY: Final = 8
ACTS: Final = 5_000
SLOTS: Final = {"visma": 8, "itempath": 1, "intacct": 2}
_STEPS: Final = (("succeeded", 3), ("succeeded", 6), ("succeeded", 9), ("succeeded", 12), ("failed", 5), ("cancelled", -1))


def settle(db: Database) -> None:
    """The same each time it is called, but for the hour."""
    now, chance = utc_now(), random.Random(1)
    with db.write() as connection:
        connection.execute(delete(pace_rows))
        put(connection, {pace_rows: _paces(now, chance)})
        if connection.execute(select(func.count()).select_from(acts)).scalar_one() < ACTS:
            put(connection, {acts: _acts(now)})
        for tenant in TENANTS:
            _connect(db, connection, tenant, now)


def _paces(now: datetime, chance: random.Random) -> list[dict[str, object]]:
    """A week of a million jobs in a quarter, five minutes to a row of each kind, as after folding: tenants work one hour in eight."""
    first = now - WEEK - (now - WEEK - now.replace(hour=0, minute=0, second=0, microsecond=0)) % paces.SPAN
    spans = [first + paces.SPAN * number for number in range(WEEK // paces.SPAN)]
    return [
        {"at": at, "tenant": tenant, "erp": erp, "state": state, "step": step, "jobs": chance.randint(1, 8)}
        for at in spans
        for tenant in TENANTS
        if (at.hour + TENANTS.index(tenant)) % BUSY == 0
        for erp in ("visma", "itempath")
        for state, step in _STEPS
    ]


def _acts(now: datetime) -> list[dict[str, object]]:
    rows = []
    for number in range(ACTS):
        at = now - timedelta(minutes=ACTS - number)
        tenant = TENANTS[number % len(TENANTS)]
        told = {"act": "connection.changed", "subject": "visma", "before": {"slots": 8}, "after": {"slots": 4}}
        rows.append({"id": id_at(at), "at": at, "by": f"person-{number % 9}", "tenant": tenant, **told})
    return rows


def _connect(db: Database, connection: Connection, tenant: str, now: datetime) -> None:
    for erp, slots in SLOTS.items():
        report = Report(calls=100, oks=100, ms=80, last_ok_at=now)
        limits.refresh(db, connection, Lane(tenant, erp), "worker-1", Limits(slots), report, now, now + timedelta(hours=1), 0.0)
