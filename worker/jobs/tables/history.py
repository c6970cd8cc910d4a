"""What became of jobs: each move, each attempt, each call with its answer."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text

from worker.jobs.tables.columns import Id, Json, Moment, Name, RowId, metadata

moves = Table(
    "moves",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("job", Id, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("at", Moment, nullable=False),
    Column("origin", Name),
    Column("target", Name, nullable=False),
    Column("cause", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("due_at", Moment),
    Index("ix_moves_job", "job", "id"),
)
"""`due_at`: when the job was due, where a worker claimed it."""

attempts = Table(
    "attempts",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("job", Id, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("outcome", Text, nullable=False),
    Index("ix_attempts_job", "job", "number"),
)

exchanges = Table(
    "exchanges",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("job", Id, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("at", Moment, nullable=False),
    Column("method", Name, nullable=False),
    Column("url", Text, nullable=False),
    Column("status", Integer),
    Column("ms", Integer, nullable=False),
    Column("request", Text),
    Column("response", Text),
    Column("headers", Json),
    Index("ix_exchanges_job", "job", "id"),
    Index("ix_exchanges_at", "at"),
)
