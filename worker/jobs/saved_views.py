"""Questions that a key's people ask often, by the name they gave them: a page and its query string."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import and_, delete, func, insert, select

from worker.errors import Conflict, Fault, InvalidArguments, NotFound
from worker.jobs.tables import saved_views

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection

    from worker.jobs.engine import Database

MOST: Final = 30
"""Views of an owner on a page."""

LONGEST_NAME: Final = 60
LONGEST_QUERY: Final = 1_000


@dataclass(frozen=True, slots=True)
class SavedView:
    """A name and a query string, without its question mark."""

    name: str
    query: str


def views_of(connection: Connection, owner: str, page: str) -> list[SavedView]:
    """The owner's views of a page, by name."""
    rows = connection.execute(select(saved_views.c.name, saved_views.c.query).where(_of(owner, page)))
    return sorted((SavedView(row.name, row.query) for row in rows), key=lambda view: (view.name.casefold(), view.name))


def save(db: Database, connection: Connection, owner: str, page: str, name: str, query: str, now: datetime) -> SavedView:
    """Keep it, in place of one with this name. Raises `InvalidArguments` for what is no name or query, `Conflict` for one too many."""
    view = SavedView(name.strip(), query)
    if faults := tuple(_faults(view)):
        raise InvalidArguments(faults)
    db.serialise(connection, f"views {owner}/{page}")
    connection.execute(delete(saved_views).where(_of(owner, page), saved_views.c.name == view.name))
    if connection.execute(select(func.count()).select_from(saved_views).where(_of(owner, page))).scalar_one() >= MOST:
        raise Conflict(f"there are {MOST} saved views already: drop one first")
    row = {"owner": owner, "page": page, "name": view.name, "query": view.query, "created_at": now}
    connection.execute(insert(saved_views).values(row))
    return view


def drop(connection: Connection, owner: str, page: str, name: str) -> None:
    """Forget it. Raises `NotFound`."""
    if not connection.execute(delete(saved_views).where(_of(owner, page), saved_views.c.name == name)).rowcount:
        raise NotFound("there is no such saved view")


def _of(owner: str, page: str) -> ColumnElement[bool]:
    return and_(saved_views.c.owner == owner, saved_views.c.page == page)


def _faults(view: SavedView) -> list[Fault]:
    found = []
    if not 1 <= len(view.name) <= LONGEST_NAME or not view.name.isprintable():
        found.append(Fault("name", f"must have 1 to {LONGEST_NAME} characters, none of them control characters"))
    if len(view.query) > LONGEST_QUERY or not view.query.isprintable():
        found.append(Fault("query", f"must have at most {LONGEST_QUERY} characters, none of them control characters"))
    return found
