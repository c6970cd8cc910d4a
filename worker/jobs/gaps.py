"""Why a job's life took as long as it did: each stretch between two moves, by what the ledger knows of that time.

Told are only things that stand written: when it was due, pauses of its batch, standstills of its connection, other jobs that held its
document. Where several overlap the one that no other could have cut short comes first. What is left is said as plainly as it is known.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from sqlalchemy import or_, select

from worker.jobs import standstills
from worker.jobs.model import Move
from worker.jobs.spells import Gap, Spell, Words, lasting, pieces
from worker.jobs.states import FINAL, HOLDS_DOCUMENT, State
from worker.jobs.tables import acts, exchanges, jobs
from worker.jobs.tables import moves as lines
from worker.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from worker.jobs.model import Job
    from worker.jobs.standstills import Standstill

LONG: Final = timedelta(seconds=2)
"""A stretch that is no longer is not told."""

MOST_STRETCHES: Final = 200
MOST_OTHERS: Final = 20
MOST_LINES: Final = 1_000
MOST_TURNS: Final = 200

TURN: Final = Words("turn", " for its turn: a free slot and a worker")
TIME: Final = Words("time", " until its time")
BACKOFF: Final = Words("backoff", " before the next attempt (backoff)")
ERP: Final = Words("erp", " for the ERP to finish the operation")
OUTCOME: Final = Words("outcome", " for its outcome to be read, after the ERP's notification")
DOUBT: Final = Words("doubt", " before a second look: nobody knew whether the ERP had taken it")
DOCUMENT: Final = Words("document", ": another job held the document")
CAUSES: Final = (*standstills.REASONS, "batch", "time", "backoff", "erp", "outcome", "doubt", "document", "turn", "calls", "person")
"""The words that a gap's cause may be."""

_STANDING: Final = {standstills.BUDGET: " for a call of the hour", standstills.BROKEN: ": the connection was broken ({why})"}
_DONE: Final = {State.QUEUED: "replayed it", State.CANCELLED: "discarded it", State.SUCCEEDED: "marked it as done"}


def explained(connection: Connection, job: Job, moves: Sequence[Move], now: datetime | None = None) -> list[Gap]:
    """Why each stretch of over two seconds took so long, oldest first; of very many stretches the newest.

    `moves` is the job's whole timeline (`search.timeline`). For an open job give `now`, to have the stretch told in which it is; without
    it, or for one that ended, the last move ends the story.
    """
    stretches = [each for each in _stretches(job, moves, now) if each[1].at - each[0].at > LONG][-MOST_STRETCHES:]
    if not stretches:
        return []
    first, last = stretches[0][0].at, stretches[-1][1].at
    held = _held(connection, job, first, last)
    paused = _paused(connection, job)
    standing = [_stood(each) for each in standstills.during(connection, job.lane, _here_since(job, moves), last)]
    calls = _calls(connection, job)
    found: list[Gap] = []
    for begin, end, due_at in stretches:
        if begin.target is State.RUNNING:
            found += pieces(begin.at, end.at, (), _ran(begin, end, calls))
        else:
            found += pieces(begin.at, end.at, *_known(job, begin, end, due_at, standing, [*paused, *standing, *held]))
    return found


def _known(
    job: Job, begin: Move, end: Move, due_at: datetime | None, standing: list[Spell], stopped: list[Spell]
) -> tuple[list[Spell], Words]:
    """What is known of a stretch in which no worker had it, in order; and what is said of the rest. `stopped` kept it from starting."""
    state = begin.target
    if state is State.WAITING:
        told = [Spell(job.notified_at, None, OUTCOME)] if job.notified_at and job.notified_at > begin.at else []
        return [*standing, *told], DOUBT if begin.cause.startswith("unclear:") else ERP
    if state in FINAL:
        return [], Words("person", f" until {end.by} {_DONE.get(end.target, 'went on with it')}", f"stood as {state} for")
    if due_at is None:
        return (stopped, TURN) if state is State.QUEUED else ([], BACKOFF)
    return [Spell(begin.at, due_at, TIME if state is State.QUEUED else BACKOFF), *stopped], TURN


