"""One short text for what a recipe says: equal texts, equal recipes. For skip tests, idempotency keys and the echo of our own writes."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING

from worker.kits.quantities import plain, quantised
from worker.kits.ranks import ranked
from worker.kits.units import normal

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.kits.model import Recipe


def fingerprint(recipe: Recipe, *, places: int, order: bool, same: Callable[[str], str]) -> str:
    """SHA-256 in hex over component, quantity and unit of its lines, and their places if `order` counts.

    Quantities count to `places` decimal places: 1, 1.0 and 1.000000 are equal. What only one system knows does not count.
    """
    said = [
        [same(line.component), plain(quantised(line.quantity, places)), normal(line.unit) or "", line.rank if order else 0]
        for line in ranked(recipe.lines)
    ]
    return sha256(json.dumps(sorted(said), separators=(",", ":")).encode()).hexdigest()
