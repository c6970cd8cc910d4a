"""What is summed up as it happens, so that no page counts jobs. Rows are added and merged; only their sums mean something."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Table

from worker.jobs.tables.columns import Id, Moment, Name, RowId, metadata

endings = Table(
    "endings",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("tenant", Name, nullable=False),
    Column("erp", Name, nullable=False),
    Column("kind", Name, nullable=False),
    Column("state", Name, nullable=False),
    Column("jobs", Integer, nullable=False),
)
"""Jobs that came to their end, and those that left it: the sum of `jobs` is how many there are."""

paces = Table(
    "paces",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("at", Moment, nullable=False),
    Column("tenant", Name, nullable=False),
    Column("erp", Name, nullable=False),
    Column("state", Name, nullable=False),
    Column("step", Integer, nullable=False),
    Column("jobs", Integer, nullable=False),
    Index("ix_paces_at", "at"),
)
"""How many jobs ended in which five minutes (`at`: when these began) after how long (a step of a scale): the sum of `jobs` counts."""

spent = Table(
    "spent",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("batch", Id, nullable=False),
    Column("calls", Integer, nullable=False),
    Index("ix_spent_batch", "batch"),
)
"""ERP calls that the jobs of a batch took: the sum of `calls`."""
