"""Where a kit is used: its parents, and theirs. An exploded parent is stale when one of its inner kits changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, delete, select

from worker.kit_ledger.statements import chunks
from worker.kit_ledger.tables import parts as rows
from worker.kit_ledger.tables import snapshots

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sqlalchemy import Connection

    from worker.jobs.engine import Database
    from worker.kit_ledger.statements import Shelf

Parents = dict[str, list[tuple[str, str]]]
"""By the key of a part: key and code of each kit that holds it."""


def replace(db: Database, connection: Connection, shelf: Shelf, told: Mapping[str, Collection[str]]) -> None:
    """Let these kits hold these parts and no others; all are keys. What is so already is not written."""
    if not told:
        return
    wanted = {(part, kit) for kit, parts in told.items() for part in parts}
    found = _held(connection, shelf, told)
    mine = shelf.of(rows)
    gone: dict[str, list[str]] = {}
    for part, kit in sorted(found - wanted):
        gone.setdefault(kit, []).append(part)
    for kit, parts in gone.items():
        for chunk in chunks(parts):
            connection.execute(delete(rows).where(*mine, rows.c.kit_key == kit, rows.c.part_key.in_(chunk)))
    for fresh in chunks(sorted(wanted - found)):
        connection.execute(db.insert_if_absent(rows), [shelf.row(part_key=part, kit_key=kit) for part, kit in fresh])


def parents(connection: Connection, shelf: Shelf, keys: Collection[str]) -> Parents:
    """The kits that hold each of these, in the order of their keys; what is held by none is left out."""
    holds = and_(snapshots.c.tenant == rows.c.tenant, snapshots.c.erp == rows.c.erp, snapshots.c.key == rows.c.kit_key)
    found: Parents = {}
    for chunk in chunks(keys):
        asked = select(rows.c.part_key, snapshots.c.key, snapshots.c.code).join_from(rows, snapshots, holds)
        wanted = asked.where(*shelf.of(rows), rows.c.part_key.in_(chunk)).order_by(rows.c.part_key, rows.c.kit_key)
        for row in connection.execute(wanted):
            found.setdefault(row.part_key, []).append((row.key, row.code))
    return found


def ancestors(connection: Connection, shelf: Shelf, key: str, most_depth: int) -> list[str]:
    """Codes of all kits that hold this one, directly or through others; the nearest first, itself never, each once."""
    codes: dict[str, str] = {}
    level = [key]
    for _ in range(most_depth):
        above = parents(connection, shelf, level)
        fresh = {holder: code for found in above.values() for holder, code in found if holder not in codes and holder != key}
        if not fresh:
            break
        codes |= dict(sorted(fresh.items()))
        level = list(fresh)
    return list(codes.values())


def _held(connection: Connection, shelf: Shelf, kits: Collection[str]) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for chunk in chunks(kits):
        wanted = select(rows.c.part_key, rows.c.kit_key).where(*shelf.of(rows), rows.c.kit_key.in_(chunk))
        found |= {(row.part_key, row.kit_key) for row in connection.execute(wanted)}
    return found
