"""Ids in the form of UUIDs: random for each process, then counted, since a real one costs more than all else about an operation."""

from __future__ import annotations

from itertools import count
from uuid import uuid4

_PREFIX = str(uuid4())[:24]
_next = count(1).__next__


def make_id() -> str:
    """An id that this process never gave before, and no other will."""
    return f"{_PREFIX}{_next():012x}"
