"""The tables of the kit part, beside the ledger's own. `metadata` here is that of both, and the migrations make exactly these.

A `key` is a code as it is compared (`KitBook`'s `same`), never shown. It sorts by code points on both databases, as Python's text does, so
that two walks can be laid beside each other.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, ForeignKeyConstraint, Index, Integer, Table, Text, text

from worker.jobs.tables import Id, Json, Moment, Name, metadata

__all__ = ["agreements", "former_names", "links", "metadata", "parts", "rounds", "snapshots", "writes"]

Key: Final = Text().with_variant(Text(collation="C"), "postgresql")
_OPEN: Final = text("finished_at IS NULL")

links = Table(
    "kit_links",
    metadata,
    Column("tenant", Name, primary_key=True),
    Column("erp", Name, primary_key=True),
    Column("kind", Name, primary_key=True),
    Column("remote_id", Text, primary_key=True),
    Column("key", Key, nullable=False),
    Column("code", Text, nullable=False),
    Column("unit", Text),
    Column("facts", Json, nullable=False),
    Column("first_seen", Moment, nullable=False),
    Column("last_seen", Moment, nullable=False),
    Index("ix_kit_links_key", "tenant", "erp", "kind", "key"),
)
"""What has an id in an ERP."""

former_names = Table(
    "kit_former_names",
    metadata,
    Column("tenant", Name, primary_key=True),
    Column("erp", Name, primary_key=True),
    Column("kind", Name, primary_key=True),
    Column("key", Key, primary_key=True),
    Column("remote_id", Text, nullable=False),
    Column("renamed_at", Moment, nullable=False),
    ForeignKeyConstraint(
        ["tenant", "erp", "kind", "remote_id"],
        ["kit_links.tenant", "kit_links.erp", "kit_links.kind", "kit_links.remote_id"],
        ondelete="CASCADE",
    ),
    Index("ix_kit_former_names_id", "tenant", "erp", "kind", "remote_id"),
)
"""What an id was called before. A name leads to one id: the one that gave it up last."""

snapshots = Table(
    "kit_snapshots",
    metadata,
    Column("tenant", Name, primary_key=True),
    Column("erp", Name, primary_key=True),
    Column("key", Key, primary_key=True),
    Column("code", Text, nullable=False),
    Column("revision", Text),
    Column("remote_id", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("followed", Text),
    Column("recipe", Json, nullable=False),
    Column("seen_at", Moment, nullable=False),
    Column("round", Text),
)
"""What a kit was when it was last read. `followed`: the fingerprint that syncs have acted on, where that is another."""

parts = Table(
    "kit_parts",
    metadata,
    Column("tenant", Name, primary_key=True),
    Column("erp", Name, primary_key=True),
    Column("part_key", Key, primary_key=True),
    Column("kit_key", Key, primary_key=True),
    ForeignKeyConstraint(
        ["tenant", "erp", "kit_key"], ["kit_snapshots.tenant", "kit_snapshots.erp", "kit_snapshots.key"], ondelete="CASCADE"
    ),
    Index("ix_kit_parts_kit", "tenant", "erp", "kit_key", "part_key"),
)
"""Where a kit is used: from the inner kit to those that hold it. It goes with the snapshot that said so."""

writes = Table(
    "kit_writes",
    metadata,
    Column("tenant", Name, primary_key=True),
    Column("erp", Name, primary_key=True),
    Column("key", Key, primary_key=True),
    Column("fingerprint", Text, primary_key=True),
    Column("at", Moment, nullable=False),
    Index("ix_kit_writes_at", "at"),
)
"""What we made of a kit ourselves."""

agreements = Table(
    "kit_agreements",
    metadata,
    Column("tenant", Name, primary_key=True),
    Column("source", Name, primary_key=True),
    Column("target", Name, primary_key=True),
    Column("key", Key, primary_key=True),
    Column("source_fingerprint", Text, nullable=False),
    Column("target_fingerprint", Text, nullable=False),
    Column("at", Moment, nullable=False),
)
"""What source and target were when they last agreed."""

rounds = Table(
    "kit_rounds",
    metadata,
    Column("tenant", Name, primary_key=True),
    Column("started_at", Moment, primary_key=True),
    Column("finished_at", Moment),
    Column("batch", Id),
    Column("found", Integer),
    Column("message", Text),
    Index("ux_kit_rounds_open", "tenant", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
    Index("ix_kit_rounds_finished", "finished_at"),
)
"""Scheduled comparisons; a tenant has one open at most."""
