"""Saved views: by owner and page, few, and nothing odd in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.worker.jobs.acting import NOW
from worker.errors import Conflict, InvalidArguments, NotFound
from worker.jobs.saved_views import MOST, SavedView, drop, save, views_of

if TYPE_CHECKING:
    from worker.jobs.engine import Database


def saved(db: Database, name: str, query: str = "state=failed", owner: str = "ops", page: str = "jobs") -> SavedView:
    """Save one."""
    with db.write() as connection:
        return save(db, connection, owner, page, name, query, NOW)


def views(db: Database, owner: str = "ops", page: str = "jobs") -> list[SavedView]:
    """All of an owner on a page."""
    with db.read() as connection:
        return views_of(connection, owner, page)


def test_views_by_owner_and_page(db: Database) -> None:
    """By name; nobody sees another's, nor those of another page."""
    saved(db, "zulu")
    saved(db, " Alpha ", "q=P%2F0001")
    saved(db, "mine", owner="ann")
    saved(db, "elsewhere", page="failures")
    assert views(db) == [SavedView("Alpha", "q=P%2F0001"), SavedView("zulu", "state=failed")]
    assert [view.name for view in views(db, "ann")] == ["mine"]


def test_same_name_is_replaced(db: Database) -> None:
    """Also where there are as many as may be."""
    for number in range(MOST):
        saved(db, f"view {number}")
    with pytest.raises(Conflict):
        saved(db, "one more")
    saved(db, "view 3", "tag=red")
    assert len(views(db)) == MOST
    assert SavedView("view 3", "tag=red") in views(db)


@pytest.mark.parametrize(
    ("name", "query", "place"),
    [("", "", "name"), (" ", "", "name"), ("x" * 61, "", "name"), ("a\nb", "", "name"), ("a", "x" * 1001, "query")],
)
def test_odd_ones_are_refused(db: Database, name: str, query: str, place: str) -> None:
    """With the place of the fault."""
    with pytest.raises(InvalidArguments) as raised:
        saved(db, name, query)
    assert [fault.path for fault in raised.value.faults] == [place]


def test_dropped_once(db: Database) -> None:
    """What is not there can't be dropped, nor what is another's."""
    saved(db, "mine")
    with db.write() as connection:
        with pytest.raises(NotFound):
            drop(connection, "ann", "jobs", "mine")
        drop(connection, "ops", "jobs", "mine")
        with pytest.raises(NotFound):
            drop(connection, "ops", "jobs", "mine")
    assert views(db) == []
