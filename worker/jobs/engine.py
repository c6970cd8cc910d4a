"""The database: one engine for SQLite or PostgreSQL, with transactions that say whether they write."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import create_engine, event, text
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.engine import Connection, Engine, make_url
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from worker.errors import LedgerUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Table

    from worker.jobs.announcing import Announcer

BUSY_MS: Final = 8_000
"""How long a SQLite writer waits for another one; longer than any transaction of ours, shorter than a sender's patience."""

LOOK_AGAIN: Final = 0.0005
"""Seconds between two tries for SQLite's write lock."""

POSTGRES_STATEMENT_MS: Final = 30_000
ANNOUNCER: Final = "announcer"
"""Under this name a write transaction carries whom it tells."""


class Database:
    """Opens transactions: `read()` sees one state of things, `write()` is alone among writers on SQLite.

    `announcer`: who is told of what write transactions do (`worker.jobs.announcing`).
    """

    def __init__(self, url: str, announcer: Announcer | None = None) -> None:
        parsed = make_url(url)
        self.url = url
        self._options = {"writes": True, ANNOUNCER: announcer}
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self.engine = _sqlite_engine(url, parsed.database) if self.is_sqlite else _postgres_engine(url)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that changes nothing."""
        with _translated(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that is committed at the end and rolled back by any exception."""
        with _translated(), self.engine.connect().execution_options(**self._options) as connection, connection.begin():
            yield connection

    def for_update(self, statement: Any) -> Any:  # noqa: ANN401 - a Select of any row shape, given back as it came
        """Lock the selected rows where the database has row locks; SQLite's one writer needs none.

        Rows that only name these may be written meanwhile: PostgreSQL looks at a job's batch again when the job is written twice in one
        transaction, and who has the batch may be waiting for the job.
        """
        return statement if self.is_sqlite else statement.with_for_update(key_share=True)

    def serialise(self, connection: Connection, name: str) -> None:
        """Be alone with this name until the transaction ends. SQLite's one writer is alone anyway."""
        if not self.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name})

    def insert_if_absent(self, table: Table) -> Any:  # noqa: ANN401 - the dialect's own Insert
        """An insert that does nothing where such a row stands already."""
        return (sqlite_insert if self.is_sqlite else postgres_insert)(table).on_conflict_do_nothing()

    def close(self) -> None:
        """Give back all connections."""
        self.engine.dispose()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (IntegrityError, DataError):  # a fault of what was written, not of the database: waiting would not cure it
        raise
    except (DBAPIError, sqlite3.Error, PoolTimeout, OSError) as error:
        origin = getattr(error, "orig", None) or error
        message = f"the database can't be used: {type(origin).__name__}: {str(origin).splitlines()[0] if str(origin) else ''}"
        raise LedgerUnavailable(message) from error


def _sqlite_engine(url: str, path: str | None) -> Engine:
    if path and path != ":memory:":
        _make_folder(Path(path).parent)
    engine = create_engine(
        url, connect_args={"timeout": BUSY_MS / 1000, "check_same_thread": False}, pool_size=8, max_overflow=64, pool_timeout=10
    )

    @event.listens_for(engine, "connect")
    def _prepare(dbapi_connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own connection
        dbapi_connection.isolation_level = None  # we say BEGIN ourselves, so that a writer locks at once and never deadlocks on upgrade
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_MS}", "temp_store=MEMORY"):
            _insist(dbapi_connection, f"PRAGMA {pragma}")  # of two that turn a new file to WAL at once, one is told "busy" without a wait

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        driver: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment]
        if connection.get_execution_options().get("writes", False):
            _begin_writing(driver)
        else:
            driver.execute("BEGIN")

    return engine


def _begin_writing(driver: sqlite3.Connection) -> None:
    """Take the lock as soon as it is free.

    SQLite itself would look again after ever longer sleeps, up to 100 ms, while our writers hold the lock for a few milliseconds each:
    with several processes that costs a busy lane a fifth of its throughput (measured).
    """
    driver.execute("PRAGMA busy_timeout=0")
    try:
        _insist(driver, "BEGIN IMMEDIATE")
    finally:
        driver.execute(f"PRAGMA busy_timeout={BUSY_MS}")


def _insist(driver: sqlite3.Connection, statement: str) -> None:
    """Run it again and again while another has the lock, up to the usual patience."""
    until = monotonic() + BUSY_MS / 1000
    while True:
        try:
            driver.execute(statement).close()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or monotonic() > until:
                raise
            sleep(LOOK_AGAIN)
        else:
            return


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LedgerUnavailable(f"the database's folder {folder} can't be made: {error.strerror}") from error


def _postgres_engine(url: str) -> Engine:
    return create_engine(
        url,
        pool_size=8,
        max_overflow=24,
        pool_timeout=10,
        pool_pre_ping=True,
        connect_args={"connect_timeout": 5, "options": f"-c statement_timeout={POSTGRES_STATEMENT_MS} -c timezone=UTC"},
    )
