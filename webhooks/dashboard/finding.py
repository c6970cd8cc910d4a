"""What the pages of lists have in common: the tenants to choose from, and a page of what a filter finds, or what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from webhooks.api.access import sees
from worker.errors import InvalidArguments

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping

    from webhooks.dashboard.visiting import Visit

NOTHING: Final[Mapping[str, Any]] = {"items": (), "next": None}


def tenants(visit: Visit) -> list[str]:
    """The tenants to choose from."""
    return [name for name in sorted(visit.api.settings.tenants) if sees(visit.key, name)]


def found(visit: Visit, query: Iterable[tuple[str, str]], ask: Callable[[], Mapping[str, Any]]) -> tuple[Mapping[str, Any], dict[str, str]]:
    """What `ask` gives, and no fault; or nothing, and what is wrong with the filter, by its fields.

    A tenant that this key does not see is told as a fault of its field: the API would say that nothing is there.
    """
    tenant = dict(query).get("tenant")
    if tenant is not None and not sees(visit.key, tenant):
        return NOTHING, {"tenant": "there is no such tenant"}
    try:
        return ask(), {}
    except InvalidArguments as error:
        return NOTHING, {fault.path: fault.message for fault in error.faults}


def beside_none(faults: Mapping[str, str], fields: Container[str]) -> list[dict[str, str]]:
    """The faults that no field of the form stands for: they are said above it."""
    return [{"path": name, "message": message} for name, message in faults.items() if name not in fields]
