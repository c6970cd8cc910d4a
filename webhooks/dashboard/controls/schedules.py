"""When kits are compared by themselves: how it is set, how it went last, and when it goes on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from worker.kit_ledger.rounds import latest_round

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from worker.settings import Tenant


@dataclass(frozen=True, slots=True)
class Schedule:
    """A tenant's comparisons. `every` seconds, None for never.

    `last_at`: when one was begun last; `under_way`: it has not ended. `found`: kits that differed in it. `message`: what went wrong.
    `next_at`: None while one is under way, or where none is to come.
    """

    tenant: str
    source: str
    targets: tuple[str, ...]
    every: float | None
    last_at: datetime | None
    under_way: bool
    found: int | None
    message: str | None
    batch: str | None
    next_at: datetime | None


def schedule_of(connection: Connection, tenant: Tenant, now: datetime) -> Schedule | None:
    """The tenant's comparisons; None where no source or no target is set."""
    sync = tenant.sync
    if sync.source is None or not sync.targets:
        return None
    last = latest_round(connection, tenant.name)
    under_way = last is not None and last.finished_at is None
    next_at = None
    if sync.compare_every is not None and not under_way:
        next_at = now if last is None else max(now, last.started_at + timedelta(seconds=sync.compare_every))
    return Schedule(
        tenant=tenant.name,
        source=sync.source,
        targets=sync.targets,
        every=sync.compare_every,
        last_at=None if last is None else last.started_at,
        under_way=under_way,
        found=None if last is None else last.found,
        message=None if last is None else last.message,
        batch=None if last is None else last.batch,
        next_at=next_at,
    )
