"""What one target of a sync is to become, beside what is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from worker.kits.difference import Difference
    from worker.kits.model import Line, Recipe, RemoteKit


@dataclass(frozen=True, slots=True)
class Aim:
    """A target's kit as it is to be, beside what is there: `kit` in the target's words, `seen` in ours."""

    wanted: Recipe
    left_out: tuple[Line, ...]
    kit: RemoteKit
    seen: RemoteKit
    difference: Difference
