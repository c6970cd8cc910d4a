"""The tables of kits come to a ledger that is at work already."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import inspect

from worker.jobs.engine import Database
from worker.jobs.ledger import is_current, migrate
from worker.kit_ledger import tables

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def older(database_url: str) -> Iterator[Database]:
    """A ledger as it was before there were kits, with a row in it."""
    config = Config()
    config.set_main_option("script_location", str(files("worker.jobs") / "migrations"))
    database = Database(database_url)
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.exec_driver_sql("INSERT INTO workers VALUES ('w', 'p', 'r', 1, 1, false)")
    yield database
    database.close()


def test_older_ledger_is_brought_up(older: Database, database_url: str) -> None:
    """It is not current, then it is, and keeps what was in it."""
    assert not is_current(older)
    migrate(database_url)
    assert is_current(older)
    with older.read() as connection:
        assert connection.exec_driver_sql("SELECT id FROM workers").scalar() == "w"
        assert set(inspect(connection).get_table_names()) == {*tables.metadata.tables, "alembic_version"}


def test_kits_are_of_the_ledger() -> None:
    """One metadata holds the ledger's tables and those of kits."""
    names = set(tables.metadata.tables)
    assert {"jobs", "kit_links", "kit_former_names", "kit_snapshots", "kit_parts", "kit_writes", "kit_agreements", "kit_rounds"} <= names
