"""`migrate`: bring the database to this version."""

from __future__ import annotations

import click

from worker.cli import options
from worker.cli.opening import load
from worker.cli.output import show_json
from worker.jobs.engine import Database
from worker.jobs.ledger import is_current
from worker.jobs.ledger import migrate as migrate_ledger


@click.command(epilog=options.example("kitrelay migrate"))
@options.as_json
def migrate(as_json: bool) -> None:  # noqa: FBT001 - click gives it by name
    """Bring the database to this version.

    Harmless when it is, and when several do it at once. Run it before a new version's processes start.
    """
    settings = load()
    database = Database(settings.database_url)
    try:
        before = is_current(database)
    finally:
        database.close()
    migrate_ledger(settings.database_url)
    if as_json:
        show_json({"changed": not before, "current": True})
    else:
        click.echo("the database was at this version already" if before else "the database is at this version now")
