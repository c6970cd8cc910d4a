"""What we wrote ourselves, so that its echo starts nothing; what we asked an ERP to make; what a source and a target last agreed on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, select

from worker.kit_ledger.model import Agreement
from worker.kit_ledger.statements import chunks, upsert
from worker.kit_ledger.tables import agreements, writes

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy import Connection

    from worker.jobs.engine import Database
    from worker.kit_ledger.statements import Shelf


_ASKED: Final = "asked for"
"""Stands where others have their fingerprint: a kit or item that an ERP was asked to make."""


def wrote(db: Database, connection: Connection, shelf: Shelf, key: str, fingerprint: str, now: datetime) -> None:
    """We made a kit what this fingerprint says."""
    upsert(db, connection, writes, [shelf.row(key=key, fingerprint=fingerprint, at=now)])


def is_echo(connection: Connection, shelf: Shelf, key: str, fingerprint: str, since: datetime) -> bool:
    """Whether we made the kit so ourselves, at or after `since`."""
    mine = (*shelf.of(writes), writes.c.key == key, writes.c.fingerprint == fingerprint)
    return connection.execute(select(writes.c.at).where(*mine, writes.c.at >= since)).first() is not None


def ask(db: Database, connection: Connection, shelf: Shelf, key: str, since: datetime, now: datetime) -> bool:
    """Mark it as asked for; False where it was, after `since`. The shelf's only writer calls it."""
    if is_echo(connection, shelf, key, _ASKED, since):
        return False
    wrote(db, connection, shelf, key, _ASKED, now)
    return True


def unask(connection: Connection, shelf: Shelf, key: str) -> None:
    """Take the mark away."""
    connection.execute(delete(writes).where(*shelf.of(writes), writes.c.key == key, writes.c.fingerprint == _ASKED))


def agree(db: Database, connection: Connection, tenant: str, source: str, target: str, key: str, agreement: Agreement) -> None:
    """Source and target were seen to agree on a kit."""
    row = {
        "tenant": tenant,
        "source": source,
        "target": target,
        "key": key,
        "source_fingerprint": agreement.source_fingerprint,
        "target_fingerprint": agreement.target_fingerprint,
        "at": agreement.at,
    }
    upsert(db, connection, agreements, [row])


def agreed(connection: Connection, tenant: str, source: str, target: str, keys: Collection[str]) -> dict[str, Agreement]:
    """The last agreements, by the keys asked for."""
    rows = agreements.c
    found: dict[str, Agreement] = {}
    for chunk in chunks(keys):
        wanted = select(agreements).where(rows.tenant == tenant, rows.source == source, rows.target == target, rows.key.in_(chunk))
        found |= {row.key: Agreement(row.source_fingerprint, row.target_fingerprint, row.at) for row in connection.execute(wanted)}
    return found
