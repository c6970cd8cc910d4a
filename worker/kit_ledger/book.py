"""One tenant's kits in the ledger. Codes are given and answered as people write them; `same` says which of them are one."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from worker.kit_ledger import links, marks, snapshots, where_used
from worker.kit_ledger.model import Agreement
from worker.kit_ledger.statements import Shelf

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime, timedelta

    from sqlalchemy import Connection

    from worker.jobs.engine import Database
    from worker.kit_ledger.model import Link, LinkKind, Rename, Snapshot

T = TypeVar("T")


class KitBook:
    """Each method is one short transaction; threads may share it. Raises `LedgerUnavailable` where the database is away."""

    def __init__(self, db: Database, tenant: str, clock: Callable[[], datetime], same: Callable[[str], str]) -> None:
        self._db = db
        self._tenant = tenant
        self._clock = clock
        self._same = same

    def links(self, erp: str, kind: LinkKind, codes: Iterable[str]) -> dict[str, Link]:
        """What these codes mean, by the code as it was asked. Where it is a former name, the link's own code is another."""
        asked = self._asked(codes)
        with self._db.read() as connection:
            found = links.by_key(connection, self._shelf(erp), kind, asked)
        return _as_asked(asked, found)

    def linked(self, erp: str, kind: LinkKind, ids: Iterable[str]) -> dict[str, Link]:
        """What is known under these ids, by id."""
        with self._db.read() as connection:
            return links.by_id(connection, self._shelf(erp), kind, list(dict.fromkeys(ids)))

    def learn(self, erp: str, told: Iterable[Link]) -> tuple[Rename, ...]:
        """Remember what an ERP said; which known ids came with another code. Writes only what changed, and `last_seen` hourly."""
        given, shelf, now = list(told), self._shelf(erp), self._clock()
        with self._db.read() as connection:  # mostly there is nothing to write, and then no writer is held up
            if not links.news(connection, shelf, given, now).links:
                return ()
        with self._alone(shelf) as connection:
            found = links.news(connection, shelf, given, now)
            links.write(self._db, connection, shelf, found, self._same, now)
        return found.renames

    def forget(self, erp: str, kind: LinkKind, ids: Iterable[str]) -> None:
        """Drop these ids and all their names: they are no more in the ERP."""
        shelf = self._shelf(erp)
        with self._alone(shelf) as connection:
            links.forget(connection, shelf, kind, sorted(set(ids)))

    def keep(self, erp: str, seen: Sequence[Snapshot], *, glimpsed: bool = False) -> None:
        """Remember kits as they were read, with the inner kits they hold.

        `glimpsed`: by somebody who starts nothing. What has changed stays news then for the sync that reads it next.
        """
        if not seen:
            return
        shelf = self._shelf(erp)
        with self._alone(shelf) as connection:
            snapshots.keep(self._db, connection, shelf, seen, self._same, self._clock(), glimpsed=glimpsed)

    def snapshots(self, erp: str, codes: Iterable[str]) -> dict[str, Snapshot]:
        """What these kits were when last read, by the code as it was asked."""
        asked = self._asked(codes)
        with self._db.read() as connection:
            found = snapshots.by_key(connection, self._shelf(erp), asked)
        return _as_asked(asked, found)

    def walk(self, erp: str, round: str | None, after: str, most: int) -> list[Snapshot]:  # noqa: A002 - our word
        """The next kits after a code ("" for the first), in the order of `same(code)` by code points; of one round, or all."""
        with self._db.read() as connection:
            return snapshots.walk(connection, self._shelf(erp), round, self._same(after) if after else "", most)

    def fingerprints(self, erp: str, round: str) -> dict[str, str]:  # noqa: A002 - our word
        """Of all kits that a round saw, by `same(code)`."""
        with self._db.read() as connection:
            return snapshots.fingerprints(connection, self._shelf(erp), round)

    def drop_unseen(self, erp: str, round: str) -> list[str]:  # noqa: A002 - our word
        """After a whole round: forget the kits that it did not see, and give their codes. What others read meanwhile stays."""
        shelf = self._shelf(erp)
        with self._alone(shelf) as connection:
            return snapshots.drop_unseen(connection, shelf, round)

    def parents(self, erp: str, codes: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """The kits that hold each of these directly, by the code as it was asked; a code that none holds is left out."""
        asked = self._asked(codes)
        with self._db.read() as connection:
            found = where_used.parents(connection, self._shelf(erp), asked)
        return _as_asked(asked, {key: tuple(code for _, code in holders) for key, holders in found.items()})

    def ancestors(self, erp: str, code: str, most_depth: int = 20) -> list[str]:
        """All kits that hold this one, directly or through others: the nearest first, each once, itself never."""
        with self._db.read() as connection:
            return where_used.ancestors(connection, self._shelf(erp), self._same(code), most_depth)

    def wrote(self, erp: str, code: str, fingerprint: str) -> None:
        """We made a kit what this fingerprint says."""
        with self._db.write() as connection:
            marks.wrote(self._db, connection, self._shelf(erp), self._same(code), fingerprint, self._clock())

    def is_echo(self, erp: str, code: str, fingerprint: str, within: timedelta) -> bool:
        """Whether what was read is what we wrote ourselves within this time."""
        with self._db.read() as connection:
            return marks.is_echo(connection, self._shelf(erp), self._same(code), fingerprint, self._clock() - within)

    def ask(self, erp: str, code: str, within: timedelta) -> bool:
        """Whether an ERP may be asked to make this kit or item: nobody did within this time. From here on, somebody did."""
        shelf, now = self._shelf(erp), self._clock()
        with self._alone(shelf) as connection:
            return marks.ask(self._db, connection, shelf, self._same(code), now - within, now)

    def unask(self, erp: str, code: str) -> None:
        """It was not asked for after all."""
        with self._db.write() as connection:
            marks.unask(connection, self._shelf(erp), self._same(code))

    def agree(self, source: str, target: str, code: str, source_fingerprint: str, target_fingerprint: str) -> None:
        """Source and target were read and do not differ: the base of the next comparison."""
        agreement = Agreement(source_fingerprint, target_fingerprint, self._clock())
        with self._db.write() as connection:
            marks.agree(self._db, connection, self._tenant, source, target, self._same(code), agreement)

    def agreed(self, source: str, target: str, codes: Iterable[str]) -> dict[str, Agreement]:
        """The last agreements on these kits, by the code as it was asked."""
        asked = self._asked(codes)
        with self._db.read() as connection:
            found = marks.agreed(connection, self._tenant, source, target, asked)
        return _as_asked(asked, found)

    def _shelf(self, erp: str) -> Shelf:
        return Shelf(self._tenant, erp)

    @contextmanager
    def _alone(self, shelf: Shelf) -> Iterator[Connection]:
        with self._db.write() as connection:
            shelf.alone(self._db, connection)
            yield connection

    def _asked(self, codes: Iterable[str]) -> dict[str, list[str]]:
        asked: dict[str, list[str]] = {}
        for code in dict.fromkeys(codes):
            asked.setdefault(self._same(code), []).append(code)
        return asked


def _as_asked(asked: Mapping[str, Collection[str]], found: Mapping[str, T]) -> dict[str, T]:
    return {code: found[key] for key, codes in asked.items() if key in found for code in codes}
