"""Do one thing to many, each in a transaction of its own: what can't be done to one does not stop the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from worker.errors import InvalidArguments, Refusal
from worker.jobs.ledger import utc_now
from worker.jobs.reopening import reopening

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sqlalchemy import Connection

    from worker.jobs.engine import Database

T = TypeVar("T")


def act_on_each(
    database: Database, ids: Iterable[str], act: Callable[[Database, Connection, str], T]
) -> tuple[list[T], list[dict[str, str]]]:
    """What became of each, and the refused ones with their reasons. Wrong arguments end it all: they are the caller's fault."""
    done: list[T] = []
    refused: list[dict[str, str]] = []
    for each in dict.fromkeys(ids):
        try:
            done.append(reopening(database, lambda connection, name=each: act(database, connection, name), utc_now()))  # type: ignore[misc]
        except InvalidArguments:
            raise
        except Refusal as error:
            refused.append({"id": each, "reason": str(error)})
    return done, refused
