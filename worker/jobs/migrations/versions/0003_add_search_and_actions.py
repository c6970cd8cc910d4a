"""Add what searches, failures, actions and pruning need; the tables are those of `worker.jobs.tables`."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ID = sa.String(length=36)
NAME = sa.String(length=120)
WORD = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Go to this version."""
    op.add_column("jobs", sa.Column("error_group", sa.Text(), nullable=True))
    op.add_column("deliveries", sa.Column("outcomes", sa.Text(), nullable=True))
    op.add_column("deliveries", sa.Column("replay_of", ID, nullable=True))
    op.add_column("batches", sa.Column("pruned", sa.Text(), nullable=True))

    op.create_table(
        "job_terms",
        sa.Column("job", ID, nullable=False),
        sa.Column("term", WORD, nullable=False),
        sa.Column("tenant", NAME, nullable=False),
        sa.PrimaryKeyConstraint("job", "term"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_job_terms_term", "job_terms", ["tenant", "term", "job"], unique=False)

    op.create_table(
        "actions",
        sa.Column("id", ID, nullable=False),
        sa.Column("tenants", sa.Text(), nullable=True),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("action", NAME, nullable=False),
        sa.Column("filter", sa.Text(), nullable=False),
        sa.Column("state", NAME, nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("skipped", sa.Text(), nullable=False),
        sa.Column("cursor", ID, nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("touched_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_actions_finished", "actions", ["finished_at"], unique=False)
    op.create_index("ix_actions_state", "actions", ["state", "touched_at"], unique=False)

    op.drop_index("ix_jobs_batch", "jobs")
    op.create_index("ix_jobs_batch", "jobs", ["batch", "state", "id", "kind"], unique=False)
    op.create_index("ix_jobs_list", "jobs", ["tenant", "kind", "state", "id"], unique=False)
    op.create_index("ix_jobs_created", "jobs", ["created_at", "id"], unique=False)
    _partial("ix_jobs_ended", ["batch", "finished_at"], "batch IS NOT NULL AND finished_at IS NOT NULL")
    _partial("ix_jobs_failed", ["tenant", "kind", "error_class", "error_group", "finished_at", "id"], "state = 'failed'")
    _partial("ix_jobs_error", ["error_class", "id", "tenant", "kind", "state", "batch"], "error_class IS NOT NULL")


def _partial(name: str, columns: list[str], where: str) -> None:
    op.create_index(name, "jobs", columns, unique=False, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
