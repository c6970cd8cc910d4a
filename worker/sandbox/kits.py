"""Kits as the sandbox's owner sees them: the same words for every simulated ERP, whatever each calls them itself.

A kit: `{"code", "lines": [{"component", "quantity", "number", "unit"?, "id"}]}`. Quantities are decimal texts, for one kit.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

UNIT: Final = "Piece"
"""The unit of all generated components; the same text in every ERP."""
_MOST_EACH: Final = 12


class KitStore(Protocol):
    """The kits of one simulated ERP, past its API: as a person works in it. Nothing here counts as a call or an effect.

    Raises `ValueError` for an unknown company and for lines that this ERP can't hold.
    """

    def codes(self, company: str) -> list[str]:
        """The business codes of all kits, sorted."""

    def kit(self, company: str, code: str) -> dict[str, Any] | None:
        """The kit as it stands there now, its lines in order; None when there is none."""

    def put(self, company: str, code: str, lines: Sequence[dict[str, Any]], *, announce: bool = False, **more: Any) -> None:  # noqa: ANN401 - what only one ERP knows
        """The kit with these lines and no others: it and missing components are made. `announce`: the ERP tells about it, if it can.

        `lines` have come through `checked_lines`. A component that is a kit there is taken as that kit.
        """

    def remove(self, company: str, code: str) -> None:
        """The kit and its lines are gone; components stay."""


@dataclass(frozen=True, slots=True)
class Definition:
    """One generated kit."""

    code: str
    lines: tuple[dict[str, Any], ...]


def definitions(count: int, lines_each: int = 12, seed: int = 1) -> Iterator[Definition]:
    """So many kits, `KIT-00001` and on, of components `C-000001` and on, each at most once in a kit; the same for the same question."""
    pool = max(4 * lines_each, count)
    for number in range(1, count + 1):
        first = _part(seed, number, 0) % pool
        lines = tuple(
            {
                "component": f"C-{(first + place) % pool + 1:06}",
                "quantity": str(_part(seed, number, place + 1) % _MOST_EACH + 1),
                "number": place + 1,
                "unit": UNIT,
            }
            for place in range(lines_each)
        )
        yield Definition(f"KIT-{number:05}", lines)


def checked_lines(lines: object) -> list[dict[str, Any]]:
    """Lines as a store takes them: `component` a text, `quantity` a decimal text above 0, `number` a whole number, counted where absent.

    Other members stay as they are. Raises `ValueError` that names the line.
    """
    if not isinstance(lines, list):
        raise ValueError("lines: a list is expected")  # noqa: TRY004 - the control routes answer ValueError with 422
    return [_checked(line, place) for place, line in enumerate(lines, 1)]


def quantity_text(value: object) -> str:
    """A number without blanks, exponent or trailing zeros: `2`, `0.25`. Raises `ValueError`."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"{value!r} is no number") from None
    if not number.is_finite():
        raise ValueError(f"{value!r} is no number")
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _checked(line: object, place: int) -> dict[str, Any]:
    """One line."""
    if not isinstance(line, dict):
        raise ValueError(f"lines, {place}: an object is expected")  # noqa: TRY004 - as above
    component, number = line.get("component"), line.get("number", place)
    if not isinstance(component, str) or not component:
        raise ValueError(f"lines, {place}: component: a code is expected")
    if isinstance(number, bool) or not isinstance(number, int):
        raise ValueError(f"lines, {place}: number: a whole number is expected")  # noqa: TRY004 - as above
    quantity = quantity_text(line.get("quantity"))
    if Decimal(quantity) <= 0:
        raise ValueError(f"lines, {place}: quantity: a number above 0 is expected")
    return {**line, "component": component, "quantity": quantity, "number": number}


def _part(*question: int) -> int:
    """A whole number, always the same for the same question."""
    return int.from_bytes(blake2b("|".join(map(str, question)).encode(), digest_size=4).digest(), "big")
