"""What the values of one tenant's sync must hold together. Codes and units that a sync takes for one are one here, too."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any, Final

from worker.configuration.places import hint, inside
from worker.errors import Fault
from worker.settings import ERPS
from worker.settings import Sync as SyncSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator

    from worker.configuration.tables import Table, TenantTables

DEFAULTS: Final = SyncSettings()


def check_sync(tenant: TenantTables) -> Iterator[Fault]:
    """All faults between the values of a tenant's `sync` and its connections."""
    table = tenant.sync
    same = _same(table)
    yield from _ends(tenant)
    yield from _nested(table)
    yield from _order(table)
    yield from _revenue(table, same)
    yield from _twice(((inside(table.at("keep_whole"), index), same(code)) for index, code in enumerate(table.get("keep_whole") or ())))
    yield from _unit_rules(tenant.units, same)
    for key in ("code", "name"):
        yield from _twice((each.at(key), _whole(each.get("erp"), _taken(each.get(key), same))) for each in tenant.aliases)


def _ends(tenant: TenantTables) -> Iterator[Fault]:
    """Source and targets are connections, and different ones."""
    table, connected = tenant.sync, tenant.connections
    source, targets = table.get("source"), table.get("targets")
    if source and source not in connected:
        yield Fault(table.at("source"), "this tenant has no such connection")
    if source and ("targets" not in table.written or targets == ()):
        yield Fault(table.at("targets"), "is required where there is a source")
    for index, target in enumerate(targets or ()):
        place = inside(table.at("targets"), index)
        if target not in connected:
            yield Fault(place, "this tenant has no such connection")
        if target == source:
            yield Fault(place, "is the source")
        if target in targets[:index]:
            yield Fault(place, "is named twice")


def _nested(table: Table) -> Iterator[Fault]:
    for target in table.get("nested") or ():
        if target not in ERPS:
            yield Fault(inside(table.at("nested"), target), f"is no target{hint(target, ERPS)}")


def _order(table: Table) -> Iterator[Fault]:
    if table.get("order") and table.get("merge"):
        yield Fault(table.at("order"), "does not go with merge: lines that are summed have no place of their own")


def _revenue(table: Table, same: Callable[[str], str]) -> Iterator[Fault]:
    place, shares = table.at("revenue_table"), table.get("revenue_table", {})
    revenue = table.get("revenue", DEFAULTS.revenue)
    if revenue == "from_table" and shares == {}:
        yield Fault(place, 'is required with revenue = "from_table"')
    if revenue not in {None, "from_table"} and "revenue_table" in table.written and shares is not None:
        yield Fault(place, 'is of no use without revenue = "from_table"')
    yield from _twice((inside(place, component), same(component)) for component in shares or ())


def _unit_rules(rules: Iterable[Table], same: Callable[[str], str]) -> Iterator[Fault]:
    """One text has one meaning, for all items or for one."""

    def meant(rule: Table) -> Hashable:
        if "item" in rule.written and rule.get("item") is None:
            return None
        known = _whole(rule.get("erp"), _taken(rule.get("unit"), _unit))
        return None if known is None else (known, _taken(rule.get("item"), same))

    yield from _twice((rule.at("unit"), meant(rule)) for rule in rules)


def _twice(values: Iterable[tuple[str, Hashable]]) -> Iterator[Fault]:
    """Name each place whose value was at one before it. None is a fault already and counts for nothing."""
    first: dict[Hashable, str] = {}
    for place, value in values:
        if value is None:
            continue
        if value in first:
            yield Fault(place, f"is the same as {first[value]}")
        first.setdefault(value, place)


def _same(table: Table) -> Callable[[str], str]:
    """How a sync compares codes. Said here again, since settings stand below kits."""
    ignore_case = table.get("ignore_case", DEFAULTS.ignore_case)
    return lambda code: _upper(_composed(code.strip())) if ignore_case else _composed(code.strip())


def _unit(text: str) -> str:
    return _upper(" ".join(text.split()))


def _upper(text: str) -> str:
    return _composed(_composed(text).upper())


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _taken(value: Any, convert: Callable[[str], str]) -> str | None:  # noqa: ANN401 - text or None
    return None if value is None else convert(value)


def _whole(*values: str | None) -> tuple[str | None, ...] | None:
    return None if None in values else values
