"""Where a batch stands: counts, rate, when it will be done, and what failed for the same reason."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, select

from worker.jobs import spent
from worker.jobs.batches import counts_of_each
from worker.jobs.failures import FailureFilter, failure_groups
from worker.jobs.states import FINAL, OPEN, State
from worker.jobs.tables import jobs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from worker.jobs.model import Batch

WINDOW: Final = timedelta(minutes=5)
_SPREAD: Final = 0.25
_MOST_REASONS: Final = 500


@dataclass(frozen=True, slots=True)
class Failures:
    """Jobs that failed for the same reason: the message with numbers and ids taken out."""

    error_class: str
    message: str
    count: int


@dataclass(frozen=True, slots=True)
class Progress:
    """`rate_per_minute` is jobs that came to their end in a minute, over the last five; `eta` when the open ones end at that rate.

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
    rate = _rate(connection, batch, by_state, now)
    eta, span = _eta(remaining, rate, now)
    ended = by_state[State.SUCCEEDED.value] + by_state[State.FAILED.value]
    return Progress(by_state, round(rate, 1), eta, span, (), calls, round(calls / ended, 2) if ended else None)


def _rate(connection: Connection, batch: Batch, by_state: dict[str, int], now: datetime) -> float:
    finished = sum(by_state[state.value] for state in FINAL)
    if not finished:
        return 0.0
    until = min(batch.finished_at or now, now)
    since = max(batch.created_at, until - WINDOW)
    statement = select(func.count()).where(jobs.c.batch == batch.id, jobs.c.finished_at >= since)
    recent = connection.execute(statement).scalar_one()
    minutes: float = max((until - since).total_seconds(), 1.0) / 60.0
    return float(recent) / minutes


def _eta(remaining: int, rate: float, now: datetime) -> tuple[datetime | None, tuple[datetime, datetime] | None]:
    if not remaining or rate <= 0:
        return None, None
    left = timedelta(minutes=remaining / rate)
    return now + left, (now + left * (1 - _SPREAD), now + left * (1 + _SPREAD))


def _failures(connection: Connection, batch: Batch) -> tuple[Failures, ...]:
    groups = failure_groups(connection, None, FailureFilter(batch=batch.id), limit=_MOST_REASONS)
    counted: Counter[tuple[str, str]] = Counter()
    for group in groups:
        counted[group.error_class, group.message] += group.count
    return tuple(Failures(*reason, count=count) for reason, count in counted.most_common())
