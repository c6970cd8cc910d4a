"""What a sync needs of a system that holds kits: the same few questions and one kind of order, whichever ERP it is.

One adapter for each ERP (`worker.sync.visma`, `.itempath`, `.intacct`); what differs between them is said here as facts, not asked by name.
All methods raise the tree of `worker.errors.CallError` for reads that fail; `write` never raises it, since part may be done.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from worker.errors import CallError
    from worker.kits.model import Item, RemoteKit, Write

Numbering = Literal["own", "unique", "pushing"]
"""How a system numbers its lines: `own`: chooses and never changes it (Visma); `unique`: any free number, a taken one may be refused
(ItemPath); `pushing`: a taken number renumbers the others (Intacct)."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What is true of a system.

    `imports`: a write is accepted first and shows only later (Power Pick). `stock_only`: holds physical things only. `numbering`: see
    there. `most_code`: characters of an item's code at most. `stockable_in_stockable_only`: a stockable kit takes no plain kit (Intacct).
    `shares_revenue`: its lines have a share of the kit's revenue (Intacct).
    `makes_kits`: how a kit that is missing can be made: not at all, empty, or by the order of its lines (`RemoteKit.id` is empty then).
    `import_timeout`, `second_look`: seconds.
    """

    erp: str
    imports: bool
    stock_only: bool
    numbering: Numbering
    most_code: int
    stockable_in_stockable_only: bool = False
    shares_revenue: bool = False
    makes_kits: Literal["no", "empty", "with_lines"] = "no"
    import_timeout: float = 600.0
    second_look: float = 120.0


@dataclass(frozen=True, slots=True)
class KitPage:
    """Some of all kits, with what to give for the next page; None: it was the last. `cursor` is JSON."""

    kits: tuple[RemoteKit, ...]
    cursor: Any = None


@dataclass(frozen=True, slots=True)
class Sent:
    """One write as it was sent. JSON by `dataclasses.asdict`: a job remembers it.

    `outcome`: accepted (the system said yes), refused, unclear (it may have run), unsent (nothing reached it: free to send again).
    `line`: the system's id of the line, where it is known. `at`: epoch seconds.
    """

    write: Literal["create", "update", "delete"]
    component: str
    outcome: Literal["accepted", "refused", "unclear", "unsent"]
    at: float
    line: str | None = None
    quantity: str | None = None
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What became of an order. Writes stop at the first that is not accepted: `error` says why, the rest was not sent.

    `operation`: the ERP works on it in the background (Visma): its id there. `spent`: the same order would get the same answer again,
    without effect, until it goes out under another generation (a stored answer of Intacct's).
    """

    sent: tuple[Sent, ...] = ()
    error: CallError | None = None
    operation: str | None = None
    spent: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """What to write: the kit as it was read, the writes in their order, and the target's items by code.

    `job` is our job's id, `generation` how often it was begun: for idempotency keys and background headers. `most` writes at most go
    out; the rest is ordered again after the next reading.
    """

    job: str
    kit: RemoteKit
    writes: Sequence[Write]
    items: Mapping[str, Item]
    generation: int = 0
    most: int = 200
    extras: Mapping[str, Any] = field(default_factory=dict)


class KitSystem(Protocol):
    """One tenant's kits in one ERP. Threads share it."""

    traits: Traits

    def read(self, codes: Collection[str], revision: str | None = None) -> dict[str, RemoteKit]:
        """The kits with these business codes as they stand now, by code; those that do not exist are left out. As few calls as can be."""

    def page(self, cursor: Any) -> KitPage:  # noqa: ANN401 - JSON of the adapter's own; None asks for the first page
        """All kits, some at a time."""

    def items(self, codes: Collection[str]) -> dict[str, Item]:
        """What may be a component, by business code; those that do not exist are left out."""

    def create_kit(self, code: str, job: str, generation: int) -> None:
        """Make a kit without lines, for `create_missing`. Raises `CallError`; `Rejected` where the system can't."""

    def create_item(self, item: Item, job: str, generation: int) -> None:
        """Make a material, likewise."""

    def write(self, order: Order) -> Written:
        """Send the writes one by one (or as one, where the system can), in their order. Never raises for what an ERP does."""

    def operation_done(self, operation: str) -> CallError | bool:
        """Whether a background operation has ended: False while it is at it; an error when it ended badly. True where there are none."""

    def happened(self, sent: Sequence[Sent], kit: RemoteKit) -> list[bool | None]:
        """For each unclear write whether it ran, as far as the system can tell by other means than the kit itself; None: it can't."""