def _stretches(job: Job, moves: Sequence[Move], now: datetime | None) -> Iterator[tuple[Move, Move, datetime | None]]:
    """Each move with the one that ended what it began, and when the job was due meanwhile, where that is known."""
    told = list(moves)
    if now is not None and told and told[-1].target not in FINAL and now > told[-1].at:
        told.append(Move(job.id, now, told[-1].target, told[-1].target, "", ""))
    due_at = job.due_at if told and told[-1].target in {State.QUEUED, State.RETRYING, State.RUNNING} else None
    found: list[tuple[Move, Move, datetime | None]] = []
    for begin, end in reversed(list(pairwise(told))):
        due_at = end.due_at or due_at  # as it was claimed
        found.append((begin, end, due_at))
        if begin.target not in {State.QUEUED, State.RETRYING}:
            due_at = None
    yield from reversed(found)


def _here_since(job: Job, moves: Sequence[Move]) -> datetime:
    """From when on its connection is surely the one that it has now: work on several ERPs goes from one to the next."""
    if job.kind in KINDS and KINDS[job.kind].erp:
        return moves[0].at
    return next((move.at for move in reversed(moves) if move.target in {State.QUEUED, State.WAITING}), moves[0].at)


def _stood(found: Standstill) -> Spell:
    after = _STANDING.get(found.reason, ": {why}").replace("{why}", found.why)
    return Spell(found.since, found.until, Words(found.reason, after))


def _paused(connection: Connection, job: Job) -> list[Spell]:
    """When its batch was paused."""
    if job.batch is None:
        return []
    turns = ("batch.paused", "batch.resumed", "batch.cancelled")
    statement = select(acts.c.at, acts.c.act, acts.c.by).where(acts.c.subject == job.batch, acts.c.act.in_(turns))
    rows = connection.execute(statement.order_by(acts.c.id.desc()).limit(MOST_TURNS)).all()[::-1]
    ends = [*(row.at for row in rows[1:]), None]
    told = [(row, end) for row, end in zip(rows, ends, strict=False) if row.act == "batch.paused"]
    return [Spell(row.at, end, Words("batch", f": its batch was paused by {row.by}")) for row, end in told]


def _held(connection: Connection, job: Job, since: datetime, until: datetime) -> list[Spell]:
    """When others held the job's document."""
    if job.subject is None:
        return []
    others = (
        select(jobs.c.id)
        .where(jobs.c.tenant == job.tenant, jobs.c.subject == job.subject, jobs.c.id != job.id)
        .where(jobs.c.started_at < until, or_(jobs.c.finished_at.is_(None), jobs.c.finished_at > since))
        .order_by(jobs.c.id.desc())
        .limit(MOST_OTHERS)
    )
    ids = connection.execute(others).scalars().all()
    if not ids:
        return []
    told = select(lines.c.job, lines.c.at, lines.c.target).where(lines.c.job.in_(ids)).order_by(lines.c.job, lines.c.id).limit(MOST_LINES)
    rows = [*connection.execute(told), None]
    found = []
    for row, following in pairwise(rows):
        assert row is not None  # noqa: S101 - for the type checker; only the last is
        if State(row.target) in HOLDS_DOCUMENT:
            same = following is not None and following.job == row.job
            found.append(Spell(row.at, following.at if following is not None and same else None, DOCUMENT))
    return found


def _calls(connection: Connection, job: Job) -> list[tuple[datetime, int]]:
    """When each of its calls began, and its milliseconds, while they are kept; of very many the newest."""
    statement = select(exchanges.c.at, exchanges.c.ms).where(exchanges.c.job == job.id).order_by(exchanges.c.id.desc()).limit(MOST_LINES)
    return [(row.at, row.ms) for row in connection.execute(statement)]


def _ran(begin: Move, end: Move, calls: Sequence[tuple[datetime, int]]) -> Words:
    """What its calls took of the time."""
    took = [ms for at, ms in calls if begin.at <= at <= end.at]
    told = f": {len(took)} call{'s' if len(took) != 1 else ''} took {lasting(sum(took) / 1000)} of it" if took else ""
    return Words("calls", told, "ran for")


__all__ = ["CAUSES", "LONG", "Gap", "explained"]
