"""What stands between the source's side of a kit and each target's: a look's own comparison, or one of what is known. Pure.

What is known are quantities as they are compared. Where inner kits are taken apart for a target, only a look can compare.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

from webhooks.dashboard import words
from webhooks.dashboard.kits.sides import told

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from webhooks.dashboard.kits.sides import Line, Side
    from worker.settings import Sync

_HELD: Final = "held until it is forced"
_FEW: Final = 3
"""So many lines may go whatever their share."""


@dataclass(frozen=True, slots=True)
class Create:
    """A line that the target lacks."""

    component: str
    quantity: str
    unit: str


@dataclass(frozen=True, slots=True)
class Update:
    """A line that is other there: texts from what to what; empty where that is as it should be."""

    component: str
    line: str
    unit: str
    quantity: tuple[str, str] | None = None
    rank: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    """A line that the target has too much."""

    component: str
    line: str
    quantity: str
    unit: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """One target beside the source. `state`: `same`, `differs` or `not_compared`. `fresh`: a look compared them."""

    target: str
    state: str
    fresh: bool
    why: tuple[str, ...] = ()
    creates: tuple[Create, ...] = ()
    updates: tuple[Update, ...] = ()
    deletes: tuple[Delete, ...] = ()
    same: int = 0
    left_out: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many lines differ."""
        return len(self.creates) + len(self.updates) + len(self.deletes)

    @property
    def held(self) -> bool:
        """Whether a sync would stop before it deletes so many lines."""
        return any(_HELD in each for each in self.why)


def compared(sides: Sequence[Side], look: Mapping[str, Any] | None, sync: Sync, same: Callable[[str], str]) -> tuple[Comparison, ...]:
    """One for each target, in the order of the sides; none where no source is set."""
    source = next((side for side in sides if side.role == "source"), None)
    if source is None:
        return ()
    found = (look or {}).get("comparisons") or []
    looked = {str(each.get("target")): each for each in found if isinstance(each, dict)}
    return tuple(
        _of_look(looked[side.erp]) if side.erp in looked and source.fresh and side.fresh else _of_known(source, side, sync, same)
        for side in sides
        if side.role == "target"
    )


def _of_look(given: Mapping[str, Any]) -> Comparison:
    difference: Mapping[str, Any] = given.get("difference") or {}
    return Comparison(
        str(given["target"]),
        str(given.get("state") or "not_compared"),
        fresh=True,
        why=tuple(told(str(each)) for each in given.get("why") or ()),
        creates=tuple(
            Create(_word(each, "component"), _word(each, "quantity"), _word(each, "unit")) for each in _rows(difference, "create")
        ),
        updates=tuple(_update(each) for each in _rows(difference, "update")),
        deletes=tuple(
            Delete(_word(each, "component"), _word(each, "line"), _word(each, "quantity"), _word(each, "unit"))
            for each in _rows(difference, "delete")
        ),
        same=int(difference.get("same") or 0),
        left_out=tuple(_word(each, "component") for each in _rows(given, "left_out")),
    )


def _update(given: Mapping[str, Any]) -> Update:
    return Update(_word(given, "component"), _word(given, "line"), _word(given, "unit"), _turn(given, "quantity"), _turn(given, "rank"))


def _turn(given: Mapping[str, Any], name: str) -> tuple[str, str] | None:
    change = given.get(name)
    return (_word(change, "from"), _word(change, "to")) if isinstance(change, dict) else None


def _of_known(source: Side, target: Side, sync: Sync, same: Callable[[str], str]) -> Comparison:
    why = [_unfit(source, absent=False), _unfit(target, absent=True)]
    if not any(why) and sync.nested.get(target.erp) == "explode" and any(line.kit for line in source.lines):
        why = [f"kits in it are taken apart for {words.ERPS[target.erp]}: read now to compare"]
    if any(line.base_quantity is None for side in (source, target) for line in side.lines):
        why.append("a quantity can't be understood: see its note")
    if any(why):
        return Comparison(target.erp, "not_compared", fresh=False, why=tuple(filter(None, why)))
    return _lines_beside(source, target, sync, same)


def _unfit(side: Side, *, absent: bool) -> str:
    name = words.ERPS[side.erp]
    if side.readable or (absent and side.state == "absent"):
        return ""
    if side.state == "unknown":
        return f"{name} was not read yet, or has no such kit"
    if side.state == "absent":
        return f"there is no such kit in {name}"
    return f"{name} can't be compared" + (f": {side.trouble[0]}" if side.trouble else "")


def _lines_beside(source: Side, target: Side, sync: Sync, same: Callable[[str], str]) -> Comparison:
    wanted, there = _by_component(source, same), _by_component(target, same)
    creates, updates, left_out = [], [], []
    agree = 0
    for key, lines in wanted.items():
        first = lines[0]
        if key not in there and not first.stocked:
            left_out.append(first.component)
        elif key not in there:
            creates.append(Create(first.component, _text(_sum(lines)), first.base_unit))
        elif (change := _change(lines, there[key], sync.places)) is not None:
            updates.append(Update(first.component, there[key][0].id, first.base_unit, change))
        else:
            agree += 1
    extra = [line for key, lines in there.items() if key not in wanted for line in lines]
    deletes = tuple(Delete(line.component, line.id, line.base_quantity or "", line.base_unit) for line in extra)
    differs = bool(creates or updates or deletes) or not target.readable
    why = () if target.readable else (f"there is no such kit in {words.ERPS[target.erp]}",)
    if _too_many(len(deletes), len(creates), len(target.lines), sync.most_deletes):
        why = (f"{len(deletes)} of {len(target.lines)} lines would be deleted: {_HELD}, or the source is put right",)
    state = "differs" if differs else "same"
    return Comparison(
        target.erp,
        state,
        fresh=False,
        why=why,
        creates=tuple(creates),
        updates=tuple(updates),
        deletes=deletes,
        same=agree,
        left_out=tuple(left_out),
    )


def _too_many(gone: int, made: int, lines: int, share: float) -> bool:
    """Whether a sync would stop, as a look says it of what it has read."""
    return gone > 0 and ((gone == lines and made == 0) or (gone > _FEW and gone > share * lines))


def _by_component(side: Side, same: Callable[[str], str]) -> dict[str, list[Line]]:
    found: dict[str, list[Line]] = {}
    for line in sorted(side.lines, key=lambda each: each.rank):
        found.setdefault(same(line.component), []).append(line)
    return found


def _change(wanted: Sequence[Line], there: Sequence[Line], places: int) -> tuple[str, str] | None:
    """From what to what; None: they are the same."""
    before, after = _sum(there), _sum(wanted)
    units = (there[0].base_unit, wanted[0].base_unit)
    if units[0] != units[1]:
        return f"{_text(before)} {units[0]}".strip(), f"{_text(after)} {units[1]}".strip()
    return None if round(before, places) == round(after, places) else (_text(before), _text(after))


def _sum(lines: Sequence[Line]) -> Decimal:
    return sum((_number(line.base_quantity) for line in lines), Decimal(0))


def _number(text: str | None) -> Decimal:
    try:
        return Decimal(text or "0")
    except InvalidOperation:
        return Decimal(0)


def _text(value: Decimal) -> str:
    """A plain number without zeros at its end."""
    plain = f"{value:f}"
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def _rows(given: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    return [each for each in given.get(name) or () if isinstance(each, dict)]


def _word(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name)
    return "" if value is None else str(value)
