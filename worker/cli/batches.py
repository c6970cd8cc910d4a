"""`batches`: the API's verbs on batches, on the ledger itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from worker.cli import options
from worker.cli.acting import act_on_each
from worker.cli.group import FAILED, Failed
from worker.cli.idle import say_when_idle
from worker.cli.opening import actor, load, opened
from worker.cli.output import local, pairs, show_json, table, wide
from worker.cli.taking import rows_of_takes, say_how_to_go_on, wait_until_made, with_takes
from worker.cli.watching import watch
from worker.jobs import batches as ledger
from worker.jobs import search
from worker.jobs.ledger import utc_now
from worker.jobs.progress import progress_of
from worker.jobs.states import FINAL, BatchState
from worker.jobs.views import batch_view

if TYPE_CHECKING:
    from worker.jobs.engine import Database
    from worker.settings import Settings

View = dict[str, Any]


@click.group(epilog=options.example("kitrelay batches list", "kitrelay batches watch 019a…"))
def batches() -> None:
    """Look at batches; pause, resume and cancel them."""


@batches.command("list", epilog=options.example("kitrelay batches list --state running"))
@options.tenant_filter
@click.option("--state", type=click.Choice([state.value for state in BatchState]))
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True)
@options.cursor
@options.as_json
def list_(tenant: str | None, state: str | None, limit: int, cursor: str | None, as_json: bool) -> None:  # noqa: FBT001 - click gives it by name
    """List batches, newest first."""
    now = utc_now()
    with opened(load()) as database, database.read() as connection:
        found = search.find_batches(connection, None if tenant is None else (tenant,), limit + 1, cursor, state)
        shown = [batch_view(batch, progress_of(connection, batch, now)) for batch in found[:limit]]
    following = shown[-1]["id"] if len(found) > limit else None
    if as_json:
        show_json({"items": shown, "next": following})
        return
    made = ("made",) if wide() else ()
    table(("batch", "state", "done", *made, "name"), [_line(view) for view in shown])
    if following:
        click.echo(f"there are more: --cursor {following}", err=True)


@batches.command(epilog=options.example("kitrelay batches show 019a…"))
@click.argument("batch_id", metavar="BATCH")
@options.as_json
def show(batch_id: str, as_json: bool) -> None:  # noqa: FBT001 - click gives it by name
    """Show where a batch stands, and why some of it failed; of one that is held, what it would take."""
    settings = load()
    with opened(settings) as database:
        view = with_takes(settings, database, batch_id)
    _show(view, as_json=as_json)


@batches.command("watch", epilog=options.example("kitrelay batches watch 019a…"))
@click.argument("batch_id", metavar="BATCH")
@options.as_json
def watch_(batch_id: str, as_json: bool) -> None:  # noqa: FBT001 - click gives it by name
    """Follow a batch until it ends. Exits 0 if all of it succeeded."""
    settings = load()
    with opened(settings) as database:
        say_when_idle(settings, database)
        finish(watch(database, batch_id), as_json=as_json)


@batches.command(epilog=options.example("kitrelay batches pause 019a…"))
@click.argument("batch_ids", metavar="BATCH…", nargs=-1, required=True)
@options.as_json
def pause(batch_ids: tuple[str, ...], as_json: bool) -> None:  # noqa: FBT001 - click gives it by name
    """Start nothing of them any more, until resumed. What runs goes on."""
    _turn(batch_ids, "pause", as_json=as_json)


@batches.command(epilog=options.example("kitrelay batches resume 019a…"))
@click.argument("batch_ids", metavar="BATCH…", nargs=-1, required=True)
@options.as_json
def resume(batch_ids: tuple[str, ...], as_json: bool) -> None:  # noqa: FBT001 - click gives it by name
    """Go on with paused ones."""
    _turn(batch_ids, "resume", as_json=as_json)


@batches.command(epilog=options.example("kitrelay batches cancel 019a…"))
@click.argument("batch_ids", metavar="BATCH…", nargs=-1, required=True)
@options.as_json
def cancel(batch_ids: tuple[str, ...], as_json: bool) -> None:  # noqa: FBT001 - click gives it by name
    """Start nothing of them ever. What the ERP has taken is followed to its end."""
    _turn(batch_ids, "cancel", as_json=as_json)


def show_made(settings: Settings, database: Database, batch_id: str, *, hold: bool, wait: bool, as_json: bool) -> None:
    """What was made, for whoever made it: a held batch with what it would take; one to be waited for when it has ended."""
    if wait:
        say_when_idle(settings, database)
    if hold:
        wait_until_made(settings, database, batch_id)
    if wait:
        finish(watch(database, batch_id), as_json=as_json)
        return
    view = with_takes(settings, database, batch_id)
    _show(view, as_json=as_json)
    if view["state"] == BatchState.CANCELLED.value:
        raise click.exceptions.Exit(FAILED)
    if not hold and not as_json:
        click.echo(f"\nfollow it: kitrelay batches watch {batch_id}", err=True)


def show_batch(view: View) -> None:
    """Where a batch stands, for a person."""
    takes = view.get("takes")
    counts = ", ".join(f"{count} {state}" for state, count in view["counts"].items() if count) or "none"
    left = view["eta_range"]
    rows = [
        ("batch", view["id"]),
        ("name", view["name"]),
        ("tenant", view["tenant"]),
        ("kind", view["kind"]),
        ("state", view["state"]),
        ("made", local(view["created_at"])),
        ("ended", local(view["finished_at"])),
        ("jobs", f"{view['total']}: {counts}"),
        ("rate", "" if takes else f"{view['rate_per_minute']:g} a minute"),
        ("done by", f"{local(left[0])} to {local(left[1])[11:]}" if left else ""),
        ("stands still", view.get("stands_still")),
        ("message", view["message"]),
        *([("held", "nothing starts before somebody resumes it; then it takes"), *rows_of_takes(takes, "of these")] if takes else []),
    ]
    pairs([row for row in rows if row[1]])
    if view["failures"]:
        click.echo()
        table(("failed", "class", "why"), [(each["count"], each["error_class"], each["message"]) for each in view["failures"]])


def _show(view: View, *, as_json: bool) -> None:
    if as_json:
        show_json(view)
        return
    show_batch(view)
    if "takes" in view:
        say_how_to_go_on(view["id"])


def finish(view: View, *, as_json: bool) -> None:
    """Show how a batch ended, and leave with its exit code."""
    if as_json:
        show_json(view)
    else:
        show_batch(view)
    if view["state"] != BatchState.SUCCEEDED.value:
        raise click.exceptions.Exit(FAILED)


def _turn(batch_ids: tuple[str, ...], action: str, *, as_json: bool) -> None:
    def one(database: Database, batch_id: str) -> View:
        now = utc_now()
        with database.write() as connection:
            batch = ledger.turn(database, connection, batch_id, action, now, actor())
            return batch_view(batch, progress_of(connection, batch, now))

    with opened(load()) as database:
        done, refused = act_on_each(batch_ids, lambda each: one(database, each))
    if as_json:
        show_json({"items": done, "refused": refused})
    else:
        for view in done:
            click.echo(f"{view['id']}  {view['name']}  {view['state']}")
    if refused:
        raise Failed("\n".join(f"{each['id']}: {each['reason']}" for each in refused))


def _line(view: View) -> tuple[object, ...]:
    done = sum(view["counts"][state.value] for state in FINAL)
    made = (local(view["created_at"])[5:16],) if wide() else ()
    return (view["id"], view["state"], f"{done}/{view['total']}", *made, view["name"])
