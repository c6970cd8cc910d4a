"""Batches and jobs, with what jobs are found by."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Boolean, Column, ColumnElement, ForeignKey, Index, Integer, Table, Text, false, literal_column, text

from worker.jobs.tables.columns import Id, Json, Moment, Name, Word, metadata

_QUEUED: Final = text("state = 'queued'")
_WAITING: Final = text("state = 'waiting'")
_RETRYING: Final = text("state = 'retrying'")
_FAILED: Final = text("state = 'failed'")
_FAILED_ON: Final = text("state = 'failed' AND subject IS NOT NULL")
_ENDED: Final = text("batch IS NOT NULL AND finished_at IS NOT NULL")
_TOLD: Final = text("error_class IS NOT NULL")
_HOLDS: Final = text("state IN ('running', 'waiting') AND subject IS NOT NULL")

batches = Table(
    "batches",
    metadata,
    Column("id", Id, primary_key=True),
    Column("tenant", Name, nullable=False),
    Column("erp", Name, nullable=False),
    Column("kind", Name, nullable=False),
    Column("name", Text, nullable=False),
    Column("state", Name, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("select", Json),
    Column("planned", Json, nullable=False),
    Column("total", Integer, nullable=False),
    Column("finished_at", Moment),
    Column("touched_at", Moment, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("tags", Json, nullable=False),
    Column("message", Text),
    Column("pruned", Json),
    Column("turned_by", Text),
    Column("held", Boolean, nullable=False, server_default=false()),
    Index("ix_batches_lane", "tenant", "erp", "state"),
    Index("ix_batches_state", "state", "touched_at"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", Id, primary_key=True),
    Column("tenant", Name, nullable=False),
    Column("erp", Name, nullable=False),
    Column("kind", Name, nullable=False),
    Column("state", Name, nullable=False),
    Column("arguments", Json, nullable=False),
    Column("reference", Text, nullable=False),
    Column("subject", Text),
    Column("erp_id", Text),
    Column("batch", Id, ForeignKey("batches.id")),
    Column("unique_key", Text),
    Column("priority", Integer, nullable=False),
    Column("tags", Json, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("max_attempts", Integer, nullable=False),
    Column("deaths", Integer, nullable=False),
    Column("starts", Integer, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("owner", Id),
    Column("lease_until", Moment),
    Column("notified_at", Moment),
    Column("made_by", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("claimed_at", Moment),
    Column("started_at", Moment),
    Column("finished_at", Moment),
    Column("result", Json),
    Column("error_class", Name),
    Column("error_message", Text),
    Column("error_status", Integer),
    Column("progress", Json, nullable=False),
    Column("error_group", Text),
    Column("closed_by", Id),
    Column("closed_at", Moment),
    Index("ix_jobs_start", "tenant", "erp", "batch", text("priority DESC"), "due_at", "id", sqlite_where=_QUEUED, postgresql_where=_QUEUED),
    Index("ix_jobs_waiting", "tenant", "erp", "due_at", sqlite_where=_WAITING, postgresql_where=_WAITING),
    Index("ix_jobs_retrying", "tenant", "erp", "due_at", sqlite_where=_RETRYING, postgresql_where=_RETRYING),
    Index("ix_jobs_batch", "batch", "state", "id", "kind"),
    Index("ix_jobs_ended", "batch", "finished_at", sqlite_where=_ENDED, postgresql_where=_ENDED),
    Index("ix_jobs_list", "tenant", "kind", "state", "id"),
    Index("ix_jobs_created", "created_at", "id"),
    Index(
        "ix_jobs_failed",
        "tenant",
        "kind",
        "error_class",
        "error_group",
        "finished_at",
        "id",
        "closed_at",
        "erp",
        sqlite_where=_FAILED,
        postgresql_where=_FAILED,
    ),
    Index("ix_jobs_failed_subject", "tenant", "subject", sqlite_where=_FAILED_ON, postgresql_where=_FAILED_ON),
    Index("ix_jobs_error", "error_class", "id", "tenant", "kind", "state", "batch", sqlite_where=_TOLD, postgresql_where=_TOLD),
    Index(
        "ix_jobs_subject",
        "tenant",
        "subject",
        sqlite_where=text("subject IS NOT NULL"),
        postgresql_where=text("subject IS NOT NULL"),
    ),
    Index("ux_jobs_document", "tenant", "subject", unique=True, sqlite_where=_HOLDS, postgresql_where=_HOLDS),
    Index("ix_jobs_owner", "owner", sqlite_where=text("owner IS NOT NULL"), postgresql_where=text("owner IS NOT NULL")),
    Index("ix_jobs_erp_id", "tenant", "erp_id", sqlite_where=text("erp_id IS NOT NULL"), postgresql_where=text("erp_id IS NOT NULL")),
    Index(
        "ix_jobs_unique",
        "tenant",
        "kind",
        "unique_key",
        sqlite_where=text("unique_key IS NOT NULL"),
        postgresql_where=text("unique_key IS NOT NULL"),
    ),
    Index("ix_jobs_reference", "tenant", "reference"),
    Index("ix_jobs_tenant", "tenant", "id"),
)


def in_state(state: str) -> ColumnElement[bool]:
    """Jobs in a state, written as a literal: only so do both databases use the indexes that hold one state's jobs."""
    return jobs.c.state == literal_column(f"'{state}'")


job_tags = Table(
    "job_tags",
    metadata,
    Column("tag", Name, primary_key=True),
    Column("job", Id, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("tenant", Name, nullable=False),
    Column("kind", Name, nullable=False),
    Column("ended", Name),
    Column("batch", Id),
    Index("ix_job_tags_job", "job"),
    Index("ix_job_tags_ended", "tag", "ended", "job", "tenant", "kind", "batch"),
)
"""`ended` is the final state that the job came to, NULL while it is open; the rest is the job's, and never changes.

So a tag's jobs are counted, and those of a batch found among them, without looking at each.
"""

job_terms = Table(
    "job_terms",
    metadata,
    Column("job", Id, primary_key=True),  # no foreign key: each word of each job would pay for it; what deletes jobs deletes these
    Column("term", Word, primary_key=True),
    Column("tenant", Name, nullable=False),
    Index("ix_job_terms_term", "tenant", "term", "job"),
    sqlite_with_rowid=False,
)
"""What jobs are found by: words of their reference, arguments, tags and, while they are failed, of their error."""
