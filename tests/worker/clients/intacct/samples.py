"""Recorded bodies: the documented samples, and answers in the documented shapes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.worker.clients.erp import Said

SAMPLES = Path(__file__).parents[3] / "samples" / "intacct"
PATH = "/ia/api/v1/objects/inventory-control/kit-component"


def sample(name: str, headers: dict[str, str] | None = None) -> Said:
    """A recorded answer; its status is in its name."""
    return Said(int(name.split(".")[-2]), (SAMPLES / name).read_bytes(), headers or {})


def body(name: str) -> Any:
    """A recorded body's value."""
    return json.loads((SAMPLES / name).read_bytes())
