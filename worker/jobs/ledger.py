"""The ledger as one thing to hand around: the database, its migrations and the clock."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.resources import files
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from worker.jobs.engine import Database

if TYPE_CHECKING:
    from collections.abc import Iterator


def utc_now() -> datetime:
    """The clock of everything that is not a test."""
    return datetime.now(UTC)


def ticks() -> Iterator[datetime]:
    """The time now, as often as asked."""
    while True:
        yield utc_now()


def migrate(url: str) -> None:
    """Bring the database to this version.

    Safe to run by several processes: each step is a transaction, and PostgreSQL's are taken in turn.
    """
    database = Database(url)
    try:
        with database.write() as connection:
            if not database.is_sqlite:
                connection.exec_driver_sql("SET LOCAL statement_timeout = 0")  # an index of millions of rows takes its time
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7267411)")
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        database.close()


def is_current(database: Database) -> bool:
    """Whether the database has this version's tables."""
    with database.read() as connection:
        present = MigrationContext.configure(connection).get_current_revision()
    return present == ScriptDirectory.from_config(_config()).get_current_head()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("worker.jobs") / "migrations"))
    return config
