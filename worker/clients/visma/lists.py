"""Lists of kit assemblies: what to ask, and what to believe of the answer. Pure.

Visma ignores query parameters that it does not know and answers 200 with unfiltered rows (seen live). So names are fields of a dataclass
here, and every record is held against the filter again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeVar, get_args
from urllib.parse import urlencode

from worker.clients.visma.records import KitAssemblyStatus, Page
from worker.clients.visma.times import filter_time
from worker.errors import BadAnswer

if TYPE_CHECKING:
    from datetime import datetime

Condition = Literal[">", "<", ">=", "<="]
CONDITIONS: Final = get_args(Condition)


class Document(Protocol):
    """What a filter looks at."""

    @property
    def type(self) -> str | None:
        """P or D."""

    @property
    def ref_no(self) -> str | None:
        """Its number."""

    @property
    def status(self) -> str | None:
        """H, B or R."""


D = TypeVar("D")
D_contra = TypeVar("D_contra", contravariant=True)


class Filter(Protocol[D_contra]):
    """What was asked for."""

    def keeps(self, document: D_contra, /) -> bool:
        """Whether it is one of those."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ByTime:
    """What every list is filtered by. A time and its condition go together; times are on Visma's own clock, whose zone nobody documents."""

    last_modified: datetime | None = None
    last_modified_condition: Condition | None = None
    created: datetime | None = None
    created_condition: Condition | None = None

    def __post_init__(self) -> None:
        for moment, condition in ((self.last_modified, self.last_modified_condition), (self.created, self.created_condition)):
            if (moment is None) != (condition is None):
                raise ValueError("a time and its condition must be given together")
            if condition is not None and condition not in CONDITIONS:
                raise ValueError(f"a condition is one of {' '.join(CONDITIONS)}")

    def times(self) -> dict[str, str | None]:
        """The parameters, by Visma's names."""
        return {
            "lastModifiedDateTime": _moment(self.last_modified),
            "lastModifiedDateTimeCondition": self.last_modified_condition,
            "createdDateTime": _moment(self.created),
            "createdDateTimeCondition": self.created_condition,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class KitAssemblyFilter(ByTime):
    """Every filter of the list."""

    type: str | None = None
    ref_no: str | None = None
    status: Literal["H", "B", "R"] | None = None
    expand_stock_components: bool | None = None
    expand_non_stock_components: bool | None = None
    expand_kit_allocations: bool | None = None

    def query(self, page_number: int, page_size: int) -> str:
        """The query, encoded."""
        named = {
            "type": self.type,
            "refNo": self.ref_no,
            "status": self.status,
            **self.times(),
            "expandStockComponents": _word(self.expand_stock_components),
            "expandNonStockComponents": _word(self.expand_non_stock_components),
            "expandKitAllocations": _word(self.expand_kit_allocations),
        }
        return query_of(named, page_number, page_size)

    def keeps(self, document: Document) -> bool:
        """Whether the document is one that was asked for, by type, number and status."""
        pairs = ((self.type, document.type), (self.ref_no, document.ref_no), (self.status, document.status))
        return all(asked is None or same_id(asked, shown) for asked, shown in pairs)


def query_of(named: Mapping[str, str | None], page_number: int, page_size: int) -> str:
    """The query of a page, encoded; what is None is not asked."""
    whole = {**named, "pageNumber": str(page_number), "pageSize": str(page_size)}
    return urlencode({name: value for name, value in whole.items() if value is not None})


def same_id(asked: str, shown: str | None) -> bool:
    """Whether two ids are one to Visma: capitals and spaces around do not count (inferred from the platform beneath it)."""
    return shown is not None and asked.strip().upper() == shown.strip().upper()


def page_of(value: object, load: Callable[[Mapping[str, Any]], D], wanted: Filter[D], page_number: int, page_size: int) -> Page[D]:
    """The page that an answer holds; a bare array of records, which other Visma lists answer, will do too. Raises `BadAnswer`.

    It is the last one when it is empty, or when this many pages of the size that Visma allows hold all there is.
    """
    head: Mapping[str, Any] = value if isinstance(value, Mapping) else {"records": value}
    raw = [] if head is value and head.get("records") is None else head.get("records")
    if not isinstance(raw, list) or not all(isinstance(record, Mapping) for record in raw):
        raise BadAnswer("a list without a list of records")
    loaded = [load(record) for record in raw]
    kept = tuple(document for document in loaded if wanted.keeps(document))
    total, most = _paging(head, raw)
    size = min(number for number in (page_size, most) if number)
    return Page(
        records=kept,
        page_number=_whole(head.get("pageNumber")),
        page_size=_whole(head.get("pageSize")),
        total_count=total,
        received=len(raw),
        dropped=len(raw) - len(kept),
        last=not raw or (page_number * size >= total if total is not None else len(raw) < size),
    )


def status_of(record: Mapping[str, Any]) -> KitAssemblyStatus:
    """The few fields that confirm a release. Raises `BadAnswer`.

    By hand, since a schema takes many times as long and a page has a thousand records.
    """
    type_, ref_no, status = record.get("type"), record.get("refNo"), record.get("status")
    if not (isinstance(type_, str) and isinstance(ref_no, str) and isinstance(status, str)):
        raise BadAnswer("a kit assembly without type, refNo or status")
    return KitAssemblyStatus(
        type=type_,
        ref_no=ref_no,
        status=status,
        last_modified=record.get("lastModifiedDateTime"),
        created=record.get("createdDateTime"),
        description=record.get("description"),
        item_id=record.get("itemID"),
        quantity=_decimal(record.get("quantity")),
    )


def _paging(head: Mapping[str, Any], raw: list[Mapping[str, Any]]) -> tuple[int | None, int | None]:
    """How many there are in all, and the largest page that Visma gives; from the page or from the metadata in its first record."""
    metadata = next(_metadata(raw), {})
    total = _whole(head.get("totalCount"))
    return (total if total is not None else _whole(metadata.get("totalCount"))), _whole(metadata.get("maxPageSize"))


def _metadata(raw: list[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    yield from (found for record in raw[:1] if isinstance(found := record.get("metadata"), Mapping))


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _decimal(value: object) -> Decimal | None:
    return Decimal(value) if isinstance(value, (int, Decimal)) and not isinstance(value, bool) else None


def _moment(value: datetime | None) -> str | None:
    return None if value is None else filter_time(value)


def _word(value: object) -> str | None:
    return None if value is None else str(bool(value)).lower()
