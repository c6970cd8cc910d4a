"""How the jobs of a batch came to their good end, by the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import and_, case, func, select

from worker.jobs.engine import Database
from worker.jobs.states import State
from worker.jobs.tables import jobs, moves

if TYPE_CHECKING:
    from worker.settings import Settings

WAYS: Final = {
    (True, True): "notification, then a list",
    (True, False): "notification, then a read",
    (False, True): "list",
    (False, False): "poll or read",
}
"""By whether a notification had come, and whether a list call showed the end."""


def settled_by(settings: Settings, batch: str) -> dict[str, int]:
    """How many were settled in which way."""
    told = case((and_(jobs.c.notified_at.is_not(None), jobs.c.notified_at <= jobs.c.finished_at), 1), else_=0).label("told")
    counted = (
        select(moves.c.cause, told, func.count().label("n"))
        .join(jobs, jobs.c.id == moves.c.job)
        .where(jobs.c.batch == batch, moves.c.target == State.SUCCEEDED.value)
        .group_by(moves.c.cause, told)
    )
    found = dict.fromkeys(WAYS.values(), 0)
    database = Database(settings.database_url)
    try:
        with database.read() as connection:
            for row in connection.execute(counted):
                found[WAYS[bool(row.told), "list" in row.cause]] += row.n
    finally:
        database.close()
    return found
