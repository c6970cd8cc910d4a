"""Another `sleep` for one module. The program's own stays: a thread of another fixture may be using it."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def time_with(sleep: Callable[[float], None]) -> SimpleNamespace:
    """What stands in the place of the module `time`."""
    return SimpleNamespace(**{**vars(time), "sleep": sleep})
