"""The migrations: they make exactly the tables, and may run twice or at once."""

from __future__ import annotations

import subprocess
import sys
from threading import Thread
from typing import TYPE_CHECKING, Final

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from worker.jobs.engine import Database
from worker.jobs.ledger import is_current, migrate, ticks, utc_now
from worker.jobs.tables import metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

EXPRESSION: Final = "ix_jobs_start"
"""An index over an expression, which Alembic can't compare on SQLite; the statements of all indexes are compared below."""


@pytest.fixture
def empty(database_url: str) -> Iterator[Database]:
    """A database with nothing in it."""
    database = Database(database_url)
    yield database
    database.close()


def test_schema_is_the_tables(db: Database) -> None:
    """The migrated schema is that of `worker.jobs.tables`: columns, types, keys and indexes."""
    with db.read() as connection:
        opts = {"compare_type": True, "include_object": lambda _, name, *__: not db.is_sqlite or name != EXPRESSION}
        found = MigrationContext.configure(connection, opts=opts)
        assert compare_metadata(found, metadata) == []


def test_partial_indexes_agree(empty: Database, sqlite_db: Database) -> None:
    """Indexes are the same statements, also where comparing looks away: expressions and conditions."""
    if not empty.is_sqlite:
        return
    metadata.create_all(empty.engine)
    statement = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY name"
    found = []
    for each in (empty, sqlite_db):
        with each.read() as connection:
            found.append([tuple(row) for row in connection.exec_driver_sql(statement) if not row.name.startswith("alembic")])
    assert found[0] == found[1]


def test_partial_indexes_agree_on_postgres(postgres_url: str, postgres_db: Database) -> None:
    """On PostgreSQL too."""
    made = Database(postgres_url)
    metadata.create_all(made.engine)
    statement = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version' ORDER BY 1"
    found = []
    for each in (made, postgres_db):
        with each.read() as connection:
            found.append([tuple(row) for row in connection.exec_driver_sql(statement)])
    made.close()
    assert found[0] == found[1]


def test_migrate_twice(database_url: str, empty: Database) -> None:
    """A second migration changes nothing."""
    assert not is_current(empty)
    migrate(database_url)
    assert is_current(empty)
    with empty.write() as connection:
        connection.exec_driver_sql("INSERT INTO workers VALUES ('w', 'p', 'r', 1, 1, false)")
    migrate(database_url)
    with empty.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM workers").scalar() == 1


def test_threads_migrate(database_url: str, empty: Database) -> None:
    """Several threads that migrate one empty database all succeed."""
    faults: list[Exception] = []

    def run() -> None:
        try:
            migrate(database_url)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
            faults.append(error)

    threads = [Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert faults == []
    assert is_current(empty)


def test_processes_migrate(database_url: str, empty: Database) -> None:
    """So do several processes, as when all roles are deployed at once."""
    code = "import sys; from worker.jobs.ledger import migrate; migrate(sys.argv[1])"
    started = [subprocess.Popen([sys.executable, "-c", code, database_url], stderr=subprocess.PIPE, text=True) for _ in range(2)]
    ended = [(process.communicate(timeout=60)[1], process.returncode) for process in started]
    assert ended == [("", 0)] * 2
    assert is_current(empty)


def test_migrate_takes_its_time(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No step is cut off by what bounds the statements of daily work: neither a large table's nor the wait for another's migration."""
    monkeypatch.setattr("worker.jobs.engine.POSTGRES_STATEMENT_MS", 100)
    held = Database(postgres_url)
    faults: list[Exception] = []

    def run() -> None:
        try:
            migrate(postgres_url)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
            faults.append(error)

    thread = Thread(target=run)
    with held.write() as connection:
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7267411)")
        thread.start()
        thread.join(1)
    thread.join(30)
    assert faults == []
    assert is_current(held)
    held.close()


def test_clock_is_utc() -> None:
    """The clock knows its zone, and goes on."""
    clock = ticks()
    assert next(clock) <= next(clock) <= utc_now()
    assert str(utc_now().tzinfo) == "UTC"
