"""A clock and a book for each test, on SQLite and on PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.worker.kit_ledger.acting import Clock, book_of

if TYPE_CHECKING:
    from worker.jobs.engine import Database
    from worker.kit_ledger.book import KitBook


@pytest.fixture
def clock() -> Clock:
    """A clock that is turned by hand."""
    return Clock()


@pytest.fixture
def book(db: Database, clock: Clock) -> KitBook:
    """The book of one tenant."""
    return book_of(db, clock)
