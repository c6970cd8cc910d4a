"""The tables of the ledger, by subject. The migrations make exactly these."""

from __future__ import annotations

from worker.jobs.tables.columns import Id, Json, Moment, Name, RowId, Word, metadata
from worker.jobs.tables.figures import endings, paces, spent
from worker.jobs.tables.history import attempts, exchanges, moves
from worker.jobs.tables.incoming import deliveries, delivery_jobs, delivery_keys, idempotency_keys
from worker.jobs.tables.lanes import connections, holdings, standstills, workers
from worker.jobs.tables.people import actions, acts, ended_sessions, failure_marks, saved_views
from worker.jobs.tables.work import batches, in_state, job_tags, job_terms, jobs

__all__ = [
    "Id",
    "Json",
    "Moment",
    "Name",
    "RowId",
    "Word",
    "actions",
    "acts",
    "attempts",
    "batches",
    "connections",
    "deliveries",
    "delivery_jobs",
    "delivery_keys",
    "ended_sessions",
    "endings",
    "exchanges",
    "failure_marks",
    "holdings",
    "idempotency_keys",
    "in_state",
    "job_tags",
    "job_terms",
    "jobs",
    "metadata",
    "moves",
    "paces",
    "saved_views",
    "spent",
    "standstills",
    "workers",
]
