"""The one function that moves jobs: each move is written with its time and cause in the transaction that it is about."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, insert, select, update

from worker.errors import Conflict
from worker.jobs import endings, paces
from worker.jobs.announcing import announcer_of
from worker.jobs.closing import closable, close
from worker.jobs.indexing import reindex
from worker.jobs.making import add_to_totals
from worker.jobs.merging import merge_jobs
from worker.jobs.rows import CHANGING, NAMING, changing_values, naming_values
from worker.jobs.states import State, may_move
from worker.jobs.tables import attempts, exchanges, jobs, moves
from worker.jobs.tagging import retag

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from worker.jobs.engine import Database
    from worker.jobs.model import Attempt, Job
    from worker.jobs.verdicts import NewJob


@dataclass(frozen=True, slots=True)
class Change:
    """A job before and after, and why. A change within one state moves nothing and leaves no line in the timeline unless `note` says so."""

    before: Job
    after: Job
    cause: str
    by: str
    attempt: Attempt | None = None
    follow: tuple[NewJob, ...] = ()
    note: bool = False


def apply(db: Database, connection: Connection, changes: Sequence[Change], now: datetime) -> list[Change]:
    """Write the changes whose job is still as it was (same state, same fence); give back those that were.

    A worker that lost its lease finds its change left out: its successor has the job. Who wants to be told of an end is: by jobs that
    follow it. Raises `Conflict` for a move that the table does not allow.
    """
    for change in changes:
        if change.after.state is not change.before.state and not may_move(change.before.state, change.after.state):
            raise Conflict(f"a {change.before.state} job can't become {change.after.state}")
    closing = closable(connection, [(change.before, change.after) for change in changes])
    kept = _announced(connection, _unchanged(db, connection, changes, now), now)
    if not kept:
        return []
    _update(connection, [change.after for change in kept])
    _rename(connection, [change.after for change in kept if _renamed(change)])
    reindex(db, connection, [(change.before, change.after) for change in kept])
    retag(connection, [(change.before, change.after) for change in kept])
    endings.add(connection, endings.moved((change.before, change.after) for change in kept))
    paces.add(connection, paces.ended(((change.before, change.after) for change in kept), now))
    _record(connection, kept, now)
    followers = [new for change in kept for new in change.follow]
    if followers:
        merge_jobs(db, connection, followers, "a job before it", now)
        add_to_totals(connection, followers)
    close(connection, closing, [(change.before, change.after) for change in kept], now)  # last: who replays them locks their batches before
    return kept


def _unchanged(db: Database, connection: Connection, changes: Sequence[Change], now: datetime) -> list[Change]:
    """Those whose job is as it was."""
    if not changes:
        return []
    ids = [change.before.id for change in changes]
    present = {row.id: row for row in connection.execute(db.for_update(_PRESENT), {"ids": ids})}
    kept = []
    for change in changes:
        row = present.pop(change.before.id, None)  # the first change of a job is the only one: another would be as stale as a late worker's
        if row is None or row.state != change.before.state or row.fence != change.before.fence:
            continue
        kept.append(_with_news(change, row, now))
    return kept


def _announced(connection: Connection, changes: list[Change], now: datetime) -> list[Change]:
    announcer = announcer_of(connection)
    if announcer is None:
        return changes
    return [replace(each, follow=(*each.follow, *announcer.job(each.after, now))) if _ends(each) else each for each in changes]


def _ends(change: Change) -> bool:
    return change.after.state in {State.SUCCEEDED, State.FAILED} and change.before.state is not change.after.state


def _with_news(change: Change, row: Row[Any], now: datetime) -> Change:
    """A notification that came while the worker had the job must not be lost.

    The job knows the operation that it named, and is due at once if it waits. One that is to be sent again gets another operation
    and need not know the last one.
    """
    if row.notified_at == change.before.notified_at or change.after.state in {State.QUEUED, State.RETRYING}:
        return change
    due_at = now if change.after.state is State.WAITING else change.after.due_at
    told = replace(change.after, notified_at=row.notified_at, due_at=due_at, erp_id=change.after.erp_id or row.erp_id)
    return replace(change, after=told)


def _update(connection: Connection, rows: Sequence[Job]) -> None:
    connection.execute(_UPDATE, [{"key": job.id, **changing_values(job)} for job in rows])


def _rename(connection: Connection, rows: Sequence[Job]) -> None:
    """What a job is about changes seldom, and its indexes cost: a statement of its own."""
    if rows:
        connection.execute(_RENAME, [{"key": job.id, **naming_values(job)} for job in rows])


def _renamed(change: Change) -> bool:
    return naming_values(change.before) != naming_values(change.after)


def _record(connection: Connection, changes: Sequence[Change], now: datetime) -> None:
    lines: list[dict[str, Any]] = []
    tried: list[dict[str, Any]] = []
    calls: list[dict[str, Any]] = []
    for change in changes:
        if change.note or change.before.state is not change.after.state:
            lines.append(_line(change, now))
        if change.attempt is not None:
            tried.append(_attempt(change))
            calls.extend(_exchanges(change))
    for statement, rows in ((_MOVE, lines), (_ATTEMPT, tried), (_EXCHANGE, calls)):
        if rows:
            connection.execute(statement, rows)


def _line(change: Change, now: datetime) -> dict[str, Any]:
    return {
        "job": change.before.id,
        "at": now,
        "origin": change.before.state.value,
        "target": change.after.state.value,
        "cause": change.cause[:1000],
        "by": change.by,
    }


def _attempt(change: Change) -> dict[str, Any]:
    attempt = change.attempt
    assert attempt is not None  # noqa: S101 - for the type checker; the caller looked
    return {
        "job": change.before.id,
        "number": attempt.number,
        "started_at": attempt.started_at,
        "ended_at": attempt.ended_at,
        "outcome": attempt.outcome[:1000],
    }


def _exchanges(change: Change) -> list[dict[str, Any]]:
    attempt = change.attempt
    assert attempt is not None  # noqa: S101 - for the type checker; the caller looked
    return [
        {
            "job": change.before.id,
            "attempt": attempt.number,
            "at": exchange.at,
            "method": exchange.method,
            "url": exchange.url,
            "status": exchange.status,
            "ms": round(exchange.ms),
            "request": exchange.request,
            "response": exchange.response,
            "headers": exchange.headers,
        }
        for exchange in attempt.exchanges
    ]


# The statements of every round are made once: to build one costs more than to run it.
_PRESENT: Final = (
    select(jobs.c.id, jobs.c.state, jobs.c.fence, jobs.c.notified_at, jobs.c.erp_id)
    .where(jobs.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(jobs.c.id)
)  # locked in one order, as deliveries lock them: no deadlocks
_UPDATE: Final = update(jobs).where(jobs.c.id == bindparam("key")).values({name: bindparam(name) for name in CHANGING})
_RENAME: Final = update(jobs).where(jobs.c.id == bindparam("key")).values({name: bindparam(name) for name in NAMING})
_MOVE: Final = insert(moves)
_ATTEMPT: Final = insert(attempts)
_EXCHANGE: Final = insert(exchanges)
