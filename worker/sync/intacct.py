"""Sage Intacct's kits for syncs: items of a kit's type with their kit components.

Writes show at once (documented), so what a look finds after `second_look` is the truth. Whole kits are read through their items, some items
at a time, since a kit without lines exists too; and so no page can cut a kit in two.
"""

from __future__ import annotations

import time
from decimal import Decimal
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from worker.clients.intacct import reading
from worker.errors import Rejected
from worker.kits.model import Item, ItemType, Line, RemoteKit, RemoteLine
from worker.sync.intacct_writing import EXTRAS, Writing
from worker.sync.system import KitPage, Traits, Written

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from worker.clients.intacct.client import IntacctClient
    from worker.clients.intacct.records import IntacctItem, KitComponent
    from worker.errors import CallError
    from worker.settings import Intacct
    from worker.sync.system import Order, Sent

LONGEST_CODE: Final = 30
KITS_A_PAGE: Final = 1000
TYPES: Final[dict[str, ItemType]] = {"kit": "kit", "stockableKit": "stockable_kit"}
NOT_STOCKED: Final = ("nonInventory", "purchaseOnlyNonInventory", "salesOnlyNonInventory")
"""Item types of what is no physical thing; all others are, or consist of such."""

POSTINGS: Final = ("componentLevel", "kitLevel")
ACTIVE: Final = "active"


def traits_of(settings: Intacct) -> Traits:
    """What is true of kits in Intacct."""
    return Traits(
        "intacct",
        imports=False,
        stock_only=False,
        numbering="pushing",
        most_code=LONGEST_CODE,
        stockable_in_stockable_only=True,
        shares_revenue=True,
        second_look=settings.second_look,
    )


class IntacctKits:
    """One company's kits. `clock` gives epoch seconds."""

    def __init__(self, client: IntacctClient, settings: Intacct, clock: Callable[[], float] = time.time) -> None:
        self.traits = traits_of(settings)
        self._client = client
        self._clock = clock

    def read(self, codes: Collection[str], revision: str | None = None) -> dict[str, RemoteKit]:  # noqa: ARG002 - Visma's only
        """See `KitSystem`. Two queries for 250 kits."""
        found = _by_code(codes, reading.kit_items(self._client, codes))
        kits = {kit.id: kit for kit in self._whole(found.values())}
        return {code: kits[item.key or ""] for code, item in found.items()}

    def page(self, cursor: Any) -> KitPage:  # noqa: ANN401 - JSON of our own
        """See `KitSystem`. The cursor is where the next item stands."""
        start = int(cursor["start"]) if isinstance(cursor, dict) else 1
        page = reading.kit_page(self._client, start, KITS_A_PAGE)
        following = page.next if page.next is not None and page.next > start else None
        return KitPage(tuple(self._whole(page.records)), None if following is None else {"start": following})

    def items(self, codes: Collection[str]) -> dict[str, Item]:
        """See `KitSystem`."""
        return {code: _item(item) for code, item in _by_code(codes, reading.items(self._client, codes)).items()}

    def create_kit(self, code: str, job: str, generation: int) -> None:  # noqa: ARG002 - the protocol's
        """Not here: an item needs accounts and groups that only people know."""
        raise Rejected(f"the kit {code} must be made in Intacct", error_class="missing_reference")

    def create_item(self, item: Item, job: str, generation: int) -> None:  # noqa: ARG002 - the protocol's
        """Likewise."""
        raise Rejected(f"the item {item.code} must be made in Intacct", error_class="missing_reference")

    def write(self, order: Order) -> Written:
        """See `KitSystem` and `worker.sync.intacct_writing`."""
        return Writing(self._client, order, self._clock).run()

    def operation_done(self, operation: str) -> CallError | bool:  # noqa: ARG002 - the protocol's
        """There are none."""
        return True

    def happened(self, sent: Sequence[Sent], kit: RemoteKit) -> list[bool | None]:  # noqa: ARG002 - the protocol's
        """Only the kit itself tells, and it tells at once."""
        return [None] * len(sent)

    def _whole(self, kits: Iterable[IntacctItem]) -> list[RemoteKit]:
        items = {item.key or "": item for item in kits}
        rows = reading.components_of_kits(self._client, [item.id for item in items.values() if item.id])
        lines: dict[str, list[KitComponent]] = {}
        for row in rows:
            lines.setdefault(row.kit_key or "", []).append(row)
        return [_kit(item, lines.get(key, [])) for key, item in items.items()]


def _kit(item: IntacctItem, rows: list[KitComponent]) -> RemoteKit:
    ordered = sorted(rows, key=lambda row: (row.line_number is None, row.line_number or 0, _natural(row.key)))
    return RemoteKit(
        id=item.key or "",
        code=item.id or "",
        lines=tuple(_line(row, rank) for rank, row in enumerate(ordered, start=1)),
        type=TYPES.get(item.item_type or "", "kit"),
        active=item.status in (None, ACTIVE),
        posting=cast("Literal['componentLevel', 'kitLevel'] | None", item.posting if item.posting in POSTINGS else None),
    )


def _line(row: KitComponent, rank: int) -> RemoteLine:
    line = Line(
        component=row.component_id or "",
        quantity=row.number_of_units if row.number_of_units is not None else Decimal(0),
        unit=row.unit_of_measure,
        type=TYPES.get(row.component_type or "", "item"),
        stocked=row.component_type not in NOT_STOCKED,
        rank=rank,
        extras={name: value for name in EXTRAS if (value := getattr(row, name)) is not None},
    )
    return RemoteLine(id=row.key or "", line=line, item_id=row.component_key or "", number=row.line_number)


def _item(item: IntacctItem) -> Item:
    return Item(
        id=item.key or "",
        code=item.id or "",
        type=TYPES.get(item.item_type or "", "item"),
        unit=item.base_unit or item.unit_of_measure,
        stocked=item.item_type not in NOT_STOCKED,
        cost=item.standard_cost,
        why_not=_why_not(item),
    )


def _why_not(item: IntacctItem) -> str | None:
    """Why it can't be a component; what Intacct does not show is no reason."""
    if item.status not in (None, ACTIVE):
        return f"it is {item.status}"
    if item.item_type in NOT_STOCKED and item.fulfillment is False:
        return "fulfilment is not enabled for it, which non-inventory items need in kits"
    return None


def _by_code(codes: Collection[str], found: Iterable[IntacctItem]) -> dict[str, IntacctItem]:
    """The items by the codes as they were asked for: the exact one, else the only one that differs in case alone."""
    ordered = sorted((item for item in found if item.id and item.key), key=lambda item: (item.id or "").casefold())
    alike = {code: list(group) for code, group in groupby(ordered, key=lambda item: (item.id or "").casefold())}
    named: dict[str, IntacctItem] = {}
    for code in codes:
        group = alike.get(code.strip().casefold(), [])
        exact = [item for item in group if item.id == code]
        if not exact and len(group) > 1:
            raise Rejected(f"{code} may be {' or '.join(str(item.id) for item in group)} in Intacct", error_class="conflict")
        if group:
            named[code] = (exact or group)[0]
    return named


def _natural(key: str | None) -> tuple[int, str]:
    return (len(key or ""), key or "")
