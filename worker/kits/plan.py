"""The order of writes that makes a target's kit the wanted one: updates, creates, deletes last, so that it is never empty on the way."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final, Literal

from worker.kits.model import DeleteLine
from worker.kits.numbering import Step, pushing, unique, without_numbers
from worker.kits.quantities import times

if TYPE_CHECKING:
    from worker.kits.difference import Difference
    from worker.kits.model import RemoteKit, Write

FEW_DELETES: Final = 3
"""So many deletes are never held back, however large their share."""


def plan(difference: Difference, have: RemoteKit, *, numbering: Literal["own", "unique", "pushing"], order: bool) -> tuple[Write, ...]:
    """The writes, in the order to send them one by one.

    Numbers are written only where `order` is kept in step and the system takes them: `own` never gets one, so its order stays as it is.
    With `pushing`, creates stand among the updates where the numbers say so. The difference was made of `have`, with the same `order`.
    """
    if difference.same + len(difference.updates) + len(difference.deletes) != len(have.lines):
        raise ValueError(f"the difference is not one of kit {have.code} as it stands")
    steps = _steps(difference)
    deletes = [DeleteLine(remote) for remote in difference.deletes]
    if numbering == "own" or not order or not _disturbs_order(difference):
        return (*without_numbers(steps), *deletes)
    numbered = unique if numbering == "unique" else pushing
    return (*numbered(steps, difference.deletes), *deletes)


def too_many_deletes(difference: Difference, have: RemoteKit, share: float) -> bool:
    """Whether a person should look first: more than `share` of the lines and more than three would go, or the source came back empty."""
    deletes = len(difference.deletes)
    if have.lines and deletes == len(have.lines) and not difference.creates:
        return True
    return deletes > FEW_DELETES and deletes > times(Decimal(str(share)), Decimal(len(have.lines)))


def _disturbs_order(difference: Difference) -> bool:
    return bool(difference.creates) or any(change.rank is not None for change in difference.updates)


def _steps(difference: Difference) -> list[Step]:
    """Every line that the kit is to have, in its order."""
    steps = [
        *(Step(line) for line in difference.creates),
        *(Step(change.line, change.remote, change.quantity) for change in difference.updates),
        *(Step(pair.line, pair.remote) for pair in difference.kept),
    ]
    return sorted(steps, key=lambda step: step.line.rank)
