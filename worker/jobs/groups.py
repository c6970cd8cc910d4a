"""What groups failed jobs, and the id that names a group: the same for as long as jobs fail so."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson
from sqlalchemy import select

from worker.jobs.states import State
from worker.jobs.tables import in_state, jobs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection

DIGITS: Final = 32
"""Of a group's id, all hexadecimal."""

COLUMNS: Final = (jobs.c.tenant, jobs.c.kind, jobs.c.error_class, jobs.c.error_group)


@dataclass(frozen=True, slots=True)
class Group:
    """Whose jobs, of which kind, with which error class and which message, without what differs from one to the next."""

    tenant: str
    kind: str
    error_class: str | None
    message: str | None

    @property
    def id(self) -> str:
        """What names it outside."""
        parts = orjson.dumps([self.tenant, self.kind, self.error_class, self.message])
        return hashlib.sha256(parts).hexdigest()[:DIGITS]

    def conditions(self) -> list[ColumnElement[bool]]:
        """What is true of its jobs, said so that the index of failed ones leads to them."""
        values = (self.tenant, self.kind, self.error_class, self.message)
        return [in_state(State.FAILED), *(column == value for column, value in zip(COLUMNS, values, strict=True))]


def group_of(row: Any) -> Group:  # noqa: ANN401 - a Row of any shape
    """The group of a row that has its columns."""
    return Group(row.tenant, row.kind, row.error_class, row.error_group)


def named(connection: Connection, group_id: str, tenants: Sequence[str] | None) -> Group | None:
    """The group of these tenants (None: all) with this id, if any job stands in it. An id tells nothing: all groups are looked through."""
    statement = select(*COLUMNS).where(in_state(State.FAILED)).distinct()
    if tenants is not None:
        statement = statement.where(jobs.c.tenant.in_(tenants))
    groups = (group_of(row) for row in connection.execute(statement))
    return next((group for group in groups if group.id == group_id), None)
