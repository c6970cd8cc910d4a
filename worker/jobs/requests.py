"""From what a caller asks for to a job that may be made: checked, with all faults at once. Used by the API and the command line alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker.errors import Fault, InvalidArguments
from worker.jobs.verdicts import NewJob
from worker.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from worker.kinds import Kind
    from worker.settings import Settings

MOST_FAULTS = 200
"""A file with more bad rows than this names the first ones."""


def kind_for(settings: Settings, tenant: str, name: str) -> Kind:
    """The kind, if there is one of that name and the tenant has the connection that it needs. Raises `InvalidArguments`."""
    faults = []
    kind = KINDS.get(name)
    if kind is None:
        faults.append(Fault("kind", f"there is no kind {name!r}; there are {', '.join(KINDS)}"))
    found = settings.tenants.get(tenant)
    if found is None:
        faults.append(Fault("tenant", f"there is no tenant {tenant!r}"))
    if kind is not None and found is not None and kind.erp not in found.erps():
        faults.append(Fault("tenant", f"{tenant} has no connection to {kind.erp}"))
    if faults or kind is None:
        raise InvalidArguments(tuple(faults))
    return kind


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
    try:
        checked = kind.check(arguments)
    except InvalidArguments as error:
        raise InvalidArguments(tuple(_under("arguments", fault) for fault in error.faults)) from error
    return _built(settings, tenant, kind, checked, unique_key=unique_key, priority=priority, tags=tags, run_at=run_at, batch=batch)


def check_items(settings: Settings, tenant: str, kind_name: str, items: Iterable[object]) -> int:
    """Look at every item before any is stored; how many there are.

    Raises `InvalidArguments` with each bad one's place, `items[3].ref_no`.
    """
    kind = kind_for(settings, tenant, kind_name)
    faults: list[Fault] = []
    count = 0
    for count, item in enumerate(items, start=1):
        if len(faults) < MOST_FAULTS:
            faults.extend(_item_faults(kind, item, count - 1))
    if not count:
        faults.append(Fault("items", "there are none"))
    if faults:
        raise InvalidArguments(tuple(faults[:MOST_FAULTS]))
    return count


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


def _item_faults(kind: Kind, item: object, index: int) -> list[Fault]:
    try:
        kind.check(item)
    except InvalidArguments as error:
        return [_under(f"items[{index}]", fault) for fault in error.faults]
    return []


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
    connection = getattr(settings.tenants[tenant], kind.erp)
    return NewJob(
        tenant=tenant,
        erp=kind.erp,
        kind=kind.name,
        arguments=arguments,
        reference=kind.reference(arguments),
        subject=kind.subject(arguments),
        max_attempts=connection.retries.attempts,
        unique_key=unique_key,
        priority=priority,
        tags=tags,
        run_at=run_at,
        batch=batch,
    )
