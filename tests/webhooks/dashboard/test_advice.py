"""The table of advice."""

from __future__ import annotations

from webhooks.dashboard.advice import ADVICE, advice_of
from worker.errors import ERROR_CLASSES


def test_advice_for_every_class() -> None:
    """Each class has its advice, and no other; a replay helps by itself where another try does."""
    assert ADVICE.keys() == ERROR_CLASSES.keys()
    assert {name: advice.helps for name, advice in ADVICE.items()} == {name: each.retry for name, each in ERROR_CLASSES.items()}


def test_advice_for_unknown_class() -> None:
    """A class of a later version is no fault."""
    assert "does not know" in advice_of("of-a-later-version").meaning
