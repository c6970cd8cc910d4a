"""Between which systems a sync goes, and which a look at a kit reads: the arguments over the tenant's settings. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker.errors import Fault, InvalidArguments

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from worker.settings import Tenant


def source_of(tenant: Tenant, arguments: Mapping[str, Any]) -> str:
    """The source of a sync with these arguments. Raises `InvalidArguments` where `side_faults` has something against it."""
    source, faults = _source(tenant, arguments), side_faults(tenant, arguments)
    if source is None or faults:
        raise InvalidArguments(faults)
    return source


def places_of(tenant: Tenant) -> tuple[str, ...]:
    """The systems that a look at a kit reads, in their order: the source of the tenant's syncs first."""
    erps = tenant.erps()
    return tuple(sorted(erps, key=lambda erp: erp != tenant.sync.source))


def look_faults(tenant: Tenant, arguments: Mapping[str, Any]) -> tuple[Fault, ...]:
    """What stands against a look at a kit of this tenant."""
    if not tenant.erps():
        return (Fault("", f"{tenant.name} has no connection"),)
    if "revision" in arguments and "visma" not in tenant.erps():
        return (Fault("revision", f"is Visma's alone, to which {tenant.name} has no connection"),)
    return ()


def side_faults(tenant: Tenant, arguments: Mapping[str, Any], broken: Collection[str] = ()) -> tuple[Fault, ...]:
    """What stands against a sync of this tenant. `broken`: arguments with faults of their own, of which nothing more is said."""
    found: list[Fault] = []
    if "source" not in broken:
        found += _source_faults(tenant, arguments)
    if "targets" not in broken:
        found += _target_faults(tenant, arguments)
    if not {"source", "targets"} & set(broken):
        found += [*_between(tenant, arguments), *_needless(tenant, arguments)]
    return tuple(found)


def _source(tenant: Tenant, arguments: Mapping[str, Any]) -> str | None:
    source: str | None = arguments.get("source", tenant.sync.source)
    return source


def _targets(tenant: Tenant, arguments: Mapping[str, Any]) -> tuple[str, ...]:
    """Where none are named, the tenant's own: but never the source, where another one than the tenant's is named."""
    if "targets" in arguments:
        return tuple(arguments["targets"])
    source = _source(tenant, arguments)
    return tuple(target for target in tenant.sync.targets if target != source)


def _source_faults(tenant: Tenant, arguments: Mapping[str, Any]) -> Iterator[Fault]:
    source = _source(tenant, arguments)
    if source is None:
        yield Fault("source", f"is required: the settings of {tenant.name} name none")
    elif source not in tenant.erps():
        yield Fault("source", f"{tenant.name} has no connection to {source}")


def _target_faults(tenant: Tenant, arguments: Mapping[str, Any]) -> Iterator[Fault]:
    for place, target in _placed(tenant, arguments):
        if target not in tenant.erps():
            yield Fault(place, f"{tenant.name} has no connection to {target}")


def _between(tenant: Tenant, arguments: Mapping[str, Any]) -> Iterator[Fault]:
    source = _source(tenant, arguments)
    placed = list(_placed(tenant, arguments))
    if not placed:
        yield Fault("targets", f"is required: the settings of {tenant.name} name no target other than the source")
    yield from (Fault(place, "is the source") for place, target in placed if target == source)


def _placed(tenant: Tenant, arguments: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for index, target in enumerate(_targets(tenant, arguments)):
        yield f"targets[{index}]" if "targets" in arguments else "targets", target


def _needless(tenant: Tenant, arguments: Mapping[str, Any]) -> Iterator[Fault]:
    """What would be ignored is refused."""
    targets = _targets(tenant, arguments)
    nested = arguments.get("nested", {})
    if not isinstance(nested, str):
        yield from (Fault(f"nested.{erp}", "is no target of this sync") for erp in nested if erp not in targets)
    if "revision" in arguments and "visma" not in (_source(tenant, arguments), *targets):
        yield Fault("revision", "is Visma's alone, which is neither source nor target")
