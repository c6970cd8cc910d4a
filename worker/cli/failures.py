"""`failures`: failed jobs by the reason why."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from worker.cli import options
from worker.cli.group import WrongUse
from worker.cli.opening import load, opened
from worker.cli.output import local, show_json, table, wide
from worker.jobs.failures import FailureFilter, failure_groups
from worker.jobs.views import at, failure_view
from worker.kinds import KINDS
from worker.settings import SEND_NOTICE

if TYPE_CHECKING:
    from worker.jobs.failures import FailureGroup, Position


@click.command(epilog=options.example("kitrelay failures", "kitrelay failures --since 1d --error-class missing_reference --json"))
@options.tenant_filter
@click.option("--kind", type=click.Choice([*KINDS, SEND_NOTICE]))
@options.error_class
@click.option("--batch", metavar="ID")
@options.moment("--since", "Failed since then.")
@options.moment("--until", "Failed before then.")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True)
@click.option("--cursor", metavar="TIME/ID", help="Go on after this one: `next` of the page before.")
@options.as_json
def failures(limit: int, cursor: str | None, as_json: bool, **filters: Any) -> None:  # noqa: ANN401, FBT001 - click gives them by name
    """List failed jobs by the reason why, those that failed last first."""
    after = None if cursor is None else _position(cursor)
    with opened(load()) as database, database.read() as connection:
        found = failure_groups(connection, None, FailureFilter(**filters), limit=limit + 1, after=after)
    shown = found[:limit]
    following = f"{at(shown[-1].last_at)}/{shown[-1].example}" if len(found) > limit else None
    if as_json:
        show_json({"items": [failure_view(group) for group in shown], "next": following})
        return
    kind = ("kind",) if wide() else ()
    table(("jobs", "last", *kind, "class", "why"), [_line(group) for group in shown])
    if following:
        click.echo(f"there are more: --cursor {following}", err=True)


def _position(cursor: str) -> Position:
    moment, _, example = cursor.partition("/")
    try:
        return datetime.fromisoformat(moment).astimezone(UTC), example
    except (ValueError, OverflowError) as error:
        raise WrongUse("--cursor is none of ours: take `next` of the page before") from error


def _line(group: FailureGroup) -> tuple[object, ...]:
    kind = (group.kind,) if wide() else ()
    return (group.count, local(group.last_at)[5:16], *kind, group.error_class, group.message)
