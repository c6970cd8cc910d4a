"""From what a caller asks for to a job that may be made: checked, with all faults at once. Used by the API and the command line alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from worker.errors import Fault, InvalidArguments
from worker.jobs.verdicts import NewJob
from worker.kinds import KINDS
from worker.kinds.sides import look_faults, places_of, side_faults, source_of
from worker.kits.codes import Codes

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from datetime import datetime

    from worker.kinds import Kind
    from worker.settings import Settings, Tenant

SYNC = "sync_kit_lines"
MOST_FAULTS = 200
"""A file with more bad rows than this names the first ones."""


def kind_for(settings: Settings, tenant: str, name: str) -> Kind:
    """The kind, if there is one of that name and the tenant has the connection that it needs. Raises `InvalidArguments`.

    Between which connections a sync goes is said by its arguments: `new_job`, `check_items` and `check_select` look at them.
    """
    faults = []
    kind = KINDS.get(name)
    if kind is None:
        faults.append(Fault("kind", f"there is no kind {name!r}; there are {', '.join(KINDS)}"))
    found = settings.tenants.get(tenant)
    if found is None:
        faults.append(Fault("tenant", f"there is no tenant {tenant!r}"))
    if kind is not None and kind.erp and found is not None and kind.erp not in found.erps():
        faults.append(Fault("tenant", f"{tenant} has no connection to {kind.erp}"))
    if faults or kind is None:
        raise InvalidArguments(tuple(faults))
    return kind


def erp_for(settings: Settings, tenant: str, kind_name: str, arguments: Mapping[str, Any]) -> str:
    """The ERP in whose lane work with these arguments, or this selection, begins: for a sync its source. Raises `InvalidArguments`."""
    return _erp(settings.tenants[tenant], kind_for(settings, tenant, kind_name), arguments)


def new_job(
    settings: Settings,
    tenant: str,
    kind_name: str,
    arguments: object,
    *,
    unique_key: str | None = None,
    priority: int = 0,
    tags: tuple[str, ...] = (),
    run_at: datetime | None = None,
    batch: str | None = None,
) -> NewJob:
    """A job that may be made. Raises `InvalidArguments`; the faults of the arguments stand under `arguments.`."""
    kind = kind_for(settings, tenant, kind_name)
    checked, faults = _judged(settings.tenants[tenant], kind, arguments)
    if faults:
        raise InvalidArguments(tuple(_under("arguments", fault) for fault in faults))
    return _built(settings, tenant, kind, checked, unique_key=unique_key, priority=priority, tags=tags, run_at=run_at, batch=batch)


def check_items(settings: Settings, tenant: str, kind_name: str, items: Iterable[object]) -> int:
    """Look at every item before any is stored; how many there are.

    Raises `InvalidArguments` with each bad one's place, `items[3].ref_no`. A batch begins in one lane: all its syncs have one source.
    """
    kind = kind_for(settings, tenant, kind_name)
    home = settings.tenants[tenant]
    faults: list[Fault] = []
    first: str | None = None
    count = 0
    for count, item in enumerate(items, start=1):
        if len(faults) >= MOST_FAULTS:
            continue
        checked, found = _judged(home, kind, item)
        if not found:
            erp = _erp(home, kind, checked)
            first = first or erp
            found = _other_source(erp, first)
        faults.extend(_under(f"items[{count - 1}]", fault) for fault in found)
    if not count:
        faults.append(Fault("items", "there are none"))
    if faults:
        raise InvalidArguments(tuple(faults[:MOST_FAULTS]))
    return count


def check_select(settings: Settings, tenant: str, kind_name: str, select: Mapping[str, Any], broken: Collection[str] = ()) -> None:
    """Look at what is right in a selection; `broken` are names in it with faults of their own.

    Raises `InvalidArguments` with each fault's place, `select.targets[1]`.
    """
    kind = kind_for(settings, tenant, kind_name)
    faults = side_faults(settings.tenants[tenant], select, broken) if kind.operation == "sync" else ()
    if faults:
        raise InvalidArguments(tuple(_under("select", fault) for fault in faults))


def new_items(
    settings: Settings,
    tenant: str,
    kind_name: str,
    items: Iterable[Mapping[str, Any]],
    batch: str,
    *,
    priority: int = 0,
    tags: tuple[str, ...] = (),
) -> Iterator[NewJob]:
    """The jobs of a batch, one by one, so that a hundred thousand take no more memory than one."""
    kind = kind_for(settings, tenant, kind_name)
    for item in items:
        yield _built(settings, tenant, kind, kind.check(item), unique_key=None, priority=priority, tags=tags, run_at=None, batch=batch)


def syncs_of(settings: Settings, tenant: str, erp: str, codes: Iterable[str], run_at: datetime) -> tuple[NewJob, ...]:
    """A sync for each kit that one of the tenant's systems names by its code there, each once; what can be no kit's code is left out."""
    sync = settings.tenants[tenant].sync
    known = Codes(sync.aliases, ignore_case=sync.ignore_case)
    names: dict[str, str] = {}
    for code in codes:
        name = known.ours(erp, code)
        names.setdefault(known.same(name), name)
    kind = kind_for(settings, tenant, SYNC)
    wanted = [{"kit": name} for name in names.values()]
    right = (each for each in wanted if not _judged(settings.tenants[tenant], kind, each)[1])
    return tuple(new_job(settings, tenant, SYNC, each, run_at=run_at) for each in right)


def _judged(tenant: Tenant, kind: Kind, arguments: object) -> tuple[dict[str, Any], tuple[Fault, ...]]:
    """What is right in the arguments, and every fault of them: by themselves, and over the tenant's settings."""
    right, faults = kind.look(arguments)
    if kind.erp or not isinstance(arguments, Mapping):
        return right, faults
    if kind.operation == "read":
        return right, (*faults, *look_faults(tenant, right))
    return right, (*faults, *side_faults(tenant, right, arguments.keys() - right.keys()))


