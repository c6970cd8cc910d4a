"""What ItemPath shows, as frozen records in snake case.

Ids are upper-case UUIDs, padded at times (seen): they are kept as sent, without blanks, and compared by `key_of`.
`has_stock` is derived from stock: never compared, never sent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What every record has: its id."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KitLine(Record):
    """A line. `material_id` names a material or a kit, and nothing tells which; `quantity` of a kit multiplies what is in it.

    Lines inside a kit carry no `kit_id`; an older page shows `material_name` (documented).
    """

    kit_id: str | None = None
    material_id: str | None = None
    material_name: str | None = None
    number: int | None = None
    quantity: Decimal | None = None
    has_stock: bool | None = None
    target: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kit(Record):
    """A kit of any level. `lines` is None where the answer shows none at all, which is not the same as an empty kit."""

    name: str
    lines: tuple[KitLine, ...] | None = None
    has_stock: bool | None = None
    target: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Material(Record):
    """A material. `unit_of_measure` is free text such as Piece, lb or Pack."""

    name: str
    codes: tuple[str, ...] | None = None
    unit_of_measure: str | None = None
    info1: str | None = None
    info2: str | None = None
    info3: str | None = None
    info4: str | None = None
    info5: str | None = None
    is_blocked: bool | None = None
    block_reason: str | None = None
    current_quantity: Decimal | None = None
    value_per_unit: Decimal | None = None
    creation_date: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Record):
    """A call as ItemPath's own log has it. `endpoint` is verb and URL, `code` the HTTP status, `duration` milliseconds.

    Bodies may hold what others sent, passwords too: they are in no repr.
    """

    endpoint: str | None = None
    code: int | None = None
    creation_date: str | None = None
    duration: Decimal | None = None
    error: str | None = field(default=None, repr=False)
    body: object = field(default=None, repr=False)
    response: object = field(default=None, repr=False)
    username: str | None = None


def key_of(record_id: str) -> str:
    """An id as ids are compared: without blanks, in upper case."""
    return record_id.strip().upper()
