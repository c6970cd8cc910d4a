"""Logging out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhooks.dashboard.visiting import Left

if TYPE_CHECKING:
    from webhooks.dashboard.visiting import Outcome, Visit


def logout(visit: Visit) -> Outcome:  # noqa: ARG001 - a page's handler takes a visit
    """The session's cookie is taken back."""
    return Left("/login")
