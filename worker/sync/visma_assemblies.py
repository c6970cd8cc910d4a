"""Recipes by what was built last: the newest released production assembly of each kit.

No list can be asked for one item or comes in a known order. So the released ones are listed without their lines, those of the last month
first, and which one is the newest of each kit is remembered; later one call tells what was released since. A document older than the
longest of `LOOK_BACK`, or beyond `MOST_PAGES` of a list, does not count.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from worker.clients.visma.lists import KitAssemblyFilter
from worker.clients.visma.records import Accepted
from worker.errors import BadAnswer, Missing
from worker.sync.visma_catalogue import ended, key_of, moment_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from worker.clients.visma.client import VismaClient
    from worker.clients.visma.records import KitAssembly, KitAssemblyStatus, Page

LOOK_BACK: Final = (31, 366)
"""Days; the longer only for what the shorter does not show."""

MOST_PAGES: Final = 100
EXPANDED: Final = 250
"""Documents of a page that come with their lines."""

PRODUCTION: Final = "P"
RELEASED: Final = "R"
_ZONES: Final = timedelta(days=1)
"""Visma's clock may be in any zone, ours is UTC."""


@dataclass(frozen=True, slots=True)
class _Newest:
    changed: datetime
    ref_no: str


class ReleasedAssemblies:
    """One company's newest released production assemblies. Threads share it; `clock` in epoch seconds. Raises `CallError`."""

    def __init__(self, client: VismaClient, clock: Callable[[], float]) -> None:
        self._client = client
        self._clock = clock
        self._lock = Lock()
        self._index: dict[str, _Newest] = {}
        self._latest: datetime | None = None
        self._looked_back = 0

    def find(self, codes: Collection[str]) -> dict[str, KitAssembly]:
        """The newest of each of these kits, whole, by code; a call for each besides those that find it."""
        with self._lock:
            self._look({key_of(code) for code in codes})
            named = {code: self._index[key_of(code)].ref_no for code in codes if key_of(code) in self._index}
        found = {code: self._read(ref_no) for code, ref_no in named.items()}
        return {code: document for code, document in found.items() if document is not None}

    def page(self, cursor: Any) -> tuple[list[KitAssembly], Any]:  # noqa: ANN401 - JSON of our own
        """Those that are the newest of their kits, some at a time; what to give for the next."""
        at: dict[str, Any] = cursor or {"page": 1, "received": 0, "since": self._border(LOOK_BACK[-1]).isoformat()}
        with self._lock:
            if cursor is None or not self._looked_back:
                self._look(None)
        wanted = KitAssemblyFilter(
            type=PRODUCTION,
            status=RELEASED,
            last_modified=datetime.fromisoformat(at["since"]),
            last_modified_condition=">=",
            expand_stock_components=True,
            expand_non_stock_components=True,
        )
        shown = self._client.list_kit_assemblies(wanted, at["page"], EXPANDED)
        if isinstance(shown, Accepted):
            raise BadAnswer("Visma queued a list that was asked for at once")
        received = at["received"] + shown.received
        found = [document for document in shown.records if self._is_newest(document)]
        most = MOST_PAGES * 1000 // EXPANDED
        over = ended(shown, received) or at["page"] >= most
        return found, None if over else {**at, "page": at["page"] + 1, "received": received}

    def _is_newest(self, document: KitAssembly) -> bool:
        known = self._index.get(key_of(document.item_id or ""))
        return known is not None and known.ref_no == document.ref_no

    def _look(self, wanted: set[str] | None) -> None:
        """Learn what was released since, then further back as far as these need it; None: all of them."""
        if self._looked_back:
            self._list(self._latest or self._border(LOOK_BACK[0]))
        for days in LOOK_BACK:
            if days > self._looked_back and (wanted is None or not wanted <= self._index.keys()):
                self._list(self._border(days))
                self._looked_back = days

    def _list(self, since: datetime) -> None:
        received = 0
        wanted = KitAssemblyFilter(type=PRODUCTION, status=RELEASED, last_modified=since, last_modified_condition=">=")
        for number in range(1, MOST_PAGES + 1):
            page: Page[KitAssemblyStatus] = self._client.list_statuses(wanted, number)
            received += page.received
            for document in page.records:
                self._learn(document)
            if ended(page, received):
                return

    def _learn(self, document: KitAssemblyStatus) -> None:
        changed, key = moment_of(document.last_modified), key_of(document.item_id or "")
        self._latest = max(changed, self._latest or changed)
        known = self._index.get(key)
        if known is None or (changed, document.ref_no) > (known.changed, known.ref_no):
            self._index[key] = _Newest(changed, document.ref_no)

    def _read(self, ref_no: str) -> KitAssembly | None:
        try:
            found = self._client.get_kit_assembly(PRODUCTION, ref_no)
        except Missing:
            return None
        if isinstance(found, Accepted):
            raise BadAnswer("Visma queued a reading that was asked for at once")
        return found

    def _border(self, days: int) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC).replace(tzinfo=None, microsecond=0) - timedelta(days=days) - _ZONES
