"""What a rule must hold together: its source, its kind of job, and the arguments that it gives. Checked as far as goes without an event."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import jmespath
from marshmallow import ValidationError

from worker.configuration.places import hint, inside
from worker.errors import Fault
from worker.kinds import KINDS
from worker.kinds.faults import faults_of
from worker.settings import ERPS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from marshmallow.fields import Field

    from worker.configuration.tables import Table, TenantTables
    from worker.kinds import Kind

MOST: Final = 64
"""Rules of one source: an event goes through all of them."""

_CALLED: Final = ("item",)
"""What stands in `with` and `unique_key` only beside `each`."""


def check_rules(tenant: TenantTables) -> Iterator[Fault]:
    """All faults of a tenant's rules."""
    counts: Counter[str] = Counter()
    for table in tenant.rules:
        source = table.get("source")
        yield from _source(table, tenant)
        yield from _kind(table, tenant)
        yield from _scope(table)
        counts[source] += source is not None
        if counts[source] == MOST + 1:
            yield Fault(table.path, f"is one more than the {MOST} rules that a source may have")


def _source(table: Table, tenant: TenantTables) -> Iterator[Fault]:
    source = table.get("source")
    if source is None:
        return
    if source in ERPS and source not in tenant.connections:
        yield Fault(table.at("source"), "this tenant has no such connection")
    known = {*ERPS, *(other.get("name") for other in tenant.sources)}
    if source not in known:
        yield Fault(table.at("source"), "is neither a source of this tenant nor visma, itempath or intacct")


def _kind(table: Table, tenant: TenantTables) -> Iterator[Fault]:
    """Who does it, and what it takes."""
    kind = KINDS.get(table.get("do") or "")
    if kind is None:
        return
    if kind.erp and kind.erp not in tenant.connections:
        yield Fault(table.at("do"), f"this tenant has no connection to {kind.erp}")
    if not kind.erp and len(tenant.connections) < 2:  # noqa: PLR2004 - a source and a target
        yield Fault(table.at("do"), "this tenant has no two connections to sync between")
    given = _given(table)
    if given is not None:
        yield from _arguments(kind, given, table.at("with"))


def _given(table: Table) -> dict[str, str] | None:
    """What stands in `with`; None where that is a fault by itself."""
    found: dict[str, str] | None = table.values.get("arguments")
    return found


def _arguments(kind: Kind, given: dict[str, str], place: str) -> Iterator[Fault]:
    known = kind.schema().fields
    for name, text in given.items():
        if name in known:
            yield from _constant(known[name], text, inside(place, name))
        else:
            yield Fault(inside(place, name), f"is no argument of {kind.name}{hint(name, known)}")
    for name, field in known.items():
        if field.required and name not in given:
            yield Fault(inside(place, name), f"is required by {kind.name}")


def _constant(field: Field[Any], text: str, place: str) -> Iterator[Fault]:
    """A value that no event changes must be one that the kind takes."""
    tree = _tree(text)
    if tree["type"] != "literal" or tree["value"] is None:
        return
    try:
        field.deserialize(tree["value"])
    except ValidationError as error:
        yield from (Fault(f"{place}{_after(fault.path)}", fault.message) for fault in faults_of(error.messages))


def _after(path: str) -> str:
    return path if not path or path.startswith("[") else f".{path}"


def _scope(table: Table) -> Iterator[Fault]:
    """`when` and `each` are over the event; `with` and `unique_key` over `event` and `item`: what begins otherwise is always null."""
    names = ("event", *_CALLED) if "each" in table.written else ("event",)
    texts = {inside(table.at("with"), name): text for name, text in (_given(table) or {}).items()}
    if table.get("unique_key"):
        texts[table.at("unique_key")] = table.get("unique_key")
    for place, text in texts.items():
        root = _root(_tree(text))
        if root is not None and root not in names:
            known = " and ".join(names)
            yield Fault(place, f"begins with {root}, and there {'are' if len(names) > 1 else 'is'} only {known}{_without(root)}")


def _without(root: str) -> str:
    return ", without each" if root in _CALLED else hint(root, ("event", *_CALLED))


def _root(node: dict[str, Any]) -> str | None:
    """The name that a plain path begins with; None for anything else."""
    while node.get("type") in ("subexpression", "index_expression", "projection", "filter_projection", "value_projection", "flatten"):
        node = node["children"][0]
    return str(node["value"]) if node.get("type") == "field" else None


def _tree(text: str) -> dict[str, Any]:
    parsed: Any = jmespath.compile(text).parsed
    return dict(parsed)
