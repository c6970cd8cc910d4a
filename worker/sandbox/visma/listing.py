"""The list call: filters, pages and expansions. Unknown parameters are ignored and the call still answers 200 (seen)."""

from __future__ import annotations

import operator
from datetime import UTC, datetime
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import parse_qsl

from worker.sandbox.visma.records import non_stock_lines, record, stock_lines
from worker.sandbox.visma.refusals import refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from worker.sandbox.visma.documents import Document, Documents
    from worker.sandbox.visma.items import Item

CONDITIONS: Final = {">": operator.gt, "<": operator.lt, ">=": operator.ge, "<=": operator.le}
FORMATS: Final = ("%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d")
EXPANSIONS: Final = {
    "expandStockComponents": "stockComponentLines",
    "expandNonStockComponents": "nonStockComponentLines",
    "expandKitAllocations": "kitAllocations",
}

Query: TypeAlias = "dict[str, str]"
Test: TypeAlias = "Callable[[Document], bool]"


def list_page(documents: Documents, items: dict[str, Item], query: str, max_page: int) -> dict[str, Any]:
    """`BasePaginationDtoOfKitAssemblyDto`, in the order of type and number (inferred). Raises `Refused`."""
    asked = dict(parse_qsl(query, keep_blank_values=True))
    found = matching(documents, asked)
    number = max(number_of(asked, "pageNumber", 1), 1)
    size = min(number_of(asked, "pageSize", max_page), max_page) or max_page
    page = found[(number - 1) * size : number * size]
    shown = frozenset(name for parameter, name in EXPANSIONS.items() if asked.get(parameter, "").lower() == "true")
    records = [expanded(document, items, shown, len(found), max_page) for document in page]
    return {"pageNumber": number, "pageSize": size, "totalCount": len(found), "records": records}


def expanded(document: Document, items: dict[str, Item], shown: Iterable[str], total: int, max_page: int) -> dict[str, Any]:
    """A record with the lines that were asked for."""
    whole = record(document, total, max_page)
    for name in shown:
        whole[name] = _lines(document, items, name)
    return whole


def _lines(document: Document, items: dict[str, Item], name: str) -> list[dict[str, Any]]:
    """The lines or allocations of this name."""
    if name == "kitAllocations":
        return document.allocations or []
    lines = stock_lines if name == "stockComponentLines" else non_stock_lines
    return lines(document, items[document.item_id])


def matching(documents: Documents, asked: Query) -> list[Document]:
    """The documents that pass every filter, in order."""
    tests = [test for test in (_kind(asked), _ref_no(asked), _created(asked), _modified(asked), _status(asked)) if test is not None]
    found = _candidates(documents, asked)
    for test in tests:
        found = filter(test, found)
    return sorted(found, key=operator.attrgetter("key"))


def _candidates(documents: Documents, asked: Query) -> Iterable[Document]:
    """As few documents as the indexes allow to look at."""
    if asked.get("lastModifiedDateTimeCondition", "").startswith(">") and asked.get("lastModifiedDateTime"):
        bound = _moment(asked, "lastModifiedDateTime")
        return takewhile(lambda document: document.modified >= bound, documents.newest_first())
    return documents.with_status(asked["status"]) if asked.get("status") else documents.all()


def _status(asked: Query) -> Test | None:
    """By status."""
    status = asked.get("status")
    if not status:
        return None
    if status not in {"H", "B", "R"}:
        raise refused(f"The value '{status}' is not valid for status.")
    return lambda document: document.status == status


def _kind(asked: Query) -> Test | None:
    """By type."""
    kind = asked.get("type")
    return (lambda document: document.key[0] == kind) if kind else None


def _ref_no(asked: Query) -> Test | None:
    """By number, the whole of it."""
    ref_no = asked.get("refNo")
    return (lambda document: document.key[2:] == ref_no) if ref_no else None


def _created(asked: Query) -> Test | None:
    """By time of creation."""
    return by_time(asked, "createdDateTime", lambda document: document.created)


def _modified(asked: Query) -> Test | None:
    """By time of the last change."""
    return by_time(asked, "lastModifiedDateTime", lambda document: document.modified)


def by_time(asked: Query, name: str, read: Callable[[Any], int]) -> Callable[[Any], bool] | None:
    """By a time and its condition, which must come together (documented)."""
    condition = asked.get(f"{name}Condition")
    if not asked.get(name) and not condition:
        return None
    if not asked.get(name) or condition not in CONDITIONS:
        raise refused(f"{name} and {name}Condition (>, <, >=, <=) must be used together.")
    compare, bound = CONDITIONS[condition], _moment(asked, name)
    return lambda document: compare(read(document), bound)


def _moment(asked: Query, name: str) -> int:
    """The company's local milliseconds of a time without a zone (the accepted formats are documented)."""
    for pattern in FORMATS:
        try:
            moment = datetime.strptime(asked[name], pattern).replace(tzinfo=UTC)
        except ValueError:
            continue
        return round(moment.timestamp() * 1000)
    raise refused(f"The value '{asked[name]}' is not valid for {name}.")


def number_of(asked: Query, name: str, default: int) -> int:
    """A number of the query."""
    text = asked.get(name)
    if not text:
        return default
    if not text.isdecimal():
        raise refused(f"The value '{text}' is not valid for {name}.")
    return int(text)
