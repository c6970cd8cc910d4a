"""The kit as our own word: what a kit consists of, in whatever system; and what one system knows of it besides. Frozen records.

A recipe is a definition, never a document: quantities are for one kit. `mapping` of the three systems' words:

    Visma kit specification line    ItemPath kit line    Intacct kit component    here
    componentID                     material or kit      component.id             component
    componentQty (per kit)          quantity             numberOfUnits            quantity
    uom                             the material's       the component's          unit
    lineNbr                         number               lineNumber               rank (order), number (as it stands there)
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - tools that read the records resolve their annotations
from dataclasses import dataclass, field
from decimal import Decimal  # noqa: TC003 - likewise
from typing import Any, Literal

ItemType = Literal["item", "kit", "stockable_kit"]
"""`item`: taken apart no further; `kit`: keeps no stock of its own; `stockable_kit`: built and kept in stock (Intacct's word)."""


@dataclass(frozen=True, slots=True)
class Line:
    """One component of a kit.

    `component` is the business code, normalised (`worker.kits.codes`). `quantity` is for one kit, above zero, in `unit`; `unit` is
    the canonical word of a unit, or the system's own text before units are made one, or None where none is shown. `rank` is the place
    in the kit, from 1. `extras` hold what only one system knows (revenue share, target, tolerances): never compared, kept on writing.
    """

    component: str
    quantity: Decimal
    unit: str | None = None
    type: ItemType = "item"
    stocked: bool = True
    rank: int = 0
    extras: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recipe:
    """A kit with its lines in order. `revision` is Visma's; `active` False: retired there. `type` is never `item`."""

    code: str
    lines: tuple[Line, ...]
    revision: str | None = None
    type: ItemType = "kit"
    active: bool = True


@dataclass(frozen=True, slots=True)
class RemoteLine:
    """A line as it stands in one system. `id` names it there (uuid, key, or Visma's line number); `item_id` its component there."""

    id: str
    line: Line
    item_id: str = ""
    number: int | None = None


@dataclass(frozen=True, slots=True)
class RemoteKit:
    """A kit as it stands in one system, its lines in order. `id` names it there.

    `posting`: how Intacct posts its revenue. `facts`: what else the system's own adapter needs to write it; `unknown` among them are the
    ids of lines whose component nobody knows there.
    """

    id: str
    code: str
    lines: tuple[RemoteLine, ...]
    revision: str | None = None
    type: ItemType = "kit"
    active: bool = True
    posting: Literal["componentLevel", "kitLevel"] | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    def recipe(self) -> Recipe:
        """What it says, without the system's own ids."""
        return Recipe(self.code, tuple(each.line for each in self.lines), self.revision, self.type, self.active)


@dataclass(frozen=True, slots=True)
class Item:
    """A possible component as one system knows it. `unit` is its unit's text there; `why_not` says why it can't go into a kit."""

    id: str
    code: str
    type: ItemType = "item"
    unit: str | None = None
    stocked: bool = True
    cost: Decimal | None = None
    why_not: str | None = None


@dataclass(frozen=True, slots=True)
class CreateLine:
    """A line that the target lacks. `number`: None lets the target choose."""

    line: Line
    number: int | None = None


@dataclass(frozen=True, slots=True)
class UpdateLine:
    """A line of the target that is to change: only what is not None is sent."""

    remote: RemoteLine
    quantity: Decimal | None = None
    number: int | None = None
    extras: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DeleteLine:
    """A line of the target that the source lacks."""

    remote: RemoteLine


Write = CreateLine | UpdateLine | DeleteLine
"""One write on a target's kit."""
