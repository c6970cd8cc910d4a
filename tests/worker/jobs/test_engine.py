"""The database: what is promised of each kind, and what becomes of its faults."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from tests.worker.jobs.acting import make, wanted
from worker.errors import LedgerUnavailable
from worker.jobs import overview
from worker.jobs.engine import Database
from worker.jobs.ledger import is_current, migrate

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port on which nobody listens: it is taken, and not listened on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_sqlite_is_durable(sqlite_db: Database) -> None:
    """A commit is on the disk when it returns, readers don't wait for the writer, and foreign keys hold."""
    with sqlite_db.read() as connection:
        found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous", "foreign_keys")}
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_foreign_keys_hold(db: Database) -> None:
    """A job of a batch that is not there can't be stored, and the caller hears which kind of fault it is."""
    with pytest.raises(IntegrityError):
        make(db, wanted(batch="none"))


def test_failed_write_leaves_nothing(db: Database) -> None:
    """An exception rolls everything back."""

    def write_and_fail() -> None:
        with db.write() as connection:
            connection.execute(text("INSERT INTO workers VALUES ('w', 'p', 'r', 1, 1, false)"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_fail()
    with db.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM workers")).scalar() == 0


def test_reader_passes_writer(db: Database) -> None:
    """Reading goes on while somebody writes, and sees what was committed."""
    with db.write() as writer:
        writer.execute(text("INSERT INTO workers VALUES ('w', 'p', 'r', 1, 1, false)"))
        with db.read() as reader:
            assert reader.execute(text("SELECT count(*) FROM workers")).scalar() == 0


def test_postgres_unreachable(closed_port: int) -> None:
    """A PostgreSQL that can't be reached is a ledger that is away, for reading and writing."""
    db = Database(f"postgresql+psycopg://kitrelay:secret@127.0.0.1:{closed_port}/kitrelay")
    with pytest.raises(LedgerUnavailable, match="can't be used") as caught, db.write():
        pass
    assert "secret" not in str(caught.value)
    with pytest.raises(LedgerUnavailable), db.read():
        pass
    db.close()


def test_migrate_unreachable(closed_port: int) -> None:
    """Nor can it be migrated."""
    with pytest.raises(LedgerUnavailable):
        migrate(f"postgresql+psycopg://127.0.0.1:{closed_port}/kitrelay")


def test_unwritable_folder(tmp_path: Path) -> None:
    """A SQLite file whose folder can't be made is a ledger that is away."""
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file" / "below", Path("/proc/kitrelay")):
        with pytest.raises(LedgerUnavailable, match="folder"):
            Database(f"sqlite:///{folder}/ledger.db")


def test_folder_is_made(tmp_path: Path) -> None:
    """The folder of a SQLite file is made when it is missing."""
    url = f"sqlite:///{tmp_path}/var/deep/ledger.db"
    migrate(url)
    db = Database(url)
    assert is_current(db)
    db.close()


@pytest.mark.parametrize("kind", ["directory", "text"])
def test_no_database_there(kind: str, tmp_path: Path) -> None:
    """Something else where the file should be is a ledger that is away."""
    path = tmp_path / "ledger.db"
    if kind == "directory":
        path.mkdir()
    else:
        path.write_text("this is no database " * 100)
    db = Database(f"sqlite:///{path}")
    with pytest.raises(LedgerUnavailable), db.write():
        pass
    db.close()


def test_missing_tables(tmp_path: Path) -> None:
    """A database that was never migrated is not ready, and nothing can be stored."""
    db = Database(f"sqlite:///{tmp_path}/ledger.db")
    assert not is_current(db)
    with pytest.raises(LedgerUnavailable, match="no such table"):
        overview.can_store(db)
    db.close()


def test_can_store(db: Database) -> None:
    """A migrated database can store deliveries."""
    overview.can_store(db)


def test_read_only_postgres(postgres_db: Database) -> None:
    """A PostgreSQL that only reads, as a standby does, can't store deliveries."""
    with postgres_db.engine.connect() as connection:
        name = connection.execute(text("SELECT current_database()")).scalar()
        connection.execute(text(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'))
        connection.commit()
    postgres_db.close()
    try:
        with pytest.raises(LedgerUnavailable, match="read-only"):
            overview.can_store(postgres_db)
    finally:
        with postgres_db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("SET default_transaction_read_only = off"))
            connection.execute(text(f'ALTER DATABASE "{name}" RESET default_transaction_read_only'))
        postgres_db.close()
