"""A migrated ledger of either kind, empty, for each test: migrated once, then copied or emptied."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.conftest import HAS_POSTGRES
from worker.jobs.engine import Database
from worker.jobs.ledger import migrate
from worker.kit_ledger.tables import metadata

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests import postgres

settings.register_profile("kitrelay", deadline=None, max_examples=40)  # a busy machine is no fault, and many small properties cost time
settings.load_profile("kitrelay")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file; copy it, never open it."""
    path = tmp_path_factory.mktemp("template") / "ledger.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def _sqlite(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    path = tmp_path_factory.mktemp("sqlite") / "ledger.db"
    shutil.copyfile(sqlite_template, path)
    database = Database(f"sqlite:///{path}")
    yield database
    database.close()


@pytest.fixture(scope="session")
def _postgres(postgres_cluster: postgres.Cluster) -> Iterator[Database]:
    name = postgres_cluster.create()
    migrate(postgres_cluster.url(name))
    database = Database(postgres_cluster.url(name))
    yield database
    database.close()
    postgres_cluster.drop(name)


@pytest.fixture
def sqlite_db(_sqlite: Database) -> Database:
    """An empty ledger in a SQLite file: one for the run, emptied before each test, so that its statements are made once."""
    return _emptied(_sqlite)


@pytest.fixture
def postgres_db(_postgres: Database) -> Database:
    """An empty ledger on PostgreSQL, likewise."""
    return _emptied(_postgres)


def _emptied(database: Database) -> Database:
    with database.write() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
    return database


@pytest.fixture(params=["sqlite", "postgresql"] if HAS_POSTGRES else ["sqlite"])
def db(request: pytest.FixtureRequest) -> Database:
    """An empty ledger; every test that asks for it runs on SQLite and on PostgreSQL."""
    name = "sqlite_db" if request.param == "sqlite" else "postgres_db"
    database: Database = request.getfixturevalue(name)
    return database
