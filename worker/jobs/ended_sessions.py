"""Sessions of the pages that were ended before their time. One that is not here is as good as its cookie."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from worker.jobs.tables import ended_sessions

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from worker.jobs.engine import Database


def end(db: Database, connection: Connection, nonce: str, expires_at: datetime) -> None:
    """End it; nothing happens to one that has ended. After `expires_at` its cookie is too old, and this is forgotten."""
    connection.execute(db.insert_if_absent(ended_sessions).values(nonce=nonce, expires_at=expires_at))


def has_ended(connection: Connection, nonce: str) -> bool:
    """Whether it was ended."""
    return connection.execute(select(ended_sessions.c.nonce).where(ended_sessions.c.nonce == nonce)).first() is not None
