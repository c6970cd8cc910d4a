"""Add what the pages ask for, and make tags and ends countable by kind; the tables are those of `worker.jobs.tables`."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ID = sa.String(length=36)
NAME = sa.String(length=120)
ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Go to this version."""
    op.add_column("jobs", sa.Column("closed_by", ID, nullable=True))
    op.add_column("jobs", sa.Column("closed_at", sa.BigInteger(), nullable=True))
    op.drop_column("actions", "message")
    op.add_column("exchanges", sa.Column("headers", sa.Text(), nullable=True))
    op.add_column("kit_snapshots", sa.Column("followed", sa.Text(), nullable=True))
    op.add_column("batches", sa.Column("held", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.drop_index("ix_jobs_failed", "jobs")
    _partial(
        "ix_jobs_failed", ["tenant", "kind", "error_class", "error_group", "finished_at", "id", "closed_at", "erp"], "state = 'failed'"
    )
    _partial("ix_jobs_failed_subject", ["tenant", "subject"], "state = 'failed' AND subject IS NOT NULL")
    _partial("ix_deliveries_not_taken", ["id"], "state <> 'accepted'", "deliveries")
    _partial("ix_deliveries_replay", ["replay_of"], "replay_of IS NOT NULL", "deliveries")
    _make_tags_again()
    _make_endings_again()
    _add_figures()
    _add_records()


def _partial(name: str, columns: list[str], where: str, table: str = "jobs") -> None:
    op.create_index(name, table, columns, unique=False, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def _make_tags_again() -> None:
    """A new table, filled from a copy of the old: SQLite adds no column that must have a value."""
    op.execute("CREATE TABLE job_tags_before AS SELECT tag, job FROM job_tags")
    op.drop_table("job_tags")
    op.create_table(
        "job_tags",
        sa.Column("tag", NAME, nullable=False),
        sa.Column("job", ID, nullable=False),
        sa.Column("tenant", NAME, nullable=False),
        sa.Column("kind", NAME, nullable=False),
        sa.Column("ended", NAME, nullable=True),
        sa.Column("batch", ID, nullable=True),
        sa.ForeignKeyConstraint(["job"], ["jobs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tag", "job"),
    )
    op.execute(
        "INSERT INTO job_tags (tag, job, tenant, kind, batch, ended) "
        "SELECT t.tag, t.job, j.tenant, j.kind, j.batch, CASE WHEN j.state IN ('succeeded', 'failed', 'cancelled') THEN j.state END "
        "FROM job_tags_before t JOIN jobs j ON j.id = t.job"
    )
    op.drop_table("job_tags_before")
    op.create_index("ix_job_tags_job", "job_tags", ["job"], unique=False)
    op.create_index("ix_job_tags_ended", "job_tags", ["tag", "ended", "job", "tenant", "kind", "batch"], unique=False)


def _make_endings_again() -> None:
    op.drop_table("endings")
    op.create_table(
        "endings",
        sa.Column("id", ROW, autoincrement=True, nullable=False),
        sa.Column("tenant", NAME, nullable=False),
        sa.Column("erp", NAME, nullable=False),
        sa.Column("kind", NAME, nullable=False),
        sa.Column("state", NAME, nullable=False),
        sa.Column("jobs", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.execute(
        "INSERT INTO endings (tenant, erp, kind, state, jobs) SELECT tenant, erp, kind, state, count(*) FROM jobs "
        "WHERE state IN ('succeeded', 'failed', 'cancelled') GROUP BY tenant, erp, kind, state"
    )


def _add_figures() -> None:
    op.add_column("connections", sa.Column("stopped", NAME, nullable=True))
    op.add_column("moves", sa.Column("due_at", sa.BigInteger(), nullable=True))
    op.create_table(
        "paces",
        sa.Column("id", ROW, autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("tenant", NAME, nullable=False),
        sa.Column("erp", NAME, nullable=False),
        sa.Column("state", NAME, nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("jobs", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_paces_at", "paces", ["at"], unique=False)
    op.create_table(
        "spent",
        sa.Column("id", ROW, autoincrement=True, nullable=False),
        sa.Column("batch", ID, nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_spent_batch", "spent", ["batch"], unique=False)
    op.create_table(
        "standstills",
        sa.Column("id", ROW, autoincrement=True, nullable=False),
        sa.Column("tenant", NAME, nullable=False),
        sa.Column("erp", NAME, nullable=False),
        sa.Column("reason", NAME, nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_standstills_lane", "standstills", ["tenant", "erp", "since"], unique=False)
    op.create_index("ix_standstills_until", "standstills", ["until"], unique=False)


def _add_records() -> None:
    op.create_table(
        "acts",
        sa.Column("id", ID, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("tenant", NAME, nullable=True),
        sa.Column("act", NAME, nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_acts_at", "acts", ["at"], unique=False)
    op.create_index("ix_acts_subject", "acts", ["subject", "id"], unique=False)
    op.create_index("ix_acts_tenant", "acts", ["tenant", "id"], unique=False)
    op.create_table(
        "saved_views",
        sa.Column("owner", NAME, nullable=False),
        sa.Column("page", NAME, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "page", "name"),
    )
    op.create_table(
        "ended_sessions",
        sa.Column("nonce", sa.String(length=64), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("nonce"),
    )
    op.create_index("ix_ended_sessions_expiry", "ended_sessions", ["expires_at"], unique=False)
    op.create_table(
        "failure_marks",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("tenant", NAME, nullable=False),
        sa.Column("acknowledged_at", sa.BigInteger(), nullable=False),
        sa.Column("acknowledged_by", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
