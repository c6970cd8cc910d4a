"""Alembic's entry: runs the steps on the connection that `worker.jobs.ledger.migrate` opened."""

from __future__ import annotations

from alembic import context

from worker.jobs.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
context.run_migrations()
