"""Whether a kit component shows what was asked for. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.clients.intacct.records import KitComponent

WRITABLE: Final = ("number_of_units", "revenue_percentage", "default_delivery_status", "default_deferral_status", "line_number")
_NUMBERS: Final = ("number_of_units", "revenue_percentage")


def wanted_of(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The fields to write, of a job's arguments; numbers exact."""
    given = {name: arguments[name] for name in WRITABLE if arguments.get(name) is not None}
    return {name: exact(value) if name in _NUMBERS else value for name, value in given.items()}


def unseen(wanted: Mapping[str, Any], shown: KitComponent) -> list[str]:
    """The names of the fields that do not show what was asked for."""
    return [name for name, value in wanted.items() if getattr(shown, name) != value]


def exact(value: object) -> Decimal:
    """The number as it is printed."""
    return Decimal(repr(value) if isinstance(value, float) else str(value))
