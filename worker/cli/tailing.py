"""Follow the moves of all jobs as they are written."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import click
from sqlalchemy import func, select

from worker.cli.output import clock, show_json_line
from worker.jobs.tables import jobs, moves
from worker.jobs.views import at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Row, Select

    from worker.jobs.engine import Database

EVERY: Final = 0.5
OVERLAP: Final = 1_000
"""PostgreSQL numbers rows before they are committed, so a row may show up after later ones: so many are looked at again."""

MOST: Final = 5_000
Line = dict[str, Any]


def tail(database: Database, tenant: str | None, batch: str | None, lines: int, *, as_json: bool) -> None:
    """Show the last moves, then every new one, until interrupted. A ledger that goes away ends it with `LedgerUnavailable`."""
    follower = Follower(database, tenant, batch)
    _show(follower.last(lines), as_json=as_json)
    try:
        while True:
            time.sleep(EVERY)
            _show(follower.fresh(), as_json=as_json)
    except KeyboardInterrupt:
        return


class Follower:
    """Remembers which moves it has given."""

    def __init__(self, database: Database, tenant: str | None, batch: str | None) -> None:
        self._database = database
        self._wanted = [jobs.c[name] == value for name, value in (("tenant", tenant), ("batch", batch)) if value is not None]
        self._highest = 0
        self._seen: set[int] = set()

    def last(self, count: int) -> list[Line]:
        """The last few, oldest first; what came before them will not be given."""
        with self._database.read() as connection:
            self._highest = connection.execute(select(func.max(moves.c.id))).scalar() or 0
            near = connection.execute(select(moves.c.id).where(moves.c.id > self._highest - OVERLAP)).scalars()
            self._seen = set(near)
            rows = connection.execute(self._query().order_by(moves.c.id.desc()).limit(count)).all() if count else []
        return [_line(row) for row in reversed(rows)]

    def fresh(self) -> list[Line]:
        """Those written since the last time, oldest first."""
        border = self._highest - OVERLAP
        with self._database.read() as connection:
            found = connection.execute(select(moves.c.id).where(moves.c.id > border).order_by(moves.c.id).limit(MOST)).scalars().all()
            new = [each for each in found if each not in self._seen]
            rows = self._rows(connection.execute(self._query().where(moves.c.id.in_(new)).order_by(moves.c.id)).all()) if new else []
        self._highest = max(self._highest, *new) if new else self._highest
        self._seen = {each for each in self._seen | set(new) if each > self._highest - OVERLAP}
        return rows

    def _rows(self, rows: Sequence[Row[Any]]) -> list[Line]:
        return [_line(row) for row in rows]

    def _query(self) -> Select[Any]:
        told = (
            moves.c.at,
            moves.c.origin,
            moves.c.target,
            moves.c.cause,
            moves.c.by,
            jobs.c.id,
            jobs.c.tenant,
            jobs.c.kind,
            jobs.c.reference,
        )
        return select(*told).join(jobs, jobs.c.id == moves.c.job).where(*self._wanted)


def _line(row: Row[Any]) -> Line:
    return {
        "job": row.id,
        "tenant": row.tenant,
        "kind": row.kind,
        "reference": row.reference,
        "at": row.at,
        "from": row.origin,
        "to": row.target,
        "cause": row.cause,
        "by": row.by,
    }


def _show(lines: list[Line], *, as_json: bool) -> None:
    for line in lines:
        if as_json:
            show_json_line({**line, "at": at(line["at"])})
        else:
            click.echo(f"{clock(line['at'])}  {line['reference']:<12} {line['from'] or '-':>9} > {line['to']:<9}  {line['cause']}")
