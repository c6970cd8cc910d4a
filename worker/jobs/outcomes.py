"""What a rule did with an event, element by element: kept with the delivery, so that people see why an order became a kit, or did not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from worker.errors import Fault
    from worker.jobs.verdicts import NewJob


@dataclass(frozen=True, slots=True)
class Made:
    """A job that does what was asked for: by its id. `duplicate`: it was there before."""

    job: str
    duplicate: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one rule did with one element (`item` counts from 0), or with the event as a whole (None).

    `made` has the checked `job`; `refused` says every fault with its place in the settings, `rules[2].with.quantity`; `skipped` says why.
    """

    rule: str
    kind: str
    state: Literal["made", "refused", "skipped"]
    item: int | None = None
    why: str | None = None
    faults: tuple[Fault, ...] = ()
    job: NewJob | None = None

    def view(self, made: Made | None = None) -> dict[str, Any]:
        """As JSON. `job` is the one that was made, or was there before by its unique key: then `duplicate` is true."""
        return {
            "rule": self.rule,
            "kind": self.kind,
            "state": self.state,
            "item": self.item,
            "why": self.why,
            "faults": [{"path": fault.path, "message": fault.message} for fault in self.faults],
            "job": None if made is None else made.job,
            "duplicate": made is not None and made.duplicate,
        }
