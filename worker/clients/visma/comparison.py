"""What of a write the document does not show (yet). Pure.

Visma may write values in its own way: ids in capitals, quantities cut to the company's decimals, a period with the year first or last, a
date as its midnight. Such differences are none (inferred from the platform beneath Visma).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, Final

from worker.clients.visma.fields import exact
from worker.clients.visma.records import Allocation, KitAssembly, KitAssemblyStatus, NonStockLine, Record, StockLine
from worker.clients.visma.times import parse_time

Fields = Mapping[str, Any]
Same = Callable[[Any, Any], bool]
FEWEST_PLACES: Final = 2
WIDE: Final = Context(prec=100)
NOT_SHOWN: Final = frozenset({"operation", "line_nbr", "release"})


def unseen(fields: Fields, document: KitAssembly | KitAssemblyStatus) -> tuple[str, ...]:
    """Paths of the written snake-case fields that the document does not show, such as `stock_component_lines[0].quantity`.

    What a list tells of a document shows no lines and no link.
    """
    return tuple(_unseen(fields, document))


def _unseen(fields: Fields, document: KitAssembly | KitAssemblyStatus) -> Iterator[str]:
    for name, written in fields.items():
        if name in _LISTS:
            yield from _unseen_lines(name, written, _LISTS[name](document) if isinstance(document, KitAssembly) else ())
        elif name == "kit_assembly_link":
            yield from () if _linked(written, getattr(document, "sales_order_link", None)) else (name,)
        elif name not in NOT_SHOWN and not _shows(name, written, document):
            yield name


def _unseen_lines(path: str, written: Iterable[Fields], shown: Sequence[Record]) -> Iterator[str]:
    """Each written line finds its own line in the document: by number, else by what it says."""
    left = list(shown)
    for index, line in sorted(enumerate(written), key=lambda pair: "line_nbr" not in pair[1]):
        place = f"{path}[{index}]"
        numbered = next((one for one in left if _number_of(one) == line.get("line_nbr") is not None), None)
        if line.get("operation") == "Delete":
            yield from (place,) if numbered is not None else ()
            continue
        found = numbered if numbered is not None and _is_that(line, numbered) else _best(line, left)
        if found is None:
            yield place
            continue
        left = [one for one in left if one is not found]
        yield from _unseen_values(place, line, found)


def _is_that(line: Fields, shown: Record) -> bool:
    """A number given to a new line is a wish; that of a line to change is its name."""
    return line.get("operation") != "Insert" or not any(_unseen_values("", line, shown))


def _best(line: Fields, left: Sequence[Record]) -> Record | None:
    """The line to hold a new one against: one that shows all of it, else one of the same item. None for a line known by its number."""
    if "line_nbr" in line and line.get("operation") != "Insert":
        return None
    alike = [one for one in left if "item_id" not in line or not hasattr(one, "item_id") or _shows("item_id", line["item_id"], one)]
    whole = (one for one in alike if not any(_unseen_values("", line, one)))
    named = (one for one in alike if "item_id" in line and hasattr(one, "item_id"))
    return next(whole, None) or next(named, None)


def _unseen_values(place: str, line: Fields, shown: Record) -> Iterator[str]:
    for name, written in line.items():
        if name == "stock_component_line_allocations":
            yield from _unseen_lines(f"{place}.{name}", written, getattr(shown, "allocations", None) or ())
        elif name not in NOT_SHOWN and hasattr(shown, name) and not _shows(name, written, shown):
            yield f"{place}.{name}"


def _shows(name: str, written: object, shown: Record | KitAssemblyStatus) -> bool:
    value = getattr(shown, name, None)
    if name == "location" and isinstance(shown, Allocation):
        value = shown.location.id if shown.location else None
    if value is None or written is None:
        return written in (None, "") and value in (None, "")
    return _SAME.get(name, _same_text)(written, value)


def _same_text(written: object, value: object) -> bool:
    return str(written).strip() == str(value).strip()


def _same_id(written: object, value: object) -> bool:
    return str(written).strip().upper() == str(value).strip().upper()


def _same_number(written: object, value: Decimal) -> bool:
    """Equal, once what was written is rounded to the decimals that Visma shows, though never to fewer than two."""
    asked, exponent = exact(written), value.as_tuple().exponent
    places = max(-exponent if isinstance(exponent, int) else 0, FEWEST_PLACES)
    return asked == value or asked.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP, WIDE) == value


def _same_day(written: str, value: str) -> bool:
    """The same instant where both name a zone; else the same reading of the clock; a date alone has no clock."""
    try:
        (asked, asked_zone), (shown, shown_zone) = parse_time(written), parse_time(value)
    except ValueError:
        return _same_text(written, value)
    if asked_zone and shown_zone:
        return asked == shown
    asked, shown = asked.replace(tzinfo=None), shown.replace(tzinfo=None)
    return asked == shown or ("T" not in written and " " not in written.strip() and asked.date() == shown.date())


def _same_period(written: object, value: object) -> bool:
    asked, shown = _digits(written), _digits(value)
    return asked == shown or (len(asked) == len(shown) == len("YYYYMM") and shown in (asked[4:] + asked[:4], asked[2:] + asked[:2]))


def _digits(text: object) -> str:
    return "".join(letter for letter in str(text) if letter.isdigit())


def _linked(written: Fields, link: str | None) -> bool:
    """The link is read as one text of undocumented form: it shows ours if it holds the order's number."""
    number = str(written.get("order_number") or "").strip().upper()
    return bool(link) and number in str(link).upper()


def _number_of(line: Record) -> int | None:
    return getattr(line, "line_nbr", None)


def _allocations(document: KitAssembly) -> tuple[Allocation, ...]:
    return tuple(allocation for line in document.stock_component_lines or () for allocation in line.allocations or ())


def _stock(document: KitAssembly) -> tuple[StockLine, ...]:
    return document.stock_component_lines or ()


def _non_stock(document: KitAssembly) -> tuple[NonStockLine, ...]:
    return document.non_stock_component_lines or ()


def _kit(document: KitAssembly) -> tuple[Allocation, ...]:
    return document.kit_allocations or ()


_LISTS: Final[dict[str, Callable[[KitAssembly], Sequence[Record]]]] = {
    "stock_component_lines": _stock,
    "non_stock_component_lines": _non_stock,
    "stock_component_allocations": _allocations,
    "kit_allocations": _kit,
}
_IDS: Final = ("type", "ref_no", "item_id", "revision", "reason_code", "warehouse", "location", "uom", "lot_serial_number")
_SAME: Final[dict[str, Same]] = {
    **dict.fromkeys(_IDS, _same_id),
    "quantity": _same_number,
    "unit_cost": _same_number,
    "date": _same_day,
    "expiration_date": _same_day,
    "post_period": _same_period,
}
