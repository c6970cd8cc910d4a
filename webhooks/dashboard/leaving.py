"""Logging out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhooks.dashboard.visiting import Left
from worker.jobs import ended_sessions

if TYPE_CHECKING:
    from webhooks.dashboard.visiting import Outcome, Visit


def logout(visit: Visit) -> Outcome:
    """The session ends for every copy of its cookie, and the cookie is taken back."""
    database, session = visit.api.database, visit.session
    with database.write() as connection:
        ended_sessions.end(database, connection, session.nonce, session.forgotten_at)
    return Left("/login")
