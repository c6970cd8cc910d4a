"""A person's word on one job: that it is done, whatever the ledger knows of it; or that the ERP is to be asked about it now."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert, select, update

from worker.errors import Conflict, Fault, InvalidArguments
from worker.jobs import acts, queue
from worker.jobs.announcing import tell_of_batches
from worker.jobs.changes import Change, apply
from worker.jobs.retries import not_before
from worker.jobs.states import BatchState, State
from worker.jobs.tables import batches, jobs, moves
from worker.jobs.views import at
from worker.settings import NOTICES, Retries

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from worker.jobs.engine import Database
    from worker.jobs.model import Job
    from worker.settings import Settings

LONGEST: Final = 500
"""Characters of a reason."""

_TRIFLE: Final = timedelta(seconds=1)
"""Who would win no more than this wins nothing."""

_UNHAPPY: Final = (State.FAILED.value, State.CANCELLED.value)


def done(db: Database, connection: Connection, job: Job, by: str, reason: str, now: datetime) -> Job:
    """A failed job has succeeded, as somebody says, with their reason: in its result, on its timeline, and on record.

    It is an end like any other: counted, told of, and it closes what it makes good. A batch that had ended with no other failure has
    succeeded. Raises `InvalidArguments` for a reason that is none, `Conflict` unless the job is failed.
    """
    why = _checked(reason)
    if job.state is not State.FAILED:
        raise Conflict(f"a {job.state} job can't be marked as done: only a failed one can")
    batch = None if job.batch is None else _locked(db, connection, job.batch)
    then = replace(
        job,
        state=State.SUCCEEDED,
        finished_at=now,
        error=None,
        result=_marked(job.result, by, why),
        closed_by=None,
        closed_at=None,
    )
    kept = apply(db, connection, [Change(job, then, f"marked as done: {why}", by)], now)
    if not kept:
        raise Conflict("the job moved on in the meantime: look again")
    before = {"state": job.state.value, "error": None if job.error is None else job.error.message}
    acts.record(connection, by, job.tenant, "job.done", job.id, before, {"reason": why, "reference": job.reference}, now)
    if batch is not None:
        _make_whole(connection, batch, now)
    return kept[0].after


def ask(connection: Connection, settings: Settings, job: Job, by: str, now: datetime) -> Job:
    """Look at it, or try it, now rather than later. Ring its lane afterwards. Raises `Conflict` where there is nothing to hasten.

    A job that waits for news is due for a look, as if news had come. One that waits to be tried again is due too, but not before the same
    request may be sent again: after two failures or refusals (`Retries.repeat_window`), and where the ERP may be at it still
    (`second_look`). No job goes before the time that its ERP ordered (`Retry-After`).
    """
    due = _due(job, _sendable(settings, job), now)
    hastened = (
        update(jobs).where(jobs.c.id == job.id, jobs.c.state == job.state.value, jobs.c.fence == job.fence).values(due_at=due)
    )  # nothing else of the row is touched: whoever looks at it now may write what they found
    if not connection.execute(hastened).rowcount:
        raise Conflict("the job moved on in the meantime: look again")
    line = {"job": job.id, "at": now, "origin": job.state.value, "target": job.state.value, "cause": f"asked for by {by}"[:1000], "by": by}
    connection.execute(insert(moves).values(line))
    return queue.find(connection, job.id)


def _checked(reason: str) -> str:
    why = reason.strip()
    if not 1 <= len(why) <= LONGEST:
        raise InvalidArguments((Fault("reason", f"must have 1 to {LONGEST} characters"),))
    return why


def _marked(result: Any, by: str, why: str) -> dict[str, Any]:  # noqa: ANN401 - JSON value
    """What it had, and who says that it is done."""
    had = result if isinstance(result, dict) else {} if result is None else {"result": result}
    return {**had, "marked_done": {"by": by, "reason": why}}


def _locked(db: Database, connection: Connection, batch_id: str) -> str | None:
    """The batch, if it has ended with something that did not succeed. Batches are locked before their jobs: no deadlocks."""
    found = connection.execute(db.for_update(select(batches.c.state, batches.c.pruned).where(batches.c.id == batch_id))).one_or_none()
    if found is None or found.state != BatchState.FINISHED.value or any((found.pruned or {}).get(state) for state in _UNHAPPY):
        return None
    return batch_id


def _make_whole(connection: Connection, batch_id: str, now: datetime) -> None:
    unhappy = select(jobs.c.id).where(jobs.c.batch == batch_id, jobs.c.state.in_(_UNHAPPY)).exists()
    whole = update(batches).where(batches.c.id == batch_id, batches.c.state == BatchState.FINISHED.value, ~unhappy)
    if connection.execute(whole.values(state=BatchState.SUCCEEDED.value, touched_at=now)).rowcount:
        tell_of_batches(connection, [batch_id], now)


def _sendable(settings: Settings, job: Job) -> datetime:
    """From when on the job's request may be sent again. Receivers of notices count nothing, and know a notice that comes twice."""
    if job.erp == NOTICES:
        return datetime.fromtimestamp(0, UTC)
    own = getattr(settings.tenants.get(job.tenant), job.erp, None)
    told = job.progress
    refused = [*told.get("failed_at", ()), *told.get("refused_at", ())]
    free = not_before(refused, Retries().repeat_window if own is None else own.retries.repeat_window)
    if own is not None and told.get("look_first") and told.get("sent_at") and not told.get("decided"):
        free = max(free, told["sent_at"] + own.second_look)
    return datetime.fromtimestamp(free, UTC)


def _due(job: Job, sendable: datetime, now: datetime) -> datetime:
    ordered = datetime.fromtimestamp(job.progress.get("ordered_until", 0.0), UTC)
    if job.state is State.WAITING:
        return now if ordered <= now else _earlier(job, ordered, f"a wait was ordered until {at(ordered)}: it is not asked about before")
    if job.state not in {State.QUEUED, State.RETRYING}:
        raise Conflict(f"a {job.state} job can't be asked for" + (": a worker is at it now" if job.state is State.RUNNING else ""))
    if job.due_at <= now:
        raise Conflict("it is due already: it starts when its turn comes")
    if not job.starts:
        raise Conflict("it was not started yet: it is to start at its time")
    if ordered > max(now, sendable):
        return _earlier(job, ordered, f"a wait was ordered until {at(ordered)}: nothing is sent before")
    if sendable > now:
        why = f"the same request failed or may have reached the ERP a short time ago: it may not be sent again before {at(sendable)}"
        return _earlier(job, sendable, why)
    return now


def _earlier(job: Job, due: datetime, why: str) -> datetime:
    """The time, if it is earlier than the job is due anyway. Raises `Conflict`."""
    if due + _TRIFLE >= job.due_at:
        raise Conflict(why)
    return due
