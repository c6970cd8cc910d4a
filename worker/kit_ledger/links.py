"""Identities: which id a kit or item has in an ERP. After the first match the id is trusted, and a code is but its present name.

A known id that comes with another code was renamed. The code it gave up is kept as a former name and still leads to it, until another id
bears that code. Where two ids bear one code (a kit was deleted and made again), the one that was seen last is meant.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, delete, exists, select

from worker.kit_ledger.model import Link, Rename
from worker.kit_ledger.statements import chunks, upsert
from worker.kit_ledger.tables import former_names
from worker.kit_ledger.tables import links as rows

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from worker.jobs.engine import Database
    from worker.kit_ledger.model import LinkKind
    from worker.kit_ledger.statements import Shelf

REFRESH: Final = timedelta(hours=1)
"""`last_seen` is at most this old where nothing else changed: so reading the same kits again mostly writes nothing."""

Known = dict[tuple[str, str], Link]
"""Links by kind and id."""


@dataclass(frozen=True, slots=True)
class News:
    """What is to be written: links whole, and which of them were renamed."""

    links: tuple[Link, ...]
    renames: tuple[Rename, ...]


def by_key(connection: Connection, shelf: Shelf, kind: LinkKind, keys: Collection[str]) -> dict[str, Link]:
    """Links by the keys asked for, under their present code, else under a former one."""
    found: dict[str, Link] = {}
    for chunk in chunks(keys):
        wanted = select(rows).where(*shelf.of(rows), rows.c.kind == kind, rows.c.key.in_(chunk))
        ordered = wanted.order_by(rows.c.last_seen, rows.c.first_seen, rows.c.remote_id)  # the last one stays
        found |= {row.key: _link(row) for row in connection.execute(ordered)}
    for chunk in chunks(key for key in keys if key not in found):
        found |= _formerly(connection, shelf, kind, chunk)
    return found


def by_id(connection: Connection, shelf: Shelf, kind: LinkKind, ids: Collection[str]) -> dict[str, Link]:
    """Links by the ids asked for."""
    found: dict[str, Link] = {}
    for chunk in chunks(ids):
        wanted = select(rows).where(*shelf.of(rows), rows.c.kind == kind, rows.c.remote_id.in_(chunk))
        found |= {row.remote_id: _link(row) for row in connection.execute(wanted)}
    return found


def news(connection: Connection, shelf: Shelf, links: Iterable[Link], now: datetime) -> News:
    """What of these links the ledger does not know yet. Of two with one id the last counts."""
    latest = {(link.kind, link.id): link for link in links}
    known = _known(connection, shelf, latest.values())
    changed = tuple(new for key, link in latest.items() if (new := _merged(known.get(key), link, now)) is not None)
    pairs = ((known[key], link) for link in changed if (key := (link.kind, link.id)) in known)
    renames = tuple(Rename(link.kind, link.id, old.code, link.code) for old, link in pairs if old.code != link.code)
    return News(changed, renames)


def write(db: Database, connection: Connection, shelf: Shelf, found: News, same: Callable[[str], str], now: datetime) -> None:
    """Write the news. The shelf's only writer calls it."""
    upsert(db, connection, rows, [_row(shelf, link, same) for link in found.links])
    given_up = [(each, same(each.before)) for each in found.renames if same(each.before) != same(each.after)]
    old = [shelf.row(kind=each.kind, key=key, remote_id=each.id, renamed_at=now) for each, key in given_up]
    upsert(db, connection, former_names, old)
    _drop_taken(connection, shelf, sorted({key for _, key in given_up} | {same(link.code) for link in found.links}))


def forget(connection: Connection, shelf: Shelf, kind: LinkKind, ids: Collection[str]) -> None:
    """Drop these ids and all their names."""
    for chunk in chunks(ids):
        connection.execute(delete(rows).where(*shelf.of(rows), rows.c.kind == kind, rows.c.remote_id.in_(chunk)))


def _formerly(connection: Connection, shelf: Shelf, kind: LinkKind, keys: list[str]) -> Mapping[str, Link]:
    names = former_names
    mine = and_(*(rows.c[name] == names.c[name] for name in ("tenant", "erp", "kind", "remote_id")))
    asked = select(names.c.key.label("asked"), rows).join_from(names, rows, mine)
    wanted = asked.where(*shelf.of(names), names.c.kind == kind, names.c.key.in_(keys))
    return {row.asked: _link(row) for row in connection.execute(wanted)}


def _known(connection: Connection, shelf: Shelf, links: Collection[Link]) -> Known:
    kinds = {link.kind for link in links}
    ids = {kind: [link.id for link in links if link.kind == kind] for kind in kinds}
    return {(kind, link.id): link for kind in kinds for link in by_id(connection, shelf, kind, ids[kind]).values()}


def _merged(known: Link | None, link: Link, now: datetime) -> Link | None:
    """The link as it is to stand, or None where nothing is to be written."""
    if known is None:
        return Link(link.kind, link.code, link.id, link.unit, dict(link.facts), now, now)
    unit = known.unit if link.unit is None else link.unit
    facts = {**known.facts, **link.facts}
    stale = known.last_seen is None or now - known.last_seen >= REFRESH
    if not stale and (known.code, known.unit, known.facts) == (link.code, unit, facts):
        return None
    return Link(link.kind, link.code, link.id, unit, facts, known.first_seen, now)


def _drop_taken(connection: Connection, shelf: Shelf, keys: list[str]) -> None:
    """A former name that some id bears now leads to that one alone."""
    names = former_names
    borne = exists().where(*(rows.c[name] == names.c[name] for name in ("tenant", "erp", "kind", "key")))
    for chunk in chunks(keys):
        connection.execute(delete(names).where(*shelf.of(names), names.c.kind.in_(("kit", "item")), names.c.key.in_(chunk), borne))


def _row(shelf: Shelf, link: Link, same: Callable[[str], str]) -> dict[str, Any]:
    return shelf.row(
        kind=link.kind,
        remote_id=link.id,
        key=same(link.code),
        code=link.code,
        unit=link.unit,
        facts=dict(link.facts),
        first_seen=link.first_seen,
        last_seen=link.last_seen,
    )


def _link(row: Row[Any]) -> Link:
    return Link(row.kind, row.code, row.remote_id, row.unit, row.facts, row.first_seen, row.last_seen)
