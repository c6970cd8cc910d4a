"""What kits were when they were last read. A kit that reads as before is only marked as seen: a comparison of all kits writes little."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, func, or_, select, update

from worker.kit_ledger import where_used
from worker.kit_ledger.model import Snapshot
from worker.kit_ledger.statements import chunks, upsert
from worker.kit_ledger.tables import snapshots as rows

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from worker.jobs.engine import Database
    from worker.kit_ledger.statements import Shelf


def keep(
    db: Database,
    connection: Connection,
    shelf: Shelf,
    snapshots: Iterable[Snapshot],
    same: Callable[[str], str],
    now: datetime,
    *,
    glimpsed: bool = False,
) -> None:
    """Keep these; of two with one key the last. What was read later than one of them stays. The shelf's only writer calls it.

    `glimpsed`: what syncs have acted on stays what it was.
    """
    latest = {same(each.code): each for each in snapshots}
    for chunk in chunks(sorted(latest)):
        before = {row.key: row for row in connection.execute(select(rows).where(*shelf.of(rows), rows.c.key.in_(chunk)))}
        seen = [key for key in chunk if key in before and not _is_news(before[key], latest[key], glimpsed=glimpsed)]
        changed = [key for key in chunk if key not in seen]
        upsert(db, connection, rows, [_row(shelf, key, latest[key], before.get(key), now, glimpsed=glimpsed) for key in changed])
        _mark_seen(connection, shelf, [(latest[key], before[key]) for key in seen], now)
        told = {key: each.parts for key in chunk if (each := latest[key]).parts is not None and not _older(before.get(key), each)}
        where_used.replace(db, connection, shelf, {key: {same(part) for part in parts} for key, parts in told.items()})


def by_key(connection: Connection, shelf: Shelf, keys: Collection[str]) -> dict[str, Snapshot]:
    """Snapshots by the keys asked for."""
    found: dict[str, Snapshot] = {}
    for chunk in chunks(keys):
        wanted = select(rows).where(*shelf.of(rows), rows.c.key.in_(chunk))
        found |= {row.key: _snapshot(row) for row in connection.execute(wanted)}
    return found


def walk(connection: Connection, shelf: Shelf, round_: str | None, after: str, most: int) -> list[Snapshot]:
    """The next snapshots after a key, in the order of keys."""
    wanted = select(rows).where(*shelf.of(rows), rows.c.key > after)
    if round_ is not None:
        wanted = wanted.where(rows.c.round == round_)
    return [_snapshot(row) for row in connection.execute(wanted.order_by(rows.c.key).limit(most))]


def fingerprints(connection: Connection, shelf: Shelf, round_: str) -> dict[str, str]:
    """By key, of all kits that a round saw."""
    wanted = select(rows.c.key, rows.c.fingerprint).where(*shelf.of(rows), rows.c.round == round_)
    return {row.key: row.fingerprint for row in connection.execute(wanted)}


def drop_unseen(connection: Connection, shelf: Shelf, round_: str) -> list[str]:
    """Delete the kits that a round did not see, and give their codes. The shelf's only writer calls it.

    A kit that was read by others since the round's first reading stays: it may have been made after its page had passed.
    """
    begun = connection.execute(select(func.min(rows.c.seen_at)).where(*shelf.of(rows), rows.c.round == round_)).scalar()
    unseen = and_(*shelf.of(rows), or_(rows.c.round.is_(None), rows.c.round != round_))
    if begun is not None:
        unseen = and_(unseen, rows.c.seen_at < begun)
    codes = [row.code for row in connection.execute(select(rows.c.code).where(unseen).order_by(rows.c.key))]
    connection.execute(delete(rows).where(unseen))
    return codes


def _older(before: Row[Any] | None, snapshot: Snapshot) -> bool:
    return before is not None and snapshot.seen_at is not None and snapshot.seen_at < before.seen_at


def _is_news(before: Row[Any], snapshot: Snapshot, *, glimpsed: bool) -> bool:
    known = (before.code, before.remote_id, before.revision, before.fingerprint, before.recipe)
    told = (snapshot.code, snapshot.id, snapshot.revision, snapshot.fingerprint, snapshot.recipe)
    settles = before.followed is not None and not glimpsed
    return (known != told or settles) and not _older(before, snapshot)


def _followed(before: Row[Any] | None, snapshot: Snapshot, *, glimpsed: bool) -> str | None:
    """What syncs have acted on, where it is another than what is kept now."""
    if before is None or not glimpsed:
        return None
    acted_on: str = before.followed or before.fingerprint
    return None if acted_on == snapshot.fingerprint else acted_on


def _mark_seen(connection: Connection, shelf: Shelf, pairs: list[tuple[Snapshot, Row[Any]]], now: datetime) -> None:
    """One statement for all that have the same time and round: mostly one for all."""
    marks: dict[tuple[datetime, str | None], list[str]] = {}
    for snapshot, before in pairs:
        mark = (max(snapshot.seen_at or now, before.seen_at), snapshot.round or before.round)
        marks.setdefault(mark, []).append(before.key)
    for (seen_at, round_), keys in marks.items():
        connection.execute(update(rows).where(*shelf.of(rows), rows.c.key.in_(keys)).values(seen_at=seen_at, round=round_))


def _row(shelf: Shelf, key: str, snapshot: Snapshot, before: Row[Any] | None, now: datetime, *, glimpsed: bool) -> dict[str, Any]:
    return shelf.row(
        key=key,
        code=snapshot.code,
        revision=snapshot.revision,
        remote_id=snapshot.id,
        fingerprint=snapshot.fingerprint,
        followed=_followed(before, snapshot, glimpsed=glimpsed),
        recipe=snapshot.recipe,
        seen_at=snapshot.seen_at or now,
        round=snapshot.round or (before.round if before is not None else None),
    )


def _snapshot(row: Row[Any]) -> Snapshot:
    return Snapshot(
        row.code, row.remote_id, row.fingerprint, row.recipe, row.revision, None, row.seen_at, round=row.round, followed=row.followed
    )
