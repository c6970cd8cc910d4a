"""Connections and how they stand, and the workers that share them."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, Table, Text

from worker.jobs.tables.columns import Id, Json, Moment, Name, RowId, metadata

connections = Table(
    "connections",
    metadata,
    Column("tenant", Name, primary_key=True),
    Column("erp", Name, primary_key=True),
    Column("paused_by", Text),
    Column("slots", Integer),
    Column("calls_per_hour", Integer),
    Column("failures", Integer, nullable=False),
    Column("opened", Integer, nullable=False),
    Column("open_until", Moment),
    Column("blocked_until", Moment),
    Column("why", Text),
    Column("last_ok_at", Moment),
    Column("ms", Integer),
    Column("window_at", Moment),
    Column("window_calls", Integer, nullable=False),
    Column("remote_left", Integer),
    Column("remote_resets_at", Moment),
    Column("learned", Json, nullable=False),
    Column("stopped", Name),
)
"""`stopped`: why no call could be started at the last look, NULL if one could; while it stays NULL, no row of `standstills` is read."""

standstills = Table(
    "standstills",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("tenant", Name, nullable=False),
    Column("erp", Name, nullable=False),
    Column("reason", Name, nullable=False),
    Column("why", Text, nullable=False),
    Column("since", Moment, nullable=False),
    Column("until", Moment),
    Index("ix_standstills_lane", "tenant", "erp", "since"),
    Index("ix_standstills_until", "until"),
)
"""When no call of a connection could be started, and why; `until` is NULL while nobody knows its end."""

workers = Table(
    "workers",
    metadata,
    Column("id", Id, primary_key=True),
    Column("place", Text, nullable=False),
    Column("role", Name, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("beat_at", Moment, nullable=False),
    Column("buried", Boolean, nullable=False),
)

holdings = Table(
    "holdings",
    metadata,
    Column("tenant", Name, primary_key=True),
    Column("erp", Name, primary_key=True),
    Column("worker", Id, primary_key=True),
    Column("slots", Integer, nullable=False),
    Column("calls", Integer, nullable=False),
    Column("until", Moment, nullable=False),
)
