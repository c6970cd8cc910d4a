"""Find kits that were read before by the beginning of their code: by the snapshots' own index, whatever there is. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - tools that read the records resolve their annotations
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from worker.kit_ledger.statements import Shelf
from worker.kit_ledger.tables import snapshots
from worker.kits.codes import Codes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Row, Select

    from worker.settings import Tenant

MOST: Final = 500
_LAST: Final = chr(0x10FFFF)
"""Sorts behind whatever may follow a beginning."""

_Place = tuple[str, str]
"""Key and tenant: the order of what is found."""


@dataclass(frozen=True, slots=True)
class FoundKit:
    """A kit that was read before: in which systems, and when last."""

    tenant: str
    code: str
    erps: tuple[str, ...]
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Found:
    """Some kits in the order of their codes. `next` is what to give as `after` for those that follow; None: there are none."""

    kits: tuple[FoundKit, ...]
    next: str | None


def find_kits(connection: Connection, tenants: Sequence[Tenant], q: str, limit: int, after: str | None = None) -> Found:
    """Kits of these tenants whose code begins with `q` ("" for all), at most `limit` of them."""
    limit = max(1, min(limit, MOST))
    past = _read(after)
    rows: dict[_Place, list[Row[Any]]] = {}
    for tenant in tenants:
        key = Codes((), ignore_case=tenant.sync.ignore_case).same(q)
        for shelf in _shelves(tenant):
            for row in connection.execute(_beginning(shelf, key, past, limit + 1)):
                rows.setdefault((row.key, tenant.name), []).append(row)
    places = sorted(rows)
    kits = tuple(_found(rows[place]) for place in places[:limit])
    return Found(kits, _written(places[limit - 1]) if len(places) > limit else None)


def _shelves(tenant: Tenant) -> list[Shelf]:
    """The source's first: it says how a code is written."""
    return [Shelf(tenant.name, erp) for erp in sorted(tenant.erps(), key=lambda erp: erp != tenant.sync.source)]


def _beginning(shelf: Shelf, key: str, past: _Place | None, most: int) -> Select[Any]:
    columns = snapshots.c
    mine = [*shelf.of(snapshots), columns.key >= key, columns.key < key + _LAST]
    if past is not None:
        mine.append(columns.key >= past[0] if shelf.tenant > past[1] else columns.key > past[0])
    wanted = select(columns.tenant, columns.erp, columns.key, columns.code, columns.seen_at)
    return wanted.where(*mine).order_by(columns.key).limit(most)


def _found(rows: Sequence[Row[Any]]) -> FoundKit:
    return FoundKit(rows[0].tenant, rows[0].code, tuple(row.erp for row in rows), max(row.seen_at for row in rows))


def _written(place: _Place) -> str:
    key, tenant = place
    return f"{tenant}/{key}"


def _read(after: str | None) -> _Place | None:
    tenant, slash, key = (after or "").partition("/")
    return (key, tenant) if slash else None
