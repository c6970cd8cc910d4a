"""What the tests of the kit ledger share: a clock that is turned by hand, books, short ways to write links and snapshots."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from worker.kit_ledger.book import KitBook
from worker.kit_ledger.model import Link, LinkKind, Snapshot

if TYPE_CHECKING:
    from worker.jobs.engine import Database

NOW: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
ERP: Final = "itempath"


@dataclass
class Clock:
    """Shows the time it was set to."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        """The time."""
        return self.now

    def turn(self, **by: float) -> None:
        """Go on."""
        self.now += timedelta(**by)


def book_of(db: Database, clock: Clock | None = None, tenant: str = "acme") -> KitBook:
    """A book whose codes differ by more than case."""
    return KitBook(db, tenant, clock or Clock(), str.casefold)


def kit(code: str, id: str, kind: LinkKind = "kit", **values: Any) -> Link:  # noqa: A002 - as the record has it
    """A link as an ERP would tell it."""
    return Link(kind, code, id, **values)


def seen(code: str, *parts: str, fingerprint: str = "f1", **values: Any) -> Snapshot:
    """A snapshot with these inner kits."""
    return Snapshot(code, f"id-{code}", fingerprint, {"lines": [[part, "1"] for part in parts]}, parts=parts, **values)
