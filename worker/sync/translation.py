"""From a system's words to ours and back: codes by alias, quantities in one unit for each component."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from worker.errors import Fault, KitFault
from worker.kits.codes import Codes
from worker.kits.quantities import plain
from worker.kits.units import Units

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from worker.kits.model import Line, RemoteKit, RemoteLine
    from worker.settings import Sync

    Read = Callable[[str, str, Decimal, str | None], tuple[Decimal, str | None]]


@dataclass(frozen=True, slots=True)
class Translation:
    """The codes and units of one tenant."""

    codes: Codes
    units: Units

    def same(self, code: str) -> str:
        """What two codes of one thing have in common."""
        return self.codes.same(code)

    def ours(self, erp: str, kit: RemoteKit, *, target: bool = False) -> RemoteKit:
        """The kit in our words. Raises `KitFault` with every line that can't be understood.

        `target`: whatever number a line holds there is taken as it is: the sync may be what puts it right.
        """
        faults: list[Fault] = []
        lines = tuple(self._line(erp, kit.code, each, self._reading(each.line, target=target), faults) for each in kit.lines)
        if faults:
            raise KitFault("validation", tuple(faults))
        return replace(kit, code=self.codes.ours(erp, kit.code), lines=lines)

    def theirs(self, erp: str, codes: Iterable[str]) -> dict[str, str]:
        """Their codes, by ours."""
        return {code: self.codes.theirs(erp, code) for code in codes}

    def quantity_there(self, erp: str, line: Line, quantity: Decimal, unit: str | None) -> Decimal:
        """A quantity of ours in the unit that the system has for this component. Raises `KitFault`."""
        return Decimal(plain(self.units.into(erp, line.component, quantity, line.unit, unit)))

    def _reading(self, line: Line, *, target: bool) -> Read:
        """Half an hour of labour may well be half a piece: what is not kept in stock can be split."""
        return self.units.as_read if target or not line.stocked else self.units.canonical

    def _line(self, erp: str, kit: str, remote: RemoteLine, read: Read, faults: list[Fault]) -> RemoteLine:
        line = remote.line
        component = self.codes.ours(erp, line.component)
        try:
            quantity, unit = read(erp, component, line.quantity, line.unit)
        except KitFault as fault:
            faults += [Fault(f"{erp}: {kit}", str(each)) for each in fault.faults]
            return remote
        return replace(remote, line=replace(line, component=component, quantity=Decimal(plain(quantity)), unit=unit))


def translation_of(sync: Sync) -> Translation:
    """What the settings say of codes and units."""
    codes = Codes(sync.aliases, ignore_case=sync.ignore_case)
    return Translation(codes, Units(sync.units, sync.whole_units, places=sync.places, same=codes.same))
