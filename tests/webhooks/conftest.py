"""The receiver over a fresh ledger, on SQLite and on PostgreSQL, or on SQLite alone where the database makes no difference.

The ledger is migrated once for each database and then copied: a migration takes longer than a test.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests import postgres
from tests.webhooks.world import World, trio
from worker.jobs.engine import Database
from worker.jobs.ledger import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("template") / "kitrelay.db"
    migrate(f"sqlite:///{path}")
    database = Database(f"sqlite:///{path}")
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres_cluster: postgres.Cluster) -> str:
    """A migrated PostgreSQL database to copy."""
    name = postgres_cluster.create()
    migrate(postgres_cluster.url(name))
    return name


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A migrated SQLite database of this test."""
    return f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'kitrelay.db')}"


@pytest.fixture(params=["sqlite", "postgresql"] if postgres.binaries() is not None else ["sqlite"])
def ledger_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A migrated database of this test, of either kind."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite_url")
        return
    cluster = request.getfixturevalue("postgres_cluster")
    name = cluster.create(request.getfixturevalue("postgres_template"))
    yield cluster.url(name)
    cluster.drop(name)


@pytest.fixture
def world(ledger_url: str) -> Iterator[World]:
    """On each database."""
    world = World(ledger_url)
    yield world
    world.database.close()


@pytest.fixture
def small_world(sqlite_url: str) -> Iterator[World]:
    """On SQLite."""
    world = World(sqlite_url)
    yield world
    world.database.close()


@pytest.fixture
def trio_world(ledger_url: str) -> Iterator[World]:
    """On each database, with a tenant that has all three ERPs and syncs from Intacct."""
    world = World(ledger_url, trio())
    yield world
    world.database.close()


@pytest.fixture
def small_trio_world(sqlite_url: str) -> Iterator[World]:
    """The same on SQLite."""
    world = World(sqlite_url, trio())
    yield world
    world.database.close()
