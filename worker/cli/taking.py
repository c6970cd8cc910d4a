"""What a batch would take, for a person: how many jobs and ERP calls, and when it would be done; how to start or drop one that is held."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import click

from worker.cli.group import Failed
from worker.cli.idle import say_when_idle
from worker.cli.output import local
from worker.cli.watching import EVERY, View, view_of
from worker.jobs import estimates
from worker.jobs.ledger import utc_now
from worker.jobs.search import find_batch
from worker.jobs.states import BatchState, State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.jobs.engine import Database
    from worker.settings import Settings

_UNKNOWN: Final = "not known: the connection lets nothing through"

hold = click.option("--hold", is_flag=True, help="Make and count it; start nothing of it before somebody resumes it.")


def must_not_hold(*, hold: bool, **others: bool) -> None:
    """Raise wrong use where something is asked for beside --hold that a batch which is not started can't do; each by its name."""
    for name, given in others.items():
        if hold and given:
            raise click.UsageError(f"--hold starts nothing: it does not go together with --{name.replace('_', '-')}")


def with_takes(settings: Settings, database: Database, batch_id: str) -> View:
    """The batch as the API shows it; one that is held with what it would take, as `takes`. Raises `NotFound`."""
    view = view_of(database, batch_id)
    if not (view["held"] and view["state"] == BatchState.PAUSED.value):
        return view
    with database.read() as connection:
        batch = find_batch(connection, batch_id)
        found = estimates.of_made(connection, settings, batch, view["counts"][State.QUEUED.value], utc_now())
    return {**view, "takes": {name: value for name, value in found.items() if name != "preview"}}


def wait_until_made(settings: Settings, database: Database, batch_id: str) -> None:
    """Wait while a worker looks for what a selection holds. Raises `Failed` on Ctrl-C: the batch is held all the same."""
    if view_of(database, batch_id)["state"] != BatchState.PLANNING.value:
        return
    say_when_idle(settings, database)
    try:
        while view_of(database, batch_id)["state"] == BatchState.PLANNING.value:
            time.sleep(EVERY)
    except KeyboardInterrupt:
        raise Failed(f"no longer waited for; it is made and held: kitrelay batches show {batch_id}") from None


def rows_of_takes(takes: Mapping[str, Any], skips: str = "would skip") -> list[tuple[str, object]]:
    """Names and values. `skips` says what becomes of documents that are in another job's hands."""
    return [
        *((skips, f"{each['count']}: {each['reason']}") for each in takes["would_skip"]),
        ("ERP calls", f"about {takes['calls']}"),
        ("done by", f"{local(takes['eta'])}, {estimates.RESTS_ON[takes['eta_from']]}" if takes["eta"] else _UNKNOWN),
    ]


def say_how_to_go_on(batch_id: str) -> None:
    """What may be done with a batch that is held."""
    click.echo(
        f"\nnothing of it has started\nstart it: kitrelay batches resume {batch_id}\ndrop it:  kitrelay batches cancel {batch_id}", err=True
    )
