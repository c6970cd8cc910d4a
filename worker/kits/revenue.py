"""Revenue percentages of a kit's lines (Intacct posts a kit's revenue by component): shares that make exactly 100, and those of leaves."""

from __future__ import annotations

from collections import Counter
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from functools import reduce
from typing import TYPE_CHECKING, Final, Literal

from worker.errors import Fault, KitFault
from worker.kits.quantities import ONE, ZERO, minus, over, plus, quantised, times

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from worker.kits.model import Line

Policy = Literal["omit", "equal", "by_cost", "from_table"]
HUNDRED: Final = Decimal(100)
PLACES: Final = 2


def shares(
    policy: Policy,
    lines: Sequence[Line],
    costs: Mapping[str, Decimal],
    table: Mapping[str, Decimal],
    same: Callable[[str], str],
) -> dict[int, Decimal] | None:
    """The percentage of each line by its rank, exactly 100 in all; None where the policy leaves them out, or there are no lines.

    `equal`; `by_cost`: by quantity times cost; `from_table`: by the component's entry, lines of one component sharing it. Costs and entries
    are weights: only their proportion counts, since one table serves kits of different components. Raises `KitFault`, naming every
    component that has none. Ranks are distinct.
    """
    if policy == "omit" or not lines:
        return None
    return hundred(_weights(policy, lines, costs, table, same))


def hundred(weights: Mapping[int, Decimal]) -> dict[int, Decimal]:
    """Weights by rank as percentages with two places; what rounding leaves goes to the largest, the lowest rank of several."""
    total = _total(weights.values())
    if total <= ZERO:
        raise KitFault("validation", (Fault("revenue", "there is nothing to share revenue by: all weights are zero"),))
    largest = max(weights, key=lambda rank: (weights[rank], -rank))
    exact = {rank: over(times(HUNDRED, weight), total) for rank, weight in weights.items()}
    for rounding in (ROUND_HALF_EVEN, ROUND_DOWN):  # very many lines rounded up could leave less than nothing for the largest
        rounded = {rank: quantised(each, PLACES, rounding) for rank, each in exact.items()}
        rounded[largest] = plus(rounded[largest], minus(HUNDRED, _total(rounded.values())))
        if rounded[largest] >= ZERO:
            break
    return rounded


def total_off(percentages: Iterable[Decimal]) -> Decimal | None:
    """The present total of a kit's percentages if it is not 100; None if it is, or if no line has any."""
    present = list(percentages)
    total = _total(present)
    return None if not present or total == HUNDRED else total


def _weights(
    policy: Policy,
    lines: Sequence[Line],
    costs: Mapping[str, Decimal],
    table: Mapping[str, Decimal],
    same: Callable[[str], str],
) -> dict[int, Decimal]:
    if policy == "equal":
        return {line.rank: ONE for line in lines}
    given, word = (costs, "cost") if policy == "by_cost" else (table, "revenue percentage")
    known = {same(code): weight for code, weight in given.items()}
    _check(lines, known, word, same)
    if policy == "by_cost":
        return {line.rank: times(line.quantity, known[same(line.component)]) for line in lines}
    often = Counter(same(line.component) for line in lines)
    return {line.rank: over(known[same(line.component)], Decimal(often[same(line.component)])) for line in lines}


def _check(lines: Sequence[Line], known: Mapping[str, Decimal], word: str, same: Callable[[str], str]) -> None:
    faults: dict[str, Fault] = {}
    for line in lines:
        weight = known.get(same(line.component))
        if weight is None:
            faults[line.component] = Fault(line.component, f"it has no {word} to share revenue by")
        elif not weight.is_finite() or weight < ZERO:
            faults[line.component] = Fault(line.component, f"its {word} {weight} can't be shared by")
    if faults:
        raise KitFault("validation", tuple(faults.values()))


def _total(numbers: Iterable[Decimal]) -> Decimal:
    return reduce(plus, numbers, ZERO)
