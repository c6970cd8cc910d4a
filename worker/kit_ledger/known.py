"""What the ledger knows of a kit in each system, for people: at once, and as old as it says. Reads only, and calls nothing.

Its records have the names of a look's result (`worker.sync.side`), as far as the ledger knows as much: quantities are those that are
compared, in base units.
"""

from __future__ import annotations

from collections.abc import Sequence  # noqa: TC003 - tools that read the records resolve their annotations
from dataclasses import dataclass, replace
from datetime import datetime  # noqa: TC003 - likewise
from typing import TYPE_CHECKING, Final, Literal

from sqlalchemy import select

from worker.kit_ledger import links, snapshots, where_used
from worker.kit_ledger.model import FAULT
from worker.kit_ledger.statements import Shelf
from worker.kit_ledger.tables import agreements, former_names
from worker.kits.codec import from_json
from worker.kits.codes import Codes
from worker.kits.quantities import plain

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from worker.kit_ledger.model import Snapshot
    from worker.settings import Tenant

MOST_NAMED: Final = 200
"""So many kits that hold it, or former names, are told."""


@dataclass(frozen=True, slots=True)
class KnownLine:
    """A line as it is compared. `base_quantity` is a plain number as text; `kit`: it is a kit itself."""

    component: str
    base_quantity: str
    base_unit: str | None
    rank: int
    kit: bool
    stocked: bool


@dataclass(frozen=True, slots=True)
class KnownSide:
    """One system's kit when it was last read.

    `state`: `present`; `unreadable`, where `trouble` says why it could not be understood; `unknown`: it was never read there, or is gone.
    `code` is what the system calls it. `former_names` as they are compared; `where_used`: the kits that hold it directly.
    """

    erp: str
    role: str
    state: Literal["present", "unreadable", "unknown"]
    code: str
    seen_at: datetime | None = None
    id: str | None = None
    revision: str | None = None
    type: str | None = None
    active: bool | None = None
    lines: tuple[KnownLine, ...] = ()
    former_names: tuple[str, ...] = ()
    where_used: tuple[str, ...] = ()
    trouble: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Agreed:
    """When source and target last had the same lines. `target_changed`: the target is another since; None: not known."""

    source: str
    target: str
    at: datetime
    target_changed: bool | None


@dataclass(frozen=True, slots=True)
class Known:
    """A kit: a side for each system that the tenant has a connection to, the source first; and its agreements."""

    code: str
    sides: Sequence[KnownSide]
    agreements: Sequence[Agreed]


def known(connection: Connection, tenant: Tenant, code: str) -> Known:
    """What is known of a kit by its business code."""
    codes = Codes(tenant.sync.aliases, ignore_case=tenant.sync.ignore_case)
    key = codes.same(code)
    erps = sorted(tenant.erps(), key=lambda erp: erp != tenant.sync.source)
    found = {erp: snapshots.by_key(connection, Shelf(tenant.name, erp), [key]).get(key) for erp in erps}
    sides = tuple(_side(connection, tenant, erp, key, codes.theirs(erp, code), found[erp]) for erp in erps)
    shown = next((snapshot.code for snapshot in found.values() if snapshot is not None), code)
    return Known(shown, sides, _agreements(connection, tenant, key, found))


def role_of(tenant: Tenant, erp: str) -> str:
    """What the system is in the tenant's syncs: `source`, `target` or `other`."""
    if erp == tenant.sync.source:
        return "source"
    return "target" if erp in tenant.sync.targets else "other"


def _side(connection: Connection, tenant: Tenant, erp: str, key: str, there: str, snapshot: Snapshot | None) -> KnownSide:
    shelf = Shelf(tenant.name, erp)
    same = Codes((), ignore_case=tenant.sync.ignore_case).same
    link = links.by_key(connection, shelf, "kit", [same(there)]).get(same(there))
    holders = where_used.parents(connection, shelf, [key]).get(key, [])
    plain_side = KnownSide(
        erp,
        role_of(tenant, erp),
        "unknown",
        there,
        id=None if link is None else link.id,
        former_names=() if link is None else _former(connection, shelf, link.id),
        where_used=tuple(code for _, code in holders[:MOST_NAMED]),
    )
    return plain_side if snapshot is None else _with_snapshot(plain_side, snapshot)


def _with_snapshot(side: KnownSide, snapshot: Snapshot) -> KnownSide:
    seen = replace(side, seen_at=snapshot.seen_at, id=snapshot.id or side.id, revision=snapshot.revision)
    if snapshot.fingerprint == FAULT:
        return replace(seen, state="unreadable", trouble=(str(snapshot.recipe.get(FAULT, "")),))
    recipe = from_json(snapshot.recipe)
    lines = tuple(
        KnownLine(line.component, plain(line.quantity), line.unit, line.rank, line.type != "item", line.stocked) for line in recipe.lines
    )
    trouble = () if recipe.active else (f"it was retired in {side.erp}",)
    return replace(seen, state="present", type=recipe.type, active=recipe.active, lines=lines, trouble=trouble)


def _former(connection: Connection, shelf: Shelf, remote_id: str) -> tuple[str, ...]:
    names = former_names
    wanted = select(names.c.key).where(*shelf.of(names), names.c.kind == "kit", names.c.remote_id == remote_id)
    return tuple(connection.execute(wanted.order_by(names.c.renamed_at.desc(), names.c.key).limit(MOST_NAMED)).scalars())


def _agreements(connection: Connection, tenant: Tenant, key: str, found: dict[str, Snapshot | None]) -> tuple[Agreed, ...]:
    rows, erps = agreements.c, list(found)
    wanted = select(agreements).where(rows.tenant == tenant.name, rows.source.in_(erps), rows.target.in_(erps), rows.key == key)
    told = []
    for row in connection.execute(wanted.order_by(rows.at.desc(), rows.source, rows.target)):
        target = found[row.target]
        changed = None if target is None else target.fingerprint != row.target_fingerprint
        told.append(Agreed(row.source, row.target, row.at, changed))
    return tuple(told)
