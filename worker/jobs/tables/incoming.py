"""What arrived, and the keys by which a repeated delivery or request is known."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, ForeignKey, Index, String, Table, Text, text

from worker.jobs.tables.columns import Id, Json, Moment, Name, metadata

_ORPHAN: Final = text("state = 'orphan' AND operation IS NOT NULL")
_REPLAYS: Final = text("replay_of IS NOT NULL")
_NOT_TAKEN: Final = text("state <> 'accepted'")

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Id, primary_key=True),
    Column("tenant", Name, nullable=False),
    Column("source", Name, nullable=False),
    Column("type", Text, nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("state", Name, nullable=False),
    Column("reason", Text),
    Column("operation", Text),
    Column("headers", Json, nullable=False),
    Column("body", Text, nullable=False),
    Column("outcomes", Json),
    Column("replay_of", Id),
    Index("ix_deliveries_tenant", "tenant", "id"),
    Index("ix_deliveries_at", "received_at", "id"),
    Index("ix_deliveries_type", "type", "id"),
    Index("ix_deliveries_orphan", "tenant", "operation", sqlite_where=_ORPHAN, postgresql_where=_ORPHAN),
    Index("ix_deliveries_not_taken", "id", sqlite_where=_NOT_TAKEN, postgresql_where=_NOT_TAKEN),
    Index("ix_deliveries_replay", "replay_of", sqlite_where=_REPLAYS, postgresql_where=_REPLAYS),
)

delivery_jobs = Table(
    "delivery_jobs",
    metadata,
    Column("delivery", Id, ForeignKey("deliveries.id", ondelete="CASCADE"), primary_key=True),
    Column("job", Id, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Index("ix_delivery_jobs_job", "job"),
)

delivery_keys = Table(
    "delivery_keys",
    metadata,
    Column("tenant", Name, primary_key=True),
    Column("source", Name, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("delivery", Id, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Index("ix_delivery_keys_expiry", "expires_at"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("owner", Name, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("made", Id),
    Column("expires_at", Moment, nullable=False),
    Index("ix_idempotency_expiry", "expires_at"),
)
