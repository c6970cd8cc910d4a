"""Units of measure: each quantity in the base unit of its component, so that two systems' numbers can be compared.

A text without a rule is a unit of its own. Factor 1 is never assumed between two texts that differ; texts that differ in case or blanks
alone are one. Where a system shows no unit, its number is taken as being in the base unit: no texts differ.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, NoReturn

from worker.errors import Fault, KitFault
from worker.kits.codes import upper
from worker.kits.quantities import ONE, ZERO, is_whole, over, plain, quantised, times, why_not

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from decimal import Decimal

    from worker.settings import UnitRule


def normal(unit: str | None) -> str | None:
    """A unit's text in upper case with single blanks; None for none and for blanks alone."""
    if unit is None:
        return None
    text = unicodedata.normalize("NFC", unicodedata.normalize("NFC", " ".join(unit.split())).upper())
    return text or None


class Units:
    """Translates quantities by one tenant's rules.

    `whole_units` can't be split. `places`: decimal places that quantities are compared to and written with. `same` compares items.
    Of two rules for one text the first holds.
    """

    def __init__(
        self,
        rules: Sequence[UnitRule],
        whole_units: Collection[str],
        *,
        places: int = 6,
        same: Callable[[str], str] = upper,
    ) -> None:
        self._places = places
        self._same = same
        self._whole = {normal(unit) for unit in whole_units} - {None}
        self._rules: dict[tuple[str, str | None, str | None], tuple[str | None, Decimal]] = {}
        for rule in rules:
            item = None if rule.item is None else same(rule.item)
            self._rules.setdefault((rule.erp, item, normal(rule.unit)), (normal(rule.base), rule.factor))

    def canonical(self, erp: str, item: str, quantity: Decimal, unit: str | None) -> tuple[Decimal, str | None]:
        """Quantity and unit as they are compared. No unit stays None: the item's base unit. Raises `KitFault`."""
        self._check(item, quantity)
        base, factor = self._rule(erp, item, normal(unit))
        result = times(quantity, factor)
        self._check(item, result)
        rounded = quantised(result, self._places)
        if base not in self._whole:
            return result, base
        if not is_whole(rounded):
            _refuse(item, f"{plain(quantity)} {unit} is {plain(rounded)} {base}, and {base} can't be split")
        return rounded, base

    def as_read(self, erp: str, item: str, quantity: Decimal, unit: str | None) -> tuple[Decimal, str | None]:
        """Likewise, for a line that stands in a target: whatever number it holds is shown, since a sync may be what corrects it."""
        if not quantity.is_finite():
            _refuse(item, f"the quantity {quantity} is no number")
        base, factor = self._rule(erp, item, normal(unit))
        return times(quantity, factor), base

    def into(self, erp: str, item: str, quantity: Decimal, canonical_unit: str | None, unit_there: str | None) -> Decimal:
        """The number to write in `erp`, where the item counts in `unit_there`: it says exactly the same to `places`, or `KitFault`."""
        self._check(item, quantity)
        wanted, there = normal(canonical_unit), normal(unit_there)
        base, factor = self._rule(erp, item, there)
        if wanted is not None and base is not None and wanted != base:
            _refuse(item, f"it counts in {wanted}, and in {there} in {erp}: no unit rule says what one is in the other")
        exact = quantised(quantity, self._places)
        result = quantised(over(exact, factor), self._places)
        shown = f"{plain(exact)} {wanted or base or ''}".rstrip()
        if times(result, factor) != exact:
            _refuse(item, f"{shown} can't be written exactly in {there} of {plain(factor)} with {self._places} decimal places")
        if (there or wanted) in self._whole and not is_whole(result):
            _refuse(item, f"{shown} is {plain(result)} {there or wanted} in {erp}, which can't be split")
        return result

    def _rule(self, erp: str, item: str, unit: str | None) -> tuple[str | None, Decimal]:
        if unit is None:
            return None, ONE
        own = self._rules.get((erp, self._same(item), unit))
        base, factor = own or self._rules.get((erp, None, unit)) or (unit, ONE)
        if not factor.is_finite() or factor <= ZERO:
            _refuse(item, f"the unit rule for {unit} in {erp} has the factor {factor}")
        return base, factor

    def _check(self, item: str, quantity: Decimal) -> None:
        reason = why_not(quantity)
        if reason is None and not quantised(quantity, self._places):
            reason = f"the quantity {plain(quantity)} is zero to {self._places} decimal places"
        if reason is not None:
            _refuse(item, reason)


def _refuse(item: str, message: str) -> NoReturn:
    raise KitFault("validation", (Fault(item, message),))
