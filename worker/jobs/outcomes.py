"""What a rule did with an event, element by element: kept with the delivery, so that people see why an order became a kit, or did not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from worker.errors import Fault
    from worker.jobs.verdicts import NewJob


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

    def view(self, job: str | None = None, *, duplicate: bool = False) -> dict[str, Any]:
        """As JSON. `job` is the id of the one that was made; with `duplicate` it was there before, by its unique key."""
        return {
            "rule": self.rule,
            "kind": self.kind,
            "state": self.state,
            "item": self.item,
            "why": self.why,
            "faults": [{"path": fault.path, "message": fault.message} for fault in self.faults],
            "job": job,
            "duplicate": duplicate,
        }
