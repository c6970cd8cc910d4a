"""Filters of ItemPath's lists, as pairs in their order: a range repeats the key, so a dict would lose half of it (documented). Pure.

>>> pairs(KitLineFilter(kit_id="5B5F", quantity=(above(0), below(10))), limit=20)
[('kitId', '5B5F'), ('quantity', '[gt]0'), ('quantity', '[lt]10'), ('limit', '20'), ('page', '0')]
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from typing import Final, Literal, get_args
from urllib.parse import urlencode

from worker.clients.itempath.fields import their_name

MOST: Final = 1000
"""The largest page (documented: 1 to 1000)."""

Operator = Literal["", "[or]", "[nor]", "[not]", "[gt]", "[lt]", "[like]", "[notlike]"]
OPERATORS: Final = get_args(Operator)[1:]
"""All but none. People write each of them (`kit-lines list`); what we ask ourselves is below."""

Value = str | int | bool | Decimal | date
"""`datetime` is a `date`, too. Times are ItemPath's own clock, whose zone nobody documents: an offset is not written."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One operator with its value; lists are joined by semicolons already."""

    operator: Operator
    text: str

    def __str__(self) -> str:
        return f"{self.operator}{self.text}"


Asked = Value | Condition | tuple[Condition, ...] | None
"""What a field is asked for: a value it equals, a condition, or several that all hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KitLineFilter:
    """Every filter of kit lines (documented)."""

    id: Asked = None
    has_stock: Asked = None
    kit_id: Asked = None
    material_id: Asked = None
    number: Asked = None
    quantity: Asked = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KitFilter:
    """Filters of kits: the name is documented, the others are its attributes (inferred)."""

    id: Asked = None
    name: Asked = None
    has_stock: Asked = None
    target: Asked = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MaterialFilter:
    """Filters of materials: attributes that its page documents."""

    id: Asked = None
    name: Asked = None
    codes: Asked = None
    unit_of_measure: Asked = None
    info1: Asked = None
    info2: Asked = None
    info3: Asked = None
    info4: Asked = None
    info5: Asked = None
    is_blocked: Asked = None
    block_reason: Asked = None
    current_quantity: Asked = None
    net_quantity: Asked = None
    pick_quantity: Asked = None
    put_quantity: Asked = None
    expected_quantity: Asked = None
    current_value: Asked = None
    value_per_unit: Asked = None
    weight_per_unit: Asked = None
    re_order_point: Asked = None
    can_order_point: Asked = None
    material_property_id: Asked = None
    is_counted: Asked = None
    location_count: Asked = None
    creation_date: Asked = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFilter:
    """Every filter of the call log (documented)."""

    code: Asked = None
    creation_date: Asked = None
    endpoint: Asked = None
    user_id: Asked = None


Filter = KitLineFilter | KitFilter | MaterialFilter | CallFilter


def any_of(*values: Value) -> Condition:
    """One of these. A semicolon inside a value would split it: `ValueError`."""
    return Condition("[or]", _joined(values))


def above(value: Value) -> Condition:
    """Greater, strictly: there is no greater-or-equal (documented)."""
    return Condition("[gt]", text_of(value))


def below(value: Value) -> Condition:
    """Less, strictly."""
    return Condition("[lt]", text_of(value))


def like(text: str) -> Condition:
    """Holds this text."""
    return Condition("[like]", text_of(text))


def pairs(
    wanted: Filter, *, limit: int = MOST, page: int = 0, order_by: str | tuple[str, ...] | None = None, count_only: bool = False
) -> list[tuple[str, str]]:
    """The query. `limit` and the zero-based `page` are always sent: without them, older installations answer everything at once.

    `order_by` names our fields or theirs. Raises `ValueError` for what ItemPath could misread.
    """
    if not 1 <= limit <= MOST:
        raise ValueError(f"limit must be from 1 to {MOST}")
    if page < 0:
        raise ValueError("page must not be below 0")
    found = [(their_name(field.name), text) for field in fields(wanted) for text in _texts(getattr(wanted, field.name))]
    if count_only:
        found.append(("countOnly", "true"))
    found += [("limit", str(limit)), ("page", str(page))]
    if order_by:
        names = (order_by,) if isinstance(order_by, str) else order_by
        found.append(("orderBy", ",".join(their_name(name) for name in names)))
    return found


def query_of(asked: list[tuple[str, str]]) -> str:
    """The pairs as a query string, encoded: brackets and semicolons too."""
    return urlencode(asked)


def text_of(value: Value) -> str:
    """A value as ItemPath's filters write it. Raises `ValueError` for blank text, which would ask for everything."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%f")
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError("must be a finite number")
        return f"{value:f}"
    text = value.isoformat() if isinstance(value, date) else str(value)
    if not text.strip():
        raise ValueError("a blank value would filter nothing")
    return text


def _texts(asked: Asked) -> list[str]:
    if asked is None:
        return []
    if isinstance(asked, tuple):
        return [str(condition) for condition in asked]
    if isinstance(asked, Condition):
        return [str(asked)]
    text = text_of(asked)
    if text.lstrip().lower().startswith(OPERATORS):
        raise ValueError(f"{text[:40]!r} would be read as an operator")
    return [text]


def _joined(values: tuple[Value, ...]) -> str:
    texts = [text_of(value) for value in values]
    if not texts:
        raise ValueError("needs at least one value")
    if split := next((text for text in texts if ";" in text), None):
        raise ValueError(f"{split[:40]!r} holds a semicolon, which parts the values of a list")
    return ";".join(texts)
