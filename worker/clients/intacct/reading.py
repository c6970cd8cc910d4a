"""What the rest of kitrelay reads from Intacct, with as few queries as can be: items and kit components by code.

The names of fields are tables: those of `item` besides its code, type and status are inferred from what a component shows of its item.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.clients.intacct.query import ITEM, KIT_COMPONENT, Filter, Parameters, Query
from worker.clients.intacct.records import KITS, IntacctItem, KitComponent, Page
from worker.clients.intacct.schemas import component_of, item_of
from worker.errors import CallError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from worker.clients.intacct.client import IntacctClient

COMPONENT_FIELDS: Final = (
    "key",
    "lineNumber",
    "numberOfUnits",
    "revenuePercentage",
    "defaultDeliveryStatus",
    "defaultDeferralStatus",
    "kit.key",
    "kit.id",
    "component.key",
    "component.id",
    "component.itemType",
    "component.unitOfMeasure",
)
KIT_FIELDS: Final = ("key", "id", "status", "itemType", "kitRevenuePosting")
ITEM_FIELDS: Final = ("key", "id", "name", "status", "itemType", "enableFulfillment", "unitOfMeasure", "standardCost")
ANY_CASE: Final = Parameters(case_sensitive=False)
CHUNK: Final = 250
"""Codes of one query: of kits with a dozen lines, what fits into one page."""

_ONLY_KITS: Final = Filter("$in", "itemType", KITS)
_TRIES: Final = 3


def kit_items(client: IntacctClient, codes: Collection[str]) -> list[IntacctItem]:
    """The items with these codes, in any case of letters, that are kits."""
    return [
        item
        for chunk in _chunks(codes)
        for item in client.items(
            Query(
                object=ITEM,
                fields=KIT_FIELDS,
                filters=(Filter("$in", "id", chunk), _ONLY_KITS),
                parameters=ANY_CASE,
                order=(("id", "asc"),),
            )
        )
    ]


def kit_page(client: IntacctClient, start: int, size: int) -> Page[IntacctItem]:
    """Some of all kits, in the order of their codes."""
    query = Query(object=ITEM, fields=KIT_FIELDS, filters=(_ONLY_KITS,), order=(("id", "asc"), ("key", "asc")), start=start, size=size)
    return client.query(query, item_of)


def items(client: IntacctClient, codes: Collection[str]) -> list[IntacctItem]:
    """The items with these codes, in any case of letters, with what tells whether they may be components."""
    return [
        item
        for chunk in _chunks(codes)
        for item in client.items(
            Query(object=ITEM, fields=ITEM_FIELDS, filters=(Filter("$in", "id", chunk),), parameters=ANY_CASE, order=(("id", "asc"),))
        )
    ]


def named_items(client: IntacctClient, names: Collection[str]) -> dict[str, IntacctItem]:
    """The items that these names mean, each a code or a key; a code counts before a key. One query. Unknown names are left out."""
    wanted = tuple(dict.fromkeys(names))
    digits = tuple(name for name in wanted if name.isascii() and name.isdigit())
    filters = (Filter("$in", "id", wanted), *([Filter("$in", "key", digits)] if digits else []))
    found = client.items(Query(object=ITEM, fields=ITEM_FIELDS, filters=filters, expression="or"))
    by_code = {item.id: item for item in found}
    by_key = {item.key: item for item in found}
    meant = {name: by_code.get(name) or by_key.get(name if name in digits else None) for name in wanted}
    return {name: item for name, item in meant.items() if item is not None}


def components_of_kits(client: IntacctClient, codes: Collection[str]) -> list[KitComponent]:
    """Every component of these kits, by kit, line number and key."""
    return [row for chunk in _chunks(codes) for row in _steady(client, (Filter("$in", "kit.id", chunk),))]


def components_of(client: IntacctClient, kit_key: str, component_key: str | None = None) -> list[KitComponent]:
    """The components of one kit, or its lines of one component."""
    filters: tuple[Filter, ...] = (Filter("$eq", "kit.key", kit_key),)
    if component_key is not None:
        filters = (*filters, Filter("$eq", "component.key", component_key))
    return _steady(client, filters)


def _steady(client: IntacctClient, filters: tuple[Filter, ...]) -> list[KitComponent]:
    """All rows, read while nothing moved between the pages: a row that slips through would look like a line that is gone."""
    order = (("kit.id", "asc"), ("lineNumber", "asc"), ("key", "asc"))
    query = Query(object=KIT_COMPONENT, fields=COMPONENT_FIELDS, filters=filters, order=order)  # type: ignore[arg-type]
    for _ in range(_TRIES):
        pages = list(client.pages(query, component_of))
        rows = {row.key: row for page in pages for row in page.records}
        if len({page.total for page in pages}) == 1 and pages[0].total in (None, len(rows)):
            return list(rows.values())
    raise CallError("the kits' components change while they are read")


def _chunks(codes: Collection[str]) -> Iterator[tuple[str, ...]]:
    wanted = tuple(dict.fromkeys(codes))
    return (wanted[at : at + CHUNK] for at in range(0, len(wanted), CHUNK))
