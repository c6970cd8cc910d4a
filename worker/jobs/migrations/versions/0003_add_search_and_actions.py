"""Add what searches, failures, actions and pruning need; the tables are those of `worker.jobs.tables`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from worker.jobs.messages import error_group
from worker.jobs.model import Job, JobError
from worker.jobs.states import State
from worker.jobs.terms import terms_of

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
    op.add_column("batches", sa.Column("turned_by", sa.Text(), nullable=True))

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

    op.create_table(
        "endings",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("tenant", NAME, nullable=False),
        sa.Column("erp", NAME, nullable=False),
        sa.Column("state", NAME, nullable=False),
        sa.Column("jobs", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    _tell_what_is_there()

    op.drop_index("ix_deliveries_at", "deliveries")
    op.create_index("ix_deliveries_at", "deliveries", ["received_at", "id"], unique=False)
    op.create_index("ix_deliveries_type", "deliveries", ["type", "id"], unique=False)
    op.drop_index("ix_jobs_batch", "jobs")
    op.create_index("ix_jobs_batch", "jobs", ["batch", "state", "id", "kind"], unique=False)
    op.create_index("ix_jobs_list", "jobs", ["tenant", "kind", "state", "id"], unique=False)
    op.create_index("ix_jobs_created", "jobs", ["created_at", "id"], unique=False)
    _partial("ix_jobs_ended", ["batch", "finished_at"], "batch IS NOT NULL AND finished_at IS NOT NULL")
    _partial("ix_jobs_failed", ["tenant", "kind", "error_class", "error_group", "finished_at", "id"], "state = 'failed'")
    _partial("ix_jobs_error", ["error_class", "id", "tenant", "kind", "state", "batch"], "error_class IS NOT NULL")


def _partial(name: str, columns: list[str], where: str) -> None:
    op.create_index(name, "jobs", columns, unique=False, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def _tell_what_is_there() -> None:
    """Jobs that were made before get their words, their reasons and their place in the counts."""
    connection = op.get_bind()
    ended = "SELECT tenant, erp, state, count(*) FROM jobs WHERE state IN ('succeeded', 'failed', 'cancelled') GROUP BY tenant, erp, state"
    connection.execute(sa.text(f"INSERT INTO endings (tenant, erp, state, jobs) {ended}"))
    last = ""
    while found := connection.execute(_PORTION, {"last": last}).all():
        told = [_job(row) for row in found]
        last = told[-1].id
        reasons = [{"of": job.id, "reason": error_group(job)} for job in told if job.state is State.FAILED]
        if reasons:
            connection.execute(_REASON, reasons)
        terms = [{"job": job.id, "term": term, "tenant": job.tenant} for job in told for term in sorted(terms_of(job))]
        if terms:
            connection.execute(_TERM, terms)


def _job(row: sa.Row[Any]) -> Job:
    """As much of a job as its words come from."""
    return Job(
        id=row.id,
        tenant=row.tenant,
        erp="",
        kind="",
        arguments=json.loads(row.arguments),
        reference=row.reference,
        created_at=_ONCE,
        due_at=_ONCE,
        made_by="",
        max_attempts=1,
        state=State(row.state),
        unique_key=row.unique_key,
        tags=tuple(json.loads(row.tags)),
        error=JobError(row.error_class, row.error_message or "") if row.error_class else None,
    )


_ONCE = datetime(1970, 1, 1, tzinfo=UTC)
_JOBS = sa.table(
    "jobs",
    *map(
        sa.column, ("id", "tenant", "arguments", "reference", "state", "unique_key", "tags", "error_class", "error_message", "error_group")
    ),
)
_PORTION = sa.select(_JOBS).where(_JOBS.c.id > sa.bindparam("last")).order_by(_JOBS.c.id).limit(1_000)
_REASON = sa.update(_JOBS).where(_JOBS.c.id == sa.bindparam("of")).values(error_group=sa.bindparam("reason"))
_TERM = sa.insert(sa.table("job_terms", *map(sa.column, ("job", "term", "tenant"))))
