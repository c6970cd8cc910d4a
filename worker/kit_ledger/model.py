"""What the kit part of the ledger remembers, as frozen records. Recipes and facts are JSON values, as their makers gave them."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - tools that read the records resolve their annotations
from dataclasses import dataclass, field
from datetime import datetime  # noqa: TC003 - likewise
from typing import Any, Final, Literal

FAULT: Final = "fault"
"""The fingerprint of a kit that was read and can't be understood; under this name its recipe says why."""

LinkKind = Literal["kit", "item"]


@dataclass(frozen=True, slots=True)
class Link:
    """What an ERP calls a kit or an item: `code` is its business code there, `id` what names it for good.

    When it is learned, `unit` None says nothing of the unit, and `facts` are laid over those known. Both times are the ledger's.
    """

    kind: LinkKind
    code: str
    id: str
    unit: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    first_seen: datetime | None = None
    last_seen: datetime | None = None


@dataclass(frozen=True, slots=True)
class Rename:
    """A known id that came with another code."""

    kind: LinkKind
    id: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A kit as it was read: `id` names it in the ERP, `fingerprint` says whether two are the same, `recipe` is JSON.

    `parts`: codes of the inner kits; None where nothing is said of them, as in what was read back. `seen_at`: when the ERP was read;
    None means now. `round`: the comparison that saw it; None leaves the one it was last seen by. `followed` is told by the ledger: the
    fingerprint that syncs have acted on, where the kit was only glimpsed since.
    """

    code: str
    id: str
    fingerprint: str
    recipe: Any
    revision: str | None = None
    parts: tuple[str, ...] | None = None
    seen_at: datetime | None = None
    round: str | None = None
    followed: str | None = None


@dataclass(frozen=True, slots=True)
class Agreement:
    """What source and target were when they last agreed on a kit."""

    source_fingerprint: str
    target_fingerprint: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Round:
    """A scheduled comparison of all kits. Open until `finished_at`; `found` kits differed."""

    tenant: str
    started_at: datetime
    finished_at: datetime | None = None
    batch: str | None = None
    found: int | None = None
    message: str | None = None
