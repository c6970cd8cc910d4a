"""What batches are called: for lists that speak of many."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from worker.jobs.tables import batches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection


def batch_names(connection: Connection, batch_ids: Sequence[str], tenants: Sequence[str] | None) -> dict[str, str]:
    """The names of these batches by id, of those that belong to the tenants (None: all)."""
    statement = select(batches.c.id, batches.c.name).where(batches.c.id.in_(batch_ids))
    if tenants is not None:
        statement = statement.where(batches.c.tenant.in_(tenants))
    return {row.id: row.name for row in connection.execute(statement)}
