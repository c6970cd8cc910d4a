"""`jobs`: the API's verbs on single jobs, on the ledger itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import orjson

from worker.cli import many, options
from worker.cli.acting import act_on_each
from worker.cli.group import Failed, WrongUse
from worker.cli.opening import actor, load, opened
from worker.cli.output import compact, local, pairs, show_json, table, wide
from worker.cli.tailing import tail
from worker.jobs import queue, requests, search, words
from worker.jobs.ledger import utc_now
from worker.jobs.reopening import reopening
from worker.jobs.views import job_view, story_view
from worker.kinds import KINDS

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from worker.jobs.engine import Database
    from worker.jobs.model import Job
    from worker.jobs.verdicts import NewJob
    from worker.settings import Settings


@click.group(epilog=options.example("kitrelay jobs list --state failed", "kitrelay jobs replay 019a…"))
def jobs() -> None:
    """Look at jobs; replay, cancel and discard them, ask the ERP now, or say that they are done."""


@jobs.command(
    "list", epilog=options.example("kitrelay jobs list --state failed --since 2h", "kitrelay jobs list --reference P/000123 --json")
)
@many.filters
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True)
@options.cursor
@options.as_json
def list_(limit: int, cursor: str | None, as_json: bool, **filters: Any) -> None:  # noqa: ANN401, FBT001 - click gives them by name
    """List jobs, newest first."""
    wanted = many.filter_of(**filters)
    with opened(load()) as database, database.read() as connection:
        found = search.find_jobs(connection, wanted, limit + 1, cursor)
    shown = found[:limit]
    following = shown[-1].id if len(found) > limit else None
    if as_json:
        show_json({"items": [job_view(job) for job in shown], "next": following})
        return
    made = ("made",) if wide() else ()
    table(("job", "reference", "state", *made, "what became of it"), [_line(job) for job in shown])
    if following:
        click.echo(f"there are more: --cursor {following}", err=True)


@jobs.command(epilog=options.example("kitrelay jobs show 019a…"))
@click.argument("job_id", metavar="JOB")
@options.as_json
def show(job_id: str, as_json: bool) -> None:  # noqa: FBT001 - click gives it by name
    """Show a job with its timeline and every call to the ERP."""
    with opened(load()) as database, database.read() as connection:
        job = queue.find(connection, job_id)
        story = story_view(job, search.timeline(connection, job), search.history(connection, job))
    if as_json:
        show_json(story)
    else:
        _show(story)


@jobs.command("tail", epilog=options.example("kitrelay jobs tail --batch 019a…"))
@options.tenant_filter
@click.option("--batch", metavar="ID")
@click.option("--lines", type=click.IntRange(0, 1000), default=10, show_default=True, help="Show so many of those before.")
@options.as_json
def tail_(tenant: str | None, batch: str | None, lines: int, as_json: bool) -> None:  # noqa: FBT001 - click gives it by name
    """Follow every move of every job as it is written, until Ctrl-C.

    With --json: one object a line.
    """
    with opened(load()) as database:
        tail(database, tenant, batch, lines, as_json=as_json)


@jobs.command(
    epilog=options.example(
        "kitrelay jobs replay 019a…",
        """kitrelay jobs replay 019a… --arguments '{"type": "P", "ref_no": "000124"}'""",
        "kitrelay jobs replay --state failed --error-class unavailable --preview",
    )
)
@click.argument("job_ids", metavar="[JOB…]", nargs=-1)
@click.option("--arguments", metavar="JSON", help="Corrected arguments, for one job; @FILE reads them from a file.")
@many.filters
@many.preview
@options.as_json
def replay(job_ids: tuple[str, ...], arguments: str | None, preview: bool, as_json: bool, **filters: Any) -> None:  # noqa: ANN401, FBT001 - click gives them by name
    """Try jobs again that failed: these, or all that a filter names.

    Each is the same job, with its history. Cancelled ones are replayed when they are named, or by --state cancelled.
    """
    settings = load()
    if arguments is not None and len(job_ids) != 1:
        raise click.UsageError("--arguments is for one job")
    if _is_by_filter(job_ids, preview=preview, **filters):
        many.on_many(settings, "replay", many.filter_of(**filters), only_look=preview, as_json=as_json)
        return
    edit = None if arguments is None else _parsed(arguments)

    def one(database: Database, connection: Connection, job: Job, by: str, now: datetime) -> Job:
        return queue.replay(database, connection, job, by, now, _edited(settings, job, edit))

    _each(settings, job_ids, one, as_json=as_json)


@jobs.command(epilog=options.example("kitrelay jobs cancel 019a…", "kitrelay jobs cancel --batch 019a… --state queued"))
@click.argument("job_ids", metavar="[JOB…]", nargs=-1)
@many.filters
@many.preview
@options.as_json
def cancel(job_ids: tuple[str, ...], preview: bool, as_json: bool, **filters: Any) -> None:  # noqa: ANN401, FBT001 - click gives them by name
    """Stop open jobs that no worker has now. What the ERP has taken may still be carried out.

    These, or all that a filter names.
    """
    if _is_by_filter(job_ids, preview=preview, **filters):
        many.on_many(load(), "cancel", many.filter_of(**filters), only_look=preview, as_json=as_json)
    else:
        _each(load(), job_ids, queue.cancel, as_json=as_json)


@jobs.command(epilog=options.example("kitrelay jobs discard 019a…", "kitrelay jobs discard --state failed --since 7d --preview"))
@click.argument("job_ids", metavar="[JOB…]", nargs=-1)
@many.filters
@many.preview
@options.as_json
def discard(job_ids: tuple[str, ...], preview: bool, as_json: bool, **filters: Any) -> None:  # noqa: ANN401, FBT001 - click gives them by name
    """Give failed jobs up for good.

    These, or all that a filter names.
    """
    if _is_by_filter(job_ids, preview=preview, **filters):
        many.on_many(load(), "discard", many.filter_of(**filters), only_look=preview, as_json=as_json)
    else:
        _each(load(), job_ids, queue.discard, as_json=as_json)


@jobs.command(epilog=options.example("kitrelay jobs done 019a… --reason 'released by hand'"))
@click.argument("job_ids", metavar="JOB…", nargs=-1, required=True)
@click.option("--reason", metavar="TEXT", required=True, help="Why it is done; it stands on its timeline.")
@options.as_json
def done(job_ids: tuple[str, ...], reason: str, as_json: bool) -> None:  # noqa: FBT001 - click gives it by name
    """Say that failed jobs are done: somebody did them, or has seen that they are."""

    def one(database: Database, connection: Connection, job: Job, by: str, now: datetime) -> Job:
        return words.done(database, connection, job, by, reason, now)

    _each(load(), job_ids, one, as_json=as_json)


@jobs.command(epilog=options.example("kitrelay jobs ask 019a…"))
@click.argument("job_ids", metavar="JOB…", nargs=-1, required=True)
@options.as_json
def ask(job_ids: tuple[str, ...], as_json: bool) -> None:  # noqa: FBT001 - click gives it by name
    """Ask the ERP now about jobs that wait for it, or try now what is to be tried later."""
    settings = load()

    def one(_database: Database, connection: Connection, job: Job, by: str, now: datetime) -> Job:
        return words.ask(connection, settings, job, by, now)

    _each(settings, job_ids, one, as_json=as_json)


def _is_by_filter(job_ids: tuple[str, ...], *, preview: bool, **filters: Any) -> bool:  # noqa: ANN401 - as click gives them
    """Whether a filter says which jobs; one that is empty is refused later. Raises `UsageError` for both ways at once."""
    if job_ids and not many.is_empty(many.filter_of(**filters)):
        raise click.UsageError("name jobs, or say what they have in common: not both")
    if job_ids and preview:
        raise click.UsageError("--preview is for jobs that a filter names")
    return not job_ids


def _each(settings: Settings, job_ids: tuple[str, ...], act: Any, *, as_json: bool) -> None:  # noqa: ANN401 - one of the queue's verbs
    by = actor()

    def one(database: Database, job_id: str) -> Job:
        now = utc_now()
        moved: Job = reopening(database, lambda connection: act(database, connection, queue.find(connection, job_id), by, now), now)
        return moved

    with opened(settings) as database:
        done, refused = act_on_each(job_ids, lambda each: one(database, each))
    if as_json:
        show_json({"items": [job_view(job) for job in done], "refused": refused})
    else:
        for job in done:
            click.echo(f"{job.id}  {job.reference}  {job.state}")
    if refused:
        raise Failed("\n".join(f"{each['id']}: {each['reason']}" for each in refused))


def _edited(settings: Settings, job: Job, arguments: object) -> NewJob | None:
    if arguments is None:
        return None
    return requests.new_job(settings, job.tenant, job.kind, arguments)


def _parsed(text: str) -> object:
    try:
        raw = click.open_file(text[1:], "rb").read() if text.startswith("@") else text.encode()
        return orjson.loads(raw)
    except OSError as error:
        raise WrongUse(f"--arguments: {error}") from error
    except orjson.JSONDecodeError as error:
        raise WrongUse(f"--arguments is no JSON: line {error.lineno}, column {error.colno}") from error


def _line(job: Job) -> tuple[object, ...]:
    made = (local(job.created_at)[5:16],) if wide() else ()
    return (job.id, job.reference, job.state.value, *made, _outcome(job))


def _outcome(job: Job) -> str:
    if job.error is not None:
        return f"{job.error.error_class}: {job.error.message}"
    named = job.result if isinstance(job.result, dict) else {}
    return f"{named.get('type', '')}/{named['ref_no']}" if named.get("ref_no") and KINDS[job.kind].operation == "create" else ""


def _show(story: dict[str, Any]) -> None:
    plain = ("id", "tenant", "kind", "reference", "state", "erp_id", "batch", "attempt", "priority")
    rows = [(name.replace("_", " "), story[name]) for name in plain if story[name] not in (None, "")]
    times = [
        (name.removesuffix("_at"), local(story[name])) for name in ("created_at", "started_at", "due_at", "finished_at") if story[name]
    ]
    told = [(name, compact(story[name])) for name in ("arguments", "result") if story[name]]
    error = story["error"]
    why = [("error", f"{error['class']}: {error['message']}")] if error else []
    pairs([*rows, *times, *told, *why])
    click.echo()
    table(("at", "to", "by", "why"), [(local(each["at"])[5:], each["to"], each["by"][:17], each["cause"]) for each in story["timeline"]])
    calls = [(attempt["number"], call) for attempt in story["attempts"] for call in attempt["exchanges"]]
    if calls:
        click.echo()
        rows_of_calls = [(n, local(call["at"])[11:], call["method"], call["status"] or "-", call["ms"], call["url"]) for n, call in calls]
        table(("start", "at", "call", "status", "ms", "to"), rows_of_calls)
