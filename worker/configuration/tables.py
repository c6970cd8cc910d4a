"""Take the tree of plain values apart: every table through its form, every fault with its path, every unknown key with a hint."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from marshmallow import ValidationError

from worker.configuration.fields import Text
from worker.configuration.forms import CONNECTIONS, LOOKS_NAME, NAME, Aliases, ApiKeys, Form, General, Notices, Rules, Sources, Sync, Units
from worker.configuration.places import hint, inside, spread
from worker.errors import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LISTS: Final[dict[str, type[Form]]] = {"sources": Sources, "rules": Rules, "notices": Notices}
SYNC_LISTS: Final[dict[str, type[Form]]] = {"units": Units, "aliases": Aliases}


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its path, the keys that were written, and the values that are good. `broken`: something else stood there."""

    path: str
    written: frozenset[str] = frozenset()
    values: dict[str, Any] = field(default_factory=dict, repr=False)
    broken: bool = False

    def get(self, key: str, default: Any = None) -> Any:  # noqa: ANN401 - the form says which type
        """The value; `default` when it was not written; None when what was written is a fault already."""
        return self.values.get(key) if key in self.written else default

    def at(self, key: str | int) -> str:
        """The path of a key."""
        return inside(self.path, key)


@dataclass(frozen=True, slots=True)
class TenantTables:
    """One tenant's tables. `connections` holds those that were written, good or not."""

    path: str
    connections: dict[str, Table]
    sync: Table
    units: tuple[Table, ...]
    aliases: tuple[Table, ...]
    sources: tuple[Table, ...]
    rules: tuple[Table, ...]
    notices: tuple[Table, ...]


@dataclass(frozen=True, slots=True)
class Tree:
    """All tables of the settings."""

    general: Table
    api_keys: tuple[Table, ...]
    tenants: dict[str, TenantTables]


def read(values: dict[str, Any]) -> tuple[Tree, list[Fault]]:
    """Give the tables and all faults that a table has by itself."""
    reader = _Reader([])
    tree = Tree(
        general=reader.table(General, values, "", also=("api_keys", "tenants")),
        api_keys=reader.tables(ApiKeys, values.get("api_keys", []), "api_keys"),
        tenants={name: reader.tenant(name, tenant) for name, tenant in reader.items(values.get("tenants", {}), "tenants")},
    )
    return tree, reader.faults


@dataclass(frozen=True, slots=True)
class _Reader:
    """Collects faults on the way through the tree."""

    faults: list[Fault]

    def table(self, form: type[Form], raw: object, path: str, *, also: Iterable[str] = ()) -> Table:
        """One table through its form."""
        if not isinstance(raw, dict):
            self.faults.append(Fault(path, "must be a table"))
            return Table(path, broken=True)
        schema = form()
        self._name_unknown(raw, [*(field.data_key or name for name, field in schema.fields.items()), *also], path)
        try:
            values = schema.load(raw)
        except ValidationError as error:
            self.faults.extend(spread(error.messages, path))
            values = error.valid_data
        return Table(path, frozenset(raw), values)

    def tables(self, form: type[Form], raw: object, path: str) -> tuple[Table, ...]:
        """An array of tables."""
        if not isinstance(raw, list):
            self.faults.append(Fault(path, f"must be an array of tables: [[{path}]]"))
            return ()
        return tuple(self.table(form, item, inside(path, index)) for index, item in enumerate(raw))

    def items(self, raw: object, path: str) -> Iterator[tuple[str, Any]]:
        """The named tables in a table."""
        if not isinstance(raw, dict):
            self.faults.append(Fault(path, "must be a table"))
            return
        yield from raw.items()

    def tenant(self, name: str, raw: object) -> TenantTables:
        """One tenant, whose name stands in addresses."""
        path = inside("tenants", name)
        try:
            Text(pattern=NAME, looks=LOOKS_NAME).convert(name)
        except ValidationError as error:
            self.faults.extend(Fault(path, f"the name {message}") for message in error.messages)
        if not isinstance(raw, dict):
            self.faults.append(Fault(path, "must be a table"))
            raw = {}
        self._name_unknown(raw, [*CONNECTIONS, "sync", *LISTS], path)
        sync_path, sync = inside(path, "sync"), raw.get("sync", {})
        lists = {key: self.tables(form, _inner(sync, key), inside(sync_path, key)) for key, form in SYNC_LISTS.items()}
        lists |= {key: self.tables(form, raw.get(key, []), inside(path, key)) for key, form in LISTS.items()}
        return TenantTables(
            path=path,
            connections={erp: self.table(form, raw[erp], inside(path, erp)) for erp, form in CONNECTIONS.items() if erp in raw},
            sync=self.table(Sync, sync, sync_path, also=SYNC_LISTS),
            **lists,
        )

    def _name_unknown(self, raw: dict[str, Any], known: list[str], path: str) -> None:
        self.faults.extend(Fault(inside(path, key), f"is not known{hint(key, known)}") for key in raw if key not in known)


def _inner(table: object, key: str) -> object:
    """What stands in a table, where it is one."""
    return table.get(key, []) if isinstance(table, dict) else []
