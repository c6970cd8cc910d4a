"""Add what the ledger knows of kits; the tables are those of `worker.kit_ledger.tables`."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NAME = sa.String(length=120)
KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Go to this version."""
    op.create_table(
        "kit_links",
        sa.Column("tenant", NAME, nullable=False),
        sa.Column("erp", NAME, nullable=False),
        sa.Column("kind", NAME, nullable=False),
        sa.Column("remote_id", sa.Text(), nullable=False),
        sa.Column("key", KEY, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=True),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("first_seen", sa.BigInteger(), nullable=False),
        sa.Column("last_seen", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "erp", "kind", "remote_id"),
    )
    op.create_index("ix_kit_links_key", "kit_links", ["tenant", "erp", "kind", "key"], unique=False)

    op.create_table(
        "kit_former_names",
        sa.Column("tenant", NAME, nullable=False),
        sa.Column("erp", NAME, nullable=False),
        sa.Column("kind", NAME, nullable=False),
        sa.Column("key", KEY, nullable=False),
        sa.Column("remote_id", sa.Text(), nullable=False),
        sa.Column("renamed_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "erp", "kind", "remote_id"],
            ["kit_links.tenant", "kit_links.erp", "kit_links.kind", "kit_links.remote_id"],
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant", "erp", "kind", "key"),
    )
    op.create_index("ix_kit_former_names_id", "kit_former_names", ["tenant", "erp", "kind", "remote_id"], unique=False)

    op.create_table(
        "kit_snapshots",
        sa.Column("tenant", NAME, nullable=False),
        sa.Column("erp", NAME, nullable=False),
        sa.Column("key", KEY, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("revision", sa.Text(), nullable=True),
        sa.Column("remote_id", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("recipe", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("round", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "erp", "key"),
    )
    op.create_table(
        "kit_parts",
        sa.Column("tenant", NAME, nullable=False),
        sa.Column("erp", NAME, nullable=False),
        sa.Column("part_key", KEY, nullable=False),
        sa.Column("kit_key", KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "erp", "kit_key"], ["kit_snapshots.tenant", "kit_snapshots.erp", "kit_snapshots.key"], ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant", "erp", "part_key", "kit_key"),
    )
    op.create_index("ix_kit_parts_kit", "kit_parts", ["tenant", "erp", "kit_key", "part_key"], unique=False)

    op.create_table(
        "kit_writes",
        sa.Column("tenant", NAME, nullable=False),
        sa.Column("erp", NAME, nullable=False),
        sa.Column("key", KEY, nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "erp", "key", "fingerprint"),
    )
    op.create_index("ix_kit_writes_at", "kit_writes", ["at"], unique=False)

    op.create_table(
        "kit_agreements",
        sa.Column("tenant", NAME, nullable=False),
        sa.Column("source", NAME, nullable=False),
        sa.Column("target", NAME, nullable=False),
        sa.Column("key", KEY, nullable=False),
        sa.Column("source_fingerprint", sa.Text(), nullable=False),
        sa.Column("target_fingerprint", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "source", "target", "key"),
    )
    op.create_table(
        "kit_rounds",
        sa.Column("tenant", NAME, nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("batch", sa.String(length=36), nullable=True),
        sa.Column("found", sa.Integer(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "started_at"),
    )
    op.create_index("ix_kit_rounds_finished", "kit_rounds", ["finished_at"], unique=False)
    op.create_index(
        "ux_kit_rounds_open",
        "kit_rounds",
        ["tenant"],
        unique=True,
        sqlite_where=sa.text("finished_at IS NULL"),
        postgresql_where=sa.text("finished_at IS NULL"),
    )
