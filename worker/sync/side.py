"""One system's side of a look at a kit, as JSON for people: what it shows, in its own words and in ours. Pure.

    {"erp": "visma", "role": "source" | "target" | "other", "state": "present" | "absent" | "ambiguous" | "unreachable",
     "seen_at": "…Z" | null, "code": "CHAIR", "name": null, "id": "CHAIR/R1", "revision": "R1", "other_revisions": ["R0"],
     "modified": null, "type": "kit", "active": true, "lines": [line, …], "agreed": {"at": "…Z", "edited_since": false} | null,
     "trouble": ["…"]}

`code` is what the system calls the kit, `name` what it is named there now, where that is told; `modified` is its own text. A line:

    {"line": "stock:1", "number": 1, "rank": 1, "component": "LEG", "code": "LEG", "quantity": "4", "unit": "STK",
     "base_quantity": "4", "base_unit": "STK", "kit": false, "stocked": true, "extras": {}, "note": null}

`component` is our code and `code` the system's; `base_quantity` and `base_unit` are what is compared, null where `note` says why not.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from worker.errors import KitFault
from worker.kit_ledger.known import role_of
from worker.kits.quantities import plain
from worker.sync.sharing import off

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.kits.model import RemoteKit, RemoteLine
    from worker.settings import Tenant
    from worker.sync.translation import Translation

    Json = dict[str, Any]


def without_kit(tenant: Tenant, erp: str, code: str, state: str, seen_at: str | None, *trouble: str) -> Json:
    """A side that shows no kit, and why."""
    nothing = dict.fromkeys(("name", "id", "revision", "modified", "type", "active", "agreed"))
    said = {"erp": erp, "role": role_of(tenant, erp), "state": state, "seen_at": seen_at, "code": code}
    return {**said, **nothing, "other_revisions": [], "lines": [], "trouble": list(trouble)}


def with_kit(tenant: Tenant, erp: str, kit: RemoteKit, translation: Translation, seen_at: str, agreed: Json | None) -> Json:
    """A side that shows the kit. `agreed`: when it was in step last, and whether it was edited there since."""
    unknown = kit.facts.get("unknown", ())
    lines = [_line(erp, kit, each, translation, known=each.id not in unknown, strict=erp == tenant.sync.source) for each in kit.lines]
    return {
        **without_kit(tenant, erp, kit.code, "present", seen_at, *_trouble(kit, erp)),
        "name": kit.facts.get("name"),
        "id": kit.id,
        "revision": kit.revision,
        "other_revisions": list(kit.facts.get("other_revisions", ())),
        "modified": kit.facts.get("modified"),
        "type": kit.type,
        "active": kit.active,
        "agreed": agreed,
        "lines": lines,
    }


def _trouble(kit: RemoteKit, erp: str) -> Iterator[str]:
    if not kit.active:
        yield f"it is retired in {erp}"
    if others := kit.facts.get("other_revisions"):
        yield f"{', '.join(others)} {'is' if len(others) == 1 else 'are'} active too: {kit.revision}, the one changed last, counts"
    if "assembly" in kit.facts:
        yield f"read from the assembly {kit.facts['assembly']}"
        yield from kit.facts.get("deviations", ())
    if (total := off(kit)) is not None:
        yield f"its lines' shares of revenue are {plain(total)} % in all, not 100"


def _line(erp: str, kit: RemoteKit, remote: RemoteLine, translation: Translation, *, known: bool, strict: bool) -> Json:
    """`strict`: as a source is read, whose quantities must be right."""
    line = remote.line
    note: str | None = None if known else f"its component is not known in {erp}"
    base_quantity, base_unit = None, None
    try:
        (ours,) = translation.ours(erp, replace(kit, lines=(remote,)), target=not strict).lines
        base_quantity, base_unit = plain(ours.line.quantity), ours.line.unit
    except KitFault as fault:
        note = "; ".join(each.message for each in fault.faults)
    return {
        "line": remote.id,
        "number": remote.number,
        "rank": line.rank,
        "component": translation.codes.ours(erp, line.component),
        "code": line.component,
        "quantity": plain(line.quantity) if line.quantity.is_finite() else str(line.quantity),
        "unit": line.unit,
        "base_quantity": base_quantity,
        "base_unit": base_unit,
        "kit": line.type != "item",
        "stocked": line.stocked,
        "extras": {name: plain(value) if isinstance(value, Decimal) else value for name, value in line.extras.items()},
        "note": note,
    }
