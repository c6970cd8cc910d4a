"""The version of this distribution: the one place that holds it."""

from __future__ import annotations

from typing import Final

VERSION: Final = "0.1.0"