def _other_source(erp: str, first: str) -> tuple[Fault, ...]:
    return () if erp == first else (Fault("source", f"is {erp}, and {first} in the items before: make a batch for each"),)


def _erp(tenant: Tenant, kind: Kind, arguments: Mapping[str, Any]) -> str:
    if kind.operation == "read" and not kind.erp:
        return places_of(tenant)[0]
    return kind.erp or source_of(tenant, arguments)


def _subject(tenant: Tenant, kind: Kind, arguments: dict[str, Any]) -> str | None:
    """What the job holds. A kit that has another code in the ERP of a direct kind is the same kit as everywhere else."""
    if not kind.erp or "kit" not in arguments or not tenant.sync.aliases:
        return kind.subject(arguments)
    codes = Codes(tenant.sync.aliases, ignore_case=tenant.sync.ignore_case)
    return kind.subject({**arguments, "kit": codes.ours(kind.erp, arguments["kit"])})


def _under(place: str, fault: Fault) -> Fault:
    joined = f"{place}{fault.path}" if fault.path.startswith("[") else f"{place}.{fault.path}"
    return Fault(joined if fault.path else place, fault.message)


def _built(
    settings: Settings,
    tenant: str,
    kind: Kind,
    arguments: dict[str, Any],
    *,
    unique_key: str | None,
    priority: int,
    tags: tuple[str, ...],
    run_at: datetime | None,
    batch: str | None,
) -> NewJob:
    home = settings.tenants[tenant]
    erp = _erp(home, kind, arguments)
    return NewJob(
        tenant=tenant,
        erp=erp,
        kind=kind.name,
        arguments=arguments,
        reference=kind.reference(arguments),
        subject=_subject(home, kind, arguments),
        max_attempts=kind.attempts or getattr(home, erp).retries.attempts,
        unique_key=unique_key,
        priority=priority or (kind.priority if batch is None else 0),  # many looks are bulk work like any
        tags=tags,
        run_at=run_at,
        batch=batch,
    )
