"""Which kits Visma has: what a component can be told by, and how to find kits with the fewest calls.

The list of specifications takes one kit at a time or none, and gives pages of a thousand. So all of it is read once an hour (one call for a
thousand revisions), what changed since by one call more, at most twice a minute; Visma's own times are the borders, whatever their zone.
What a kit consists of is never kept: that is read anew each time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from worker.clients.visma.specifications import Head, KitSpecificationFilter
from worker.clients.visma.times import parse_time
from worker.errors import BadAnswer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from worker.clients.visma.records import Page
    from worker.clients.visma.specifications import KitSpecifications

ALL_EVERY: Final = 3600.0
"""Seconds after which all is read again: what was deleted shows in no list of changes."""

FRESH: Final = 30.0
"""For so many seconds nothing is asked again."""

MOST_PAGES: Final = 500
_LISTS: Final = {"stockComponentLines": True, "nonStockComponentLines": False}
_NEVER: Final = datetime.min  # noqa: DTZ901 - Visma's own clock has no zone


def key_of(code: str) -> str:
    """One text for all spellings of a code that are one to Visma (inferred: capitals and spaces around do not count)."""
    return code.strip().upper()


def moment_of(text: str | None) -> datetime:
    """A time on Visma's own clock, without its zone; the earliest of all for what is no time."""
    try:
        return parse_time(text or "")[0].replace(tzinfo=None)
    except ValueError:
        return _NEVER


def ended(page: Page[Any], received: int) -> bool:
    """Whether a list is over, `received` records in all. By what came, since pages may be smaller than asked."""
    return not page.received or (received >= page.total_count if page.total_count is not None else page.last)


@dataclass(slots=True)
class _Known:
    """What was learned of all specifications. `active`: for each kit its active revisions and when each was changed."""

    active: dict[str, dict[str, datetime]] = field(default_factory=dict)
    stocked: set[str] = field(default_factory=set)
    unstocked: set[str] = field(default_factory=set)
    newest: datetime = _NEVER
    pages: int = 1

    def learn(self, head: Head) -> None:
        changed = moment_of(head.last_modified)
        self.newest = max(self.newest, changed)
        revisions = self.active.setdefault(key_of(head.kit_inventory_id), {})
        if head.is_active:
            revisions[key_of(head.revision)] = changed
        else:
            revisions.pop(key_of(head.revision), None)
        for name, stocked in _LISTS.items():
            codes = (line.get("componentID") for line in head.raw.get(name) or () if isinstance(line, dict))
            (self.stocked if stocked else self.unstocked).update(key_of(code) for code in codes if isinstance(code, str))


class Catalogue:
    """One company's kits. Threads share it; `clock` in seconds. Every method that asks raises `CallError`."""

    def __init__(self, kits: KitSpecifications, clock: Callable[[], float]) -> None:
        self._kits = kits
        self._clock = clock
        self._lock = Lock()
        self._known = _Known()
        self._all_at: float | None = None
        self._fresh_at = 0.0

    def is_kit(self, code: str) -> bool:
        """Whether it has an active specification: a kit, though it may be the component of another."""
        return bool(self._known.active.get(key_of(code)))

    def is_stocked(self, code: str) -> bool:
        """Whether it may stand among the stock components: False when it was only ever seen among the others."""
        return key_of(code) in self._known.stocked or key_of(code) not in self._known.unstocked

    def is_newest(self, head: Head) -> bool:
        """Whether this is the kit's active revision that was changed last."""
        revisions = self._known.active.get(key_of(head.kit_inventory_id), {})
        return head.is_active and key_of(head.revision) == max(revisions, key=lambda name: (revisions[name], name), default=None)

    def other_revisions(self, code: str, revision: str) -> list[str]:
        """The kit's other active revisions, by name."""
        return sorted(name for name in self._known.active.get(key_of(code), {}) if name != key_of(revision))

    def refresh(self) -> None:
        """Learn what is new: no call, one, or those for all."""
        with self._lock:
            if self._all_is_due():
                self._read_all(frozenset())
            elif self._clock() - self._fresh_at >= FRESH:
                self._read_changes()

    def find(self, codes: Collection[str]) -> list[Head]:
        """Every revision of these kits as it stands now. A call for each kit, or those for all where they are fewer or due anyway."""
        wanted = frozenset(map(key_of, codes))
        with self._lock:
            if self._all_is_due() or len(wanted) > self._known.pages:
                return self._read_all(wanted)
        self.refresh()
        found = [head for code in codes for page in self._pages(KitSpecificationFilter(kit=code)) for head in page.records]
        self.learn(found)
        return found

    def learn(self, heads: Iterable[Head]) -> None:
        """Take in what another call showed."""
        with self._lock:
            for head in heads:
                self._known.learn(head)

    def learn_all(self, heads: Iterable[Head]) -> None:
        """Take in what another call showed, which was all there is."""
        with self._lock:
            self._replace(_Known(), heads)

    def _all_is_due(self) -> bool:
        return self._all_at is None or self._clock() - self._all_at >= ALL_EVERY

    def _read_all(self, wanted: frozenset[str]) -> list[Head]:
        found: list[Head] = []
        known = _Known(pages=0)
        for page in self._pages(KitSpecificationFilter()):
            known.pages += 1
            for head in page.records:
                known.learn(head)
            found += [head for head in page.records if key_of(head.kit_inventory_id) in wanted]
        self._replace(known, ())
        return found

    def _replace(self, known: _Known, heads: Iterable[Head]) -> None:
        for head in heads:
            known.learn(head)
        self._known = known
        self._all_at = self._fresh_at = self._clock()

    def _read_changes(self) -> None:
        since = KitSpecificationFilter(last_modified=self._known.newest, last_modified_condition=">=")
        changes = since if self._known.newest > _NEVER else KitSpecificationFilter()
        for page in self._pages(changes):
            for head in page.records:
                self._known.learn(head)
        self._fresh_at = self._clock()

    def _pages(self, wanted: KitSpecificationFilter) -> Iterator[Page[Head]]:
        received = 0
        for number in range(1, MOST_PAGES + 1):
            page = self._kits.list_heads(wanted, number)
            received += page.received
            yield page
            if ended(page, received):
                return
        raise BadAnswer(f"a list of kit specifications of more than {MOST_PAGES} pages")
