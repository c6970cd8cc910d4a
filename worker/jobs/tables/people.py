"""What people do: actions on many jobs, what they noted and saved, and the record of it."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, String, Table, Text

from worker.jobs.tables.columns import Id, Json, Moment, Name, metadata

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
