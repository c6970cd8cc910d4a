"""What several values of the settings must hold together. A value that is a fault by itself is not judged a second time."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from worker.configuration.tenants import check_tenant
from worker.errors import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.configuration.tables import Table, Tree
    from worker.settings import Timing

CHAIN: Final = ("connect", "call", "step", "lease", "visibility")
BEATS: Final = 3  # as many may be late before a worker counts as dead


def check(tree: Tree, timing: Timing) -> list[Fault]:
    """All faults between values."""
    return [*_api_keys(tree), *(fault for tenant in tree.tenants.values() for fault in check_tenant(tenant)), *check_timing(timing)]


def check_timing(timing: Timing) -> Iterator[Fault]:
    """The timing chain: each limit must be longer than the one inside it, or the outer one fires first."""
    for inner, outer in pairwise(CHAIN):
        if not getattr(timing, inner) < getattr(timing, outer):
            yield Fault(f"timing.{outer}", f"must be longer than {inner}")
    if timing.beat * BEATS > timing.dead_after:
        yield Fault("timing.dead_after", f"must be at least {BEATS} beats")


def _api_keys(tree: Tree) -> Iterator[Fault]:
    yield from repeated(tree.api_keys, "name")
    yield from repeated(tree.api_keys, "key")
    for table in tree.api_keys:
        yield from _tenants_of(table, tree)


def _tenants_of(table: Table, tree: Tree) -> Iterator[Fault]:
    names = table.get("tenants") or ()
    if "*" in names and len(names) > 1:
        yield Fault(table.at("tenants"), '"*" stands alone: it is all of them')
    for index, name in enumerate(names):
        if name != "*" and name not in tree.tenants:
            yield Fault(f"{table.at('tenants')}[{index}]", "there is no such tenant")


def repeated(tables: tuple[Table, ...], key: str) -> Iterator[Fault]:
    """Name each table that has the same value under `key` as one before it."""
    first: dict[Any, Table] = {}
    for table in tables:
        value = table.get(key)
        if value is None:
            continue
        if value in first:
            yield Fault(table.at(key), f"is the same as {first[value].at(key)}")
        first.setdefault(value, table)
