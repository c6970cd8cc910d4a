"""What all statements here share: whose rows, how many at once, insert or update."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeVar

from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import ColumnElement, Connection, Table

    from worker.jobs.engine import Database

T = TypeVar("T")

CHUNK: Final = 500
"""Values in one statement's list: with the few beside them below 999, the lowest limit that SQLite was ever built with."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """One tenant's rows of one ERP."""

    tenant: str
    erp: str

    def of(self, table: Table) -> tuple[ColumnElement[bool], ...]:
        """The condition for its rows of a table."""
        return (table.c.tenant == self.tenant, table.c.erp == self.erp)

    def row(self, **values: object) -> dict[str, Any]:
        """A row of its own."""
        return {"tenant": self.tenant, "erp": self.erp, **values}

    def alone(self, db: Database, connection: Connection) -> None:
        """Be its only writer until the transaction ends: what is read stays true, and no two writers wait for each other's rows."""
        db.serialise(connection, f"kits/{self.tenant}/{self.erp}")


def chunks(values: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """The values, so many at a time."""
    iterator = iter(values)
    while chunk := list(islice(iterator, size)):
        yield chunk


def upsert(db: Database, connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert the rows, or give them these values where they stand already. All rows have the same columns."""
    if not rows:
        return
    insert = (sqlite_insert if db.is_sqlite else postgres_insert)(table)
    identity = [column.name for column in table.primary_key]
    changing = {name: insert.excluded[name] for name in rows[0] if name not in identity}
    statement = insert.on_conflict_do_update(index_elements=identity, set_=changing)
    for chunk in chunks(rows):
        connection.execute(statement, chunk)
