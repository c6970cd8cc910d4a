"""Tell somebody who waits for work that nobody does it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from worker.cli.output import notes
from worker.jobs import fleet
from worker.jobs.ledger import utc_now

if TYPE_CHECKING:
    from worker.jobs.engine import Database
    from worker.settings import Settings


def say_when_idle(settings: Settings, database: Database) -> None:
    """On standard error, where no worker is alive."""
    with database.read() as connection:
        working = fleet.alive(connection, "worker", utc_now() - timedelta(seconds=settings.timing.dead_after))
    if not working:
        notes().print("no worker is running: this waits until one is (kitrelay up)")
