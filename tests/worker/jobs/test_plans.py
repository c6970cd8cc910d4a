"""The questions that are asked all the time use their indexes, however many jobs there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event

from tests.worker.jobs.acting import LANE, NOW, claim, later, make, make_batch, settle, wanted
from worker.jobs import arrivals, batch_jobs, batches, claims, estimates, fleet, overview, speeds, verdicts
from worker.jobs.arrivals import Arrival, News
from worker.jobs.model import JobError
from worker.jobs.progress import standings
from worker.jobs.search import JobFilter, find_batches, find_jobs, same_document
from worker.scheduler import lanes_with_work

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.jobs.engine import Database


def plans(db: Database, ask: Callable[[Any], object]) -> list[str]:
    """How SQLite carries out what `ask` reads and writes, a line for each table that it goes through."""
    seen: list[tuple[str, Any]] = []

    def keep(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if statement.split(maxsplit=1)[0] in {"SELECT", "UPDATE", "DELETE"}:
            seen.append((statement, parameters))

    with db.write() as connection:
        event.listen(db.engine, "before_cursor_execute", keep)
        try:
            ask(connection)
        finally:
            event.remove(db.engine, "before_cursor_execute", keep)
        lines = []
        for statement, parameters in seen:
            one = parameters[0] if isinstance(parameters, list) else parameters
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", tuple(one))
            lines += [row.detail for row in rows]
    return [line for line in lines if line.startswith(("SCAN", "SEARCH"))]


@pytest.fixture
def busy(sqlite_db: Database) -> Database:
    """A ledger with some hundred jobs in every state, of two tenants."""
    news = [wanted(n) for n in range(300)]
    make_batch(sqlite_db, *news[:200])
    make(sqlite_db, *news[200:], *(wanted(n, tenant="other") for n in range(50)))
    taken = claim(sqlite_db, 20)
    for number, job in enumerate(taken):
        verdict = (
            verdicts.done("seen"),
            verdicts.accepted("taken", wait=60, erp_id=f"op-{number}"),
            verdicts.retry(JobError("timeout", "no answer")),
            verdicts.failed(JobError("bug", "oh")),
        )[number % 4]
        if number < 16:
            settle(sqlite_db, job, verdict)
    return sqlite_db


def _delivered(db: Database) -> Callable[[Any], object]:
    arrival = Arrival("acme", "visma", "operation", {}, "", "k", "visma", (News("some-id", "op-1"),))
    return lambda connection: arrivals.store(db, connection, [arrival], NOW)


QUESTIONS: dict[str, tuple[Callable[[Database], Callable[[Any], object]], set[str]]] = {
    "claim": (lambda _: lambda c: claims.claim(c, LANE, "w", NOW, later(90), 8), {"ix_jobs_start", "ix_jobs_subject"}),
    "waiting": (lambda _: lambda c: claims.waiting(c, LANE, later(99), 50), {"ix_jobs_waiting"}),
    "retrying": (lambda _: lambda c: claims.requeue_due(c, LANE, later(9999)), {"ix_jobs_retrying"}),
    "reap": (lambda db: lambda c: fleet.reap(db, c, later(999), 12), {"ix_jobs_owner"}),
    "counts": (lambda _: lambda c: batches.counts(c, _batch(c)), {"ix_jobs_batch"}),
    "close": (lambda _: lambda c: batches.close_finished(c, NOW), {"ix_jobs_batch"}),
    "sweep cancelled": (lambda db: lambda c: _cancelled(db, c), {"ix_jobs_batch"}),
    "lanes with work": (
        lambda _: lambda c: list(lanes_with_work(c, [LANE], NOW)),
        {"ix_jobs_start", "ix_jobs_waiting", "ix_jobs_retrying"},
    ),
    "notification": (_delivered, {"ix_jobs_erp_id"}),
    "oldest due": (lambda _: lambda c: overview.oldest_due(c, LANE, NOW), {"ix_jobs_start", "ix_jobs_waiting"}),
    "in line": (lambda _: lambda c: overview.in_line(c, "acme", "visma"), {"ix_jobs_start", "ix_jobs_waiting", "ix_jobs_retrying"}),
    "jobs on one document": (lambda _: lambda c: same_document(c, find_jobs(c, JobFilter(tenant="acme"), 1)[0], 9), {"ix_jobs_subject"}),
    "latest of a batch": (lambda _: lambda c: batch_jobs.latest(c, _batch(c), 15), {"ix_jobs_batch", "ix_jobs_ended"}),
    "all of a batch": (lambda _: lambda c: batch_jobs.portion(c, _batch(c), "", 100), {"ix_jobs_batch"}),
    "where batches stand": (lambda _: lambda c: standings(c, find_batches(c, None, 25), NOW), {"ix_jobs_batch", "ix_jobs_ended"}),
    "what a held batch takes": (
        lambda _: lambda c: estimates.also_open(c, find_batches(c, None, 1)[0]),
        {"ix_jobs_batch", "ix_jobs_subject"},
    ),
    "how fast it went": (lambda _: lambda c: speeds.speed_of(c, "acme", "release_kit_assembly", later(300)), {"ix_jobs_ended"}),
    "page of a tenant": (lambda _: lambda c: find_jobs(c, JobFilter(tenant="acme"), 50, "f"), {"ix_jobs_tenant"}),
}


FEW = ("ix_jobs_start", "ix_jobs_waiting", "ix_jobs_retrying", "ix_jobs_owner")
"""Indexes that hold the jobs of one state only: to go through one of these is to go through few."""


def _batch(connection: Any) -> str:
    return str(connection.exec_driver_sql("SELECT id FROM batches").scalar())


def _cancelled(db: Database, connection: Any) -> None:
    batches.turn(db, connection, _batch(connection), "cancel", NOW)
    batches.sweep_cancelled(connection, NOW)


@pytest.mark.parametrize("question", sorted(QUESTIONS))
def test_indexes_are_used(question: str, busy: Database) -> None:
    """No question of every round goes through all jobs, moves or deliveries, and each uses the index that was made for it."""
    ask, indexes = QUESTIONS[question]
    found = plans(busy, ask(busy))
    assert found
    large = ("SCAN jobs", "SCAN other", "SCAN moves", "SCAN deliver")
    full = [line for line in found if line.startswith(large) and not any(line.endswith(index) for index in FEW)]
    assert full == []
    assert {index for index in indexes if any(index in line for line in found)} == indexes
