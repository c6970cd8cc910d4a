"""Where a batch stands: counts, rate, when it will be done, and what failed for the same reason."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import BigInteger, bindparam, func, select, type_coerce

from worker.jobs import spent
from worker.jobs.batches import counts_of_each
from worker.jobs.failures import FailureFilter, failure_groups
from worker.jobs.flow import SLICE, WINDOW, Flow, flow_of, foreseen
from worker.jobs.states import FINAL, OPEN, BatchState, State
from worker.jobs.tables import jobs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Select

    from worker.jobs.model import Batch

MOST_RETRIES: Final = 500
"""So many jobs that are to be tried again are asked when. Of more, the rate tells soon enough."""

_MOST_REASONS: Final = 500
_NO_FLOW: Final = Flow((0,), 1.0)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Failures:
    """Jobs that failed for the same reason: the message with numbers and ids taken out."""

    error_class: str
    message: str
    count: int


@dataclass(frozen=True, slots=True)
class Progress:
    """Counts by state, and what follows from them.

    `rate_per_minute` is jobs that came to their end in a minute, by the last five, of which the latest count most; of a batch that is
    over, in its last five. `eta` is when the open ones end at that rate: only of a batch that runs, and never in the past.

    `calls` is what the batch took of the ERPs' calls so far; `calls_per_document` that for each job that succeeded or failed, None before
    the first: one that was cancelled says nothing of what a document costs.
    """

    counts: dict[str, int]
    rate_per_minute: float
    eta: datetime | None
    eta_range: tuple[datetime, datetime] | None
    failures: tuple[Failures, ...]
    calls: int = 0
    calls_per_document: float | None = None


def progress_of(connection: Connection, batch: Batch, now: datetime) -> Progress:
    """Read where the batch stands."""
    return progress_of_each(connection, [batch], now)[batch.id]


def progress_of_each(connection: Connection, found: Sequence[Batch], now: datetime) -> dict[str, Progress]:
    """Where each of the batches stands, by id."""
    stand = standings(connection, found, now)
    failed = [batch for batch in found if stand[batch.id].counts[State.FAILED.value]]
    return stand | {batch.id: replace(stand[batch.id], failures=_failures(connection, batch)) for batch in failed}


def standings(connection: Connection, found: Sequence[Batch], now: datetime) -> dict[str, Progress]:
    """The same without what failed in them: the jobs of all are counted in one index, by one question."""
    ids = [batch.id for batch in found]
    by_state = counts_of_each(connection, ids)
    calls = spent.calls_of_each(connection, ids)
    return {batch.id: _standing(connection, batch, by_state[batch.id], calls.get(batch.id, 0), now) for batch in found}


def _standing(connection: Connection, batch: Batch, by_state: dict[str, int], calls: int, now: datetime) -> Progress:
    remaining = sum(by_state[state.value] for state in OPEN)
    flow = _flow(connection, batch, now) if any(by_state[state.value] for state in FINAL) else _NO_FLOW
    runs = batch.state is BatchState.RUNNING
    end = foreseen(flow, remaining, now, _last_retry(connection, batch, by_state)) if runs else None
    ended = by_state[State.SUCCEEDED.value] + by_state[State.FAILED.value]
    return Progress(
        counts=by_state,
        rate_per_minute=round(flow.rate if batch.finished_at is None else flow.mean, 1),
        eta=None if end is None else end.at,
        eta_range=None if end is None else (end.first, end.last),
        failures=(),
        calls=calls,
        calls_per_document=round(calls / ended, 2) if ended else None,
    )


def _flow(connection: Connection, batch: Batch, now: datetime) -> Flow:
    """What ended lately; of a batch that runs, since it began, was resumed or opened again: before that nothing could."""
    until = min(batch.finished_at or now, now)
    began = batch.touched_at if batch.state is BatchState.RUNNING else None
    since = max(batch.created_at, until - WINDOW, began or batch.created_at)
    rows = connection.execute(_ENDS, {"batch": batch.id, "since": since, "until": (until - _EPOCH) // _MICROSECOND})
    return flow_of({row.age: row.n for row in rows}, (until - since).total_seconds())


def _last_retry(connection: Connection, batch: Batch, by_state: dict[str, int]) -> datetime | None:
    """When the last of those that are to be tried again starts, where these are few: all others may be over long before."""
    if not 0 < by_state[State.RETRYING.value] <= MOST_RETRIES:
        return None
    return connection.execute(_LAST_RETRY, {"batch": batch.id}).scalar()


def _failures(connection: Connection, batch: Batch) -> tuple[Failures, ...]:
    groups = failure_groups(connection, None, FailureFilter(batch=batch.id), limit=_MOST_REASONS)
    counted: Counter[tuple[str, str]] = Counter()
    for group in groups:
        counted[group.error_class, group.message] += group.count
    return tuple(Failures(*reason, count=count) for reason, count in counted.most_common())


def _ends() -> Select[int, int]:
    """How many ended how many slices of time before `until`, which is in microseconds since 1970."""
    moment = jobs.c.finished_at
    slices = ((bindparam("until", type_=BigInteger) - type_coerce(moment, BigInteger)) // (SLICE // _MICROSECOND)).label("age")
    mine = (jobs.c.batch == bindparam("batch"), moment >= bindparam("since", type_=moment.type))
    return select(slices, func.count().label("n")).where(*mine).group_by(slices)


_ENDS: Final = _ends()
_LAST_RETRY: Final = select(func.max(jobs.c.due_at)).where(jobs.c.batch == bindparam("batch"), jobs.c.state == State.RETRYING.value)
