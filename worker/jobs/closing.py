"""Failures that are over: a failed job is closed when a later job does with success what it was to do.

Same tenant, kind and document, and made before. Who deletes a document closes all its failures, of whatever kind. Work on one line of a kit
says nothing of its other lines, though it holds the whole kit; and a dry run has done nothing. A job that leaves its failure is closed no
more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, select, update

from worker.jobs.states import State
from worker.jobs.tables import Moment, in_state, jobs
from worker.kinds import KINDS
from worker.kinds.naming import PartOfKit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from worker.jobs.model import Job

    Pair = tuple[Job, Job]
    """A job before and after a move."""

MOST: Final = 5_000
"""Failures that are closed by the successes of one transaction."""


def closable(connection: Connection, pairs: Iterable[Pair]) -> dict[str, str]:
    """The failed jobs that these moves would close, each with the job that does it. Nothing is asked where no document was done."""
    done = [after for before, after in pairs if _does(before, after)]
    if not done:
        return {}
    given = {"tenants": sorted({job.tenant for job in done}), "subjects": sorted({job.subject or "" for job in done})}
    found = connection.execute(_FAILED, given).all()
    return _closed_by(found, done) if found else {}


def close(connection: Connection, closing: Mapping[str, str], kept: Sequence[Pair], now: datetime) -> None:
    """Write it, in the transaction of the moves that were kept: who is failed still is closed, who left its failure is not any more.

    One that somebody has in hand in the same moment, to replay it or the like, is left to them: nobody waits for it, so nothing deadlocks.
    """
    moved = {after.id for _, after in kept}
    wanted = {failed: by for failed, by in closing.items() if by in moved}
    free = connection.execute(_FREE, {"ids": sorted(wanted)}).scalars().all() if wanted else ()
    if free:
        connection.execute(_CLOSE, [{"failed": failed, "by": wanted[failed], "now": now} for failed in free])
    left = [after.id for before, after in kept if before.state is State.FAILED and after.state is not State.FAILED]
    if left:
        connection.execute(_OPEN, {"ids": left})


def _does(before: Job, after: Job) -> bool:
    if after.state is not State.SUCCEEDED or before.state is State.SUCCEEDED or after.subject is None:
        return False
    return not after.arguments.get("dry_run")


def _closed_by(found: Iterable[Any], done: Iterable[Job]) -> dict[str, str]:
    by_subject: dict[tuple[str, str], list[Job]] = {}
    for job in done:
        by_subject.setdefault((job.tenant, job.subject or ""), []).append(job)
    pairs = ((row, job) for row in found for job in by_subject.get((row.tenant, row.subject), ()))
    return {row.id: job.id for row, job in pairs if row.id < job.id and _is_of(row.kind, row.reference, job)}


def _is_of(kind: str, reference: str, job: Job) -> bool:
    """Whether a failed job of this kind, about this, is done with by the job."""
    own = KINDS.get(job.kind)
    if own is not None and isinstance(own.naming, PartOfKit) and reference.casefold() != job.reference.casefold():
        return False
    return kind == job.kind or (own is not None and own.operation == "delete")


# The statements of every round are made once: to build one costs more than to run it.
_FAILED: Final = (
    select(jobs.c.id, jobs.c.tenant, jobs.c.kind, jobs.c.subject, jobs.c.reference)
    .where(
        jobs.c.tenant.in_(bindparam("tenants", expanding=True)),
        jobs.c.subject.is_not(None),
        jobs.c.subject.in_(bindparam("subjects", expanding=True)),
        in_state(State.FAILED),
        jobs.c.closed_at.is_(None),
    )
    .limit(MOST)
)
_FREE: Final = (
    select(jobs.c.id)
    .where(jobs.c.id.in_(bindparam("ids", expanding=True)), in_state(State.FAILED))
    .order_by(jobs.c.id)
    .with_for_update(key_share=True, skip_locked=True)
)
_CLOSE: Final = (
    update(jobs)
    .where(jobs.c.id == bindparam("failed"), in_state(State.FAILED))
    .values(closed_by=bindparam("by"), closed_at=bindparam("now", type_=Moment()))
)
_OPEN: Final = update(jobs).where(jobs.c.id.in_(bindparam("ids", expanding=True))).values(closed_by=None, closed_at=None)
