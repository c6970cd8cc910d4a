"""The keys of deliveries: who came first with each. Two processes that store one key at once agree on the first."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from worker.jobs.tables import Moment, delivery_keys

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from worker.jobs.arrivals import Arrival
    from worker.jobs.engine import Database


def first_of_key(db: Database, connection: Connection, arrivals: Sequence[Arrival], now: datetime) -> dict[str, str]:
    """Take each arrival's key, or find who took it before.

    From the arrival's id to the delivery that has its key, where another one has it.

    A key whose life is over is taken anew. The insert itself decides, so two processes that store one key at once agree on the first.
    """
    keyed = sorted((arrival for arrival in arrivals if arrival.key is not None), key=_named)  # in one order: no deadlocks
    if not keyed:
        return {}
    rows = [{"tenant": a.tenant, "source": a.source, "key": a.key, "delivery": a.id, "expires_at": now + a.key_life} for a in keyed]
    if connection.execute(_take_key(db.is_sqlite), [{**row, "at": now} for row in rows]).rowcount == len(rows):
        return {}
    taken = {(row.tenant, row.source, row.key): row.delivery for row in connection.execute(_TAKEN, {"keys": [a.key for a in keyed]})}
    return {a.id: taken[a.tenant, a.source, a.key] for a in keyed if taken[a.tenant, a.source, a.key] != a.id}


def taken_by(connection: Connection, arrival: Arrival, now: datetime) -> str | None:
    """The delivery that has the arrival's key already, if its time is not over; nothing is taken."""
    if arrival.key is None:
        return None
    whose = {"tenant": arrival.tenant, "source": arrival.source, "key": arrival.key}
    named = (delivery_keys.c[name] == value for name, value in whose.items())
    return connection.execute(select(delivery_keys.c.delivery).where(*named, delivery_keys.c.expires_at >= now)).scalar()


def _named(arrival: Arrival) -> tuple[str, str, str]:
    return arrival.tenant, arrival.source, arrival.key or ""


@cache
def _take_key(sqlite: bool) -> Any:  # noqa: ANN401, FBT001 - the dialect's own Insert; two of them in all
    statement = (sqlite_insert if sqlite else postgres_insert)(delivery_keys)
    anew = {"delivery": statement.excluded.delivery, "expires_at": statement.excluded.expires_at}
    over = delivery_keys.c.expires_at < bindparam("at", type_=Moment())
    named = [delivery_keys.c.tenant, delivery_keys.c.source, delivery_keys.c.key]
    return statement.on_conflict_do_update(index_elements=named, set_=anew, where=over)


_TAKEN: Final = select(delivery_keys).where(delivery_keys.c.key.in_(bindparam("keys", expanding=True)))
