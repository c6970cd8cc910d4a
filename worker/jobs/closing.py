"""Failures that are over: a failed job is closed when a later job does with success what it was to do.

Same tenant, kind and document, and made before. Where both come to the same end, it is enough that it failed before: what is released or
gone stays so, and a replay of an older job may do what a newer one was to do. Who deletes a document closes all its failures, of whatever
kind. Work on one line of a kit says nothing of its other lines, though it holds the whole kit; nor does a change of other fields, or a sync
of other systems; and a dry run has done nothing. A job that leaves its failure is closed no more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, select, update

from worker.jobs.states import State
from worker.jobs.tables import Moment, in_state, jobs
from worker.kinds import KINDS
from worker.kinds.naming import PartOfKit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
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
    return {row.id: job.id for row, job in pairs if row.id != job.id and _is_of(row, job) and _comes_after(row, job)}


def _is_of(failed: Any, job: Job) -> bool:  # noqa: ANN401 - a Row
    """Whether a failed job is done with by the job."""
    own = KINDS.get(job.kind)
    if own is not None and isinstance(own.naming, PartOfKit) and failed.reference.casefold() != job.reference.casefold():
        return False
    if own is not None and own.operation == "delete":
        return True
    return failed.kind == job.kind and _COVERS.get("" if own is None else own.operation, _always)(failed, job)


def _comes_after(failed: Any, job: Job) -> bool:  # noqa: ANN401 - a Row
    """Whether the success is the last word: by when each was made, or by when each ended where they come to the same end."""
    if failed.id < job.id:
        return True
    ended = job.finished_at is not None and failed.finished_at <= job.finished_at
    own = KINDS.get(job.kind)
    return ended and own is not None and _ALIKE.get(own.operation, _never)(failed, job)


def _always(_failed: Any, _job: Job) -> bool:  # noqa: ANN401 - a Row
    return True


def _never(_failed: Any, _job: Job) -> bool:  # noqa: ANN401 - a Row
    return False


def _makes_nothing(failed: Any, _job: Job) -> bool:  # noqa: ANN401 - a Row
    """What is gone may have been to be made anew."""
    own = KINDS.get(failed.kind)
    return own is None or own.operation != "create"


def _same_values(failed: Any, job: Job) -> bool:  # noqa: ANN401 - a Row
    """All that the failed one was to set was set to just that."""
    return all(name in job.arguments and job.arguments[name] == value for name, value in failed.arguments.items())


def _same_wish(failed: Any, job: Job) -> bool:  # noqa: ANN401 - a Row
    """A sync brings over what the source has when it runs; what else was asked of it (a revision, the like) must be the same."""
    ours, theirs = (
        {name: value for name, value in asked.items() if name not in {"source", "targets"}} for asked in (failed.arguments, job.arguments)
    )
    return ours == theirs


def _all_fields(failed: Any, job: Job) -> bool:  # noqa: ANN401 - a Row
    """Every field that the failed one was to set has been set since, be it to something else."""
    return set(failed.arguments) <= set(job.arguments)


def _all_systems(failed: Any, job: Job) -> bool:  # noqa: ANN401 - a Row
    """Every system that the failed one was to bring in step, or came to, is in step with the same source."""
    done, wanted = _systems(job.arguments, job.result), _systems(failed.arguments, failed.result)
    sources = {_source(failed.arguments, failed.result), _source(job.arguments, job.result)} - {None}
    return (not done or wanted <= done) and len(sources) <= 1


def _systems(arguments: Mapping[str, Any], result: Any) -> set[str]:  # noqa: ANN401 - JSON value
    """Empty: those that the settings name, and nothing is known of any."""
    told = result.get("targets") if isinstance(result, dict) else None
    return set(arguments.get("targets") or told or ())


def _source(arguments: Mapping[str, Any], result: Any) -> str | None:  # noqa: ANN401 - JSON value
    told = result.get("source") if isinstance(result, dict) else None
    return arguments.get("source") or told


_COVERS: Final[Mapping[str, Callable[[Any, Job], bool]]] = {"update": _all_fields, "sync": _all_systems}
_ALIKE: Final[Mapping[str, Callable[[Any, Job], bool]]] = {
    "release": _always,
    "delete": _makes_nothing,
    "update": _same_values,
    "sync": _same_wish,
}


# The statements of every round are made once: to build one costs more than to run it.
_FAILED: Final = (
    select(jobs.c.id, jobs.c.tenant, jobs.c.kind, jobs.c.subject, jobs.c.reference, jobs.c.arguments, jobs.c.result, jobs.c.finished_at)
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
