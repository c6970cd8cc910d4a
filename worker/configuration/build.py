"""Make the records of `worker.settings` from tables without faults. What was not written keeps the record's default."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from worker.settings import Alias, ApiKey, Intacct, ItemPath, Notice, Retries, Rule, Settings, Source, Sync, Tenant, Timing, UnitRule, Visma

if TYPE_CHECKING:
    from worker.configuration.tables import Table, TenantTables, Tree

RETRIES: Final = {"attempts": "attempts", "retry_first": "first", "retry_max": "most", "repeat_window": "repeat_window"}
CONNECTIONS: Final[dict[str, type[Visma | ItemPath | Intacct]]] = {"visma": Visma, "itempath": ItemPath, "intacct": Intacct}


def build(tree: Tree, timing: Timing) -> Settings:
    """Make the settings of a tree in which nothing is wrong."""
    return Settings(
        **{"web_processes": _cores(), **tree.general.values},
        api_keys=tuple(ApiKey(**table.values) for table in tree.api_keys),
        tenants={name: _tenant(name, tables) for name, tables in tree.tenants.items()},
        timing=timing,
    )


def _tenant(name: str, tables: TenantTables) -> Tenant:
    connections: dict[str, Any] = {erp: _connection(erp, table) for erp, table in tables.connections.items()}
    return Tenant(
        name=name,
        sync=_sync(tables),
        sources={table.values["name"]: Source(**table.values) for table in tables.sources},
        rules=tuple(Rule(**table.values) for table in tables.rules),
        notices={table.values["name"]: Notice(**table.values) for table in tables.notices},
        **connections,
    )


def _sync(tables: TenantTables) -> Sync:
    units = tuple(UnitRule(**table.values) for table in tables.units)
    aliases = tuple(Alias(**table.values) for table in tables.aliases)
    return Sync(**tables.sync.values, units=units, aliases=aliases)


def _connection(erp: str, table: Table) -> Visma | ItemPath | Intacct:
    own = {key: value for key, value in table.values.items() if key not in RETRIES}
    retries = Retries(**{RETRIES[key]: value for key, value in table.values.items() if key in RETRIES})
    return CONNECTIONS[erp](**own, retries=retries)


def _cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
