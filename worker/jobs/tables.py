"""The tables of the ledger. Times are microseconds since 1970 in UTC; JSON is text. The migrations make exactly these."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    false,
    literal_column,
    text,
)
from sqlalchemy.types import TypeDecorator

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class Moment(TypeDecorator[datetime]):
    """An aware datetime, kept as microseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - SQLAlchemy's signature
        """To the database."""
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ANN401, ARG002 - SQLAlchemy's signature
        """From the database."""
        return None if value is None else _EPOCH + timedelta(microseconds=value)


class Json(TypeDecorator[Any]):
    """Any JSON value, kept as text; None is NULL."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ANN401, ARG002 - SQLAlchemy's signature
        """To the database."""
        return None if value is None else orjson.dumps(value).decode()

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ANN401, ARG002 - SQLAlchemy's signature
        """From the database."""
        return None if value is None else orjson.loads(value)


metadata = MetaData()
Id = String(36)
Name = String(120)
Word = Text().with_variant(Text(collation="C"), "postgresql")  # sorts by code points on both databases, so that a beginning is a range
_RowId = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows only in an INTEGER

_QUEUED: Final = text("state = 'queued'")
_WAITING: Final = text("state = 'waiting'")
_RETRYING: Final = text("state = 'retrying'")
_FAILED: Final = text("state = 'failed'")
_FAILED_ON: Final = text("state = 'failed' AND subject IS NOT NULL")
_ENDED: Final = text("batch IS NOT NULL AND finished_at IS NOT NULL")
_TOLD: Final = text("error_class IS NOT NULL")
_HOLDS: Final = text("state IN ('running', 'waiting') AND subject IS NOT NULL")
_ORPHAN: Final = text("state = 'orphan' AND operation IS NOT NULL")
_REPLAYS: Final = text("replay_of IS NOT NULL")
_NOT_TAKEN: Final = text("state <> 'accepted'")

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

endings = Table(
    "endings",
    metadata,
    Column("id", _RowId, primary_key=True, autoincrement=True),
    Column("tenant", Name, nullable=False),
    Column("erp", Name, nullable=False),
    Column("kind", Name, nullable=False),
    Column("state", Name, nullable=False),
    Column("jobs", Integer, nullable=False),
)
"""Jobs that came to their end, and those that left it: the sum of `jobs` is how many there are."""

moves = Table(
    "moves",
    metadata,
    Column("id", _RowId, primary_key=True, autoincrement=True),
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
    Column("id", _RowId, primary_key=True, autoincrement=True),
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
    Column("id", _RowId, primary_key=True, autoincrement=True),
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

actions = Table(
    "actions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("tenants", Json),
    Column("made_by", Text, nullable=False),
    Column("action", Name, nullable=False),
    Column("filter", Json, nullable=False),
    Column("state", Name, nullable=False),
    Column("total", Integer, nullable=False),
    Column("done", Integer, nullable=False),
    Column("skipped", Json, nullable=False),
    Column("cursor", Id),
    Column("created_at", Moment, nullable=False),
    Column("touched_at", Moment, nullable=False),
    Column("finished_at", Moment),
    Index("ix_actions_state", "state", "touched_at"),
    Index("ix_actions_finished", "finished_at"),
)
"""What a person does to many jobs at once. `tenants` is what they may see, None for all; `cursor` the last job that was looked at."""

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

paces = Table(
    "paces",
    metadata,
    Column("id", _RowId, primary_key=True, autoincrement=True),
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
    Column("id", _RowId, primary_key=True, autoincrement=True),
    Column("batch", Id, nullable=False),
    Column("calls", Integer, nullable=False),
    Index("ix_spent_batch", "batch"),
)
"""ERP calls that the jobs of a batch took: the sum of `calls`."""

standstills = Table(
    "standstills",
    metadata,
    Column("id", _RowId, primary_key=True, autoincrement=True),
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

acts = Table(
    "acts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("by", Text, nullable=False),
    Column("tenant", Name),
    Column("act", Name, nullable=False),
    Column("subject", Text, nullable=False),
    Column("before", Json),
    Column("after", Json),
    Index("ix_acts_tenant", "tenant", "id"),
    Index("ix_acts_at", "at"),
    Index("ix_acts_subject", "subject", "id"),
)
"""What people and keys did beside their jobs: to what, from what, to what. `tenant` is NULL for what is about no single one."""

saved_views = Table(
    "saved_views",
    metadata,
    Column("owner", Name, primary_key=True),
    Column("page", Name, primary_key=True),
    Column("name", Name, primary_key=True),
    Column("query", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
)
"""Questions that a key's people ask often, by the name they gave them."""

ended_sessions = Table(
    "ended_sessions",
    metadata,
    Column("nonce", String(64), primary_key=True),
    Column("expires_at", Moment, nullable=False),
    Index("ix_ended_sessions_expiry", "expires_at"),
)
"""Sessions of the pages that somebody ended by logging out; after `expires_at` they would be over anyway."""

failure_marks = Table(
    "failure_marks",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("tenant", Name, nullable=False),
    Column("acknowledged_at", Moment, nullable=False),
    Column("acknowledged_by", Text, nullable=False),
    Column("note", Text, nullable=False),
)
"""Groups of failures that somebody knows of: `id` is made from what groups them. One that fails again after that is open again."""
