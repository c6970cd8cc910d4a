"""`deliveries`: what arrived, what became of it, and the same again."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

import click

from worker.cli import options
from worker.cli.acting import act_on_each
from worker.cli.group import Failed
from worker.cli.opening import actor, load, opened
from worker.cli.output import compact, local, pairs, show_json, table, wide
from worker.jobs import deliveries as ledger
from worker.jobs import retelling
from worker.jobs.deliveries import DeliveryFilter
from worker.jobs.ledger import utc_now
from worker.jobs.views import delivery_line, delivery_view

if TYPE_CHECKING:
    from datetime import datetime

    from worker.jobs.engine import Database
    from worker.jobs.model import Delivery
    from worker.jobs.retelling import Tell
    from worker.settings import Settings


@click.group(epilog=options.example("kitrelay deliveries list --state refused", "kitrelay deliveries replay 019a…"))
def deliveries() -> None:
    """Look at what arrived; replay it."""


@deliveries.command("list", epilog=options.example("kitrelay deliveries list --state orphan --since 2h"))
@options.tenant_filter
@click.option("--source", metavar="NAME", help="visma, itempath, intacct, or a source of the settings.")
@click.option("--state", type=click.Choice(ledger.STATES), multiple=True, help="May be given several times.")
@click.option("--type", metavar="TYPE", help="The event's, such as order.paid.")
@click.option("--job", metavar="ID", help="A job that it touched.")
@options.moment("--since", "Received since then.")
@options.moment("--until", "Received before then.")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True)
@options.cursor
@options.as_json
def list_(limit: int, cursor: str | None, as_json: bool, state: tuple[str, ...], **filters: Any) -> None:  # noqa: ANN401, FBT001 - click gives them by name
    """List deliveries, newest first."""
    wanted = DeliveryFilter(state=state or None, **filters)
    with opened(load()) as database, database.read() as connection:
        found = ledger.find_deliveries(connection, wanted, limit + 1, cursor)
    shown = found[:limit]
    following = shown[-1].id if len(found) > limit else None
    if as_json:
        show_json({"items": [delivery_line(each) for each in shown], "next": following})
        return
    source = ("source",) if wide() else ()
    table(("delivery", "received", *source, "state", "what became of it"), [_line(each) for each in shown])
    if following:
        click.echo(f"there are more: --cursor {following}", err=True)


@deliveries.command(epilog=options.example("kitrelay deliveries show 019a…"))
@click.argument("delivery_id", metavar="DELIVERY")
@options.as_json
def show(delivery_id: str, as_json: bool) -> None:  # noqa: FBT001 - click gives it by name
    """Show a delivery whole: headers, body, what rules made of it."""
    with opened(load()) as database, database.read() as connection:
        view = delivery_view(ledger.find_delivery(connection, delivery_id))
    if as_json:
        show_json(view)
        return
    plain = ("id", "tenant", "source", "type", "state", "reason", "replay_of")
    rows = [(name.replace("_", " "), view[name]) for name in plain if view[name]]
    told = [(name, compact(view[name])) for name in ("jobs", "outcomes", "headers") if view[name]]
    pairs([*rows, ("received", local(view["received_at"])), *told, ("body", view["body"])])


@deliveries.command(
    epilog=options.example(
        "kitrelay deliveries replay 019a…",
        "kitrelay deliveries replay --tenant acme --source visma --since 2h --preview",
    )
)
@click.argument("delivery_ids", metavar="[DELIVERY…]", nargs=-1)
@click.option("--tenant", metavar="NAME")
@click.option("--source", metavar="NAME", help="Whose deliveries, with --since.")
@options.moment("--since", "Received since then.")
@options.moment("--until", "Received before then; now unless given.")
@click.option("--preview", is_flag=True, help="Only say how many of a stretch of time.")
@options.as_json
def replay(
    delivery_ids: tuple[str, ...],
    tenant: str | None,
    source: str | None,
    since: datetime | None,
    until: datetime | None,
    preview: bool,  # noqa: FBT001 - click gives it by name
    as_json: bool,  # noqa: FBT001 - likewise
) -> None:
    """Do again what deliveries asked for: these, or a source's of a stretch of time.

    Each is a new delivery that names the first. Unique keys hold; what was refused proved nothing and is not replayed.
    """
    if delivery_ids:
        if tenant or source or since or until or preview:
            raise click.UsageError("name deliveries, or a stretch of time: not both")
        _each(load(), delivery_ids, as_json=as_json)
        return
    if tenant is None or source is None or since is None:
        raise click.UsageError("name deliveries, or --tenant, --source and --since")
    wanted = DeliveryFilter(tenant=tenant, source=source, since=since, until=until or utc_now(), replays=False)
    _range(load(), wanted, only_look=preview, as_json=as_json)


def _each(settings: Settings, delivery_ids: tuple[str, ...], *, as_json: bool) -> None:
    tell = _teller(settings)

    with opened(settings) as database:
        done, refused = act_on_each(delivery_ids, lambda each: _again(database, each, tell))
    if as_json:
        show_json({"items": [delivery_view(each) for each in done], "refused": refused})
    else:
        for each in done:
            click.echo(f"{each.id}  {each.state}  {_outcome(each)}")
    _must_all_be_done(refused)


def _again(database: Database, delivery_id: str, tell: Tell) -> Delivery:
    with database.read() as connection:
        delivery = ledger.find_delivery(connection, delivery_id)
    stored = retelling.replay(database, delivery, tell, actor(), utc_now)
    with database.read() as connection:
        return ledger.find_delivery(connection, stored.delivery)


def _range(settings: Settings, wanted: DeliveryFilter, *, only_look: bool, as_json: bool) -> None:
    with opened(settings) as database:
        with database.read() as connection:
            counts = ledger.count_by_state(connection, wanted)
        skips = ledger.skipped(counts)
        if only_look:
            would = sum(counts.get(state, 0) for state in ledger.REPLAYABLE)
            _show_counts({"preview": True, "would_change": would, "would_skip": skips, "calls": None, "eta": None}, skips, as_json=as_json)
            return
        replayed = retelling.replay_range(database, wanted, _teller(settings), actor(), utc_now)
    items = [{"delivery": each.delivery, "replay_of": first} for first, each in replayed.stored.items()]
    refused = [{"id": each, "reason": reason} for each, reason in replayed.refused.items()]
    _show_counts({"items": items, "refused": refused, "skipped": skips}, skips, as_json=as_json)
    _must_all_be_done(refused)


def _show_counts(view: dict[str, Any], skips: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        show_json(view)
        return
    done = ("would replay", view["would_change"]) if "preview" in view else ("replayed", len(view["items"]))
    pairs([done, *(("left out", f"{each['count']}: {each['reason']}") for each in skips)])


def _must_all_be_done(refused: list[dict[str, str]]) -> None:
    if refused:
        raise Failed("\n".join(f"{each['id']}: {each['reason']}" for each in refused))


def _teller(settings: Settings) -> Tell:
    """The receiver's own reading. It is loaded by name, as its role is: nothing else here knows of it."""
    return cast("Tell", import_module("webhooks.retold").teller(settings, utc_now))


def _line(delivery: Delivery) -> tuple[object, ...]:
    source = (delivery.source,) if wide() else ()
    return (delivery.id, local(delivery.received_at)[5:16], *source, delivery.state, _outcome(delivery))


def _outcome(delivery: Delivery) -> str:
    jobs = len(delivery.jobs)
    touched = f"{jobs} job{'s' if jobs > 1 else ''}" if jobs else ""
    return "; ".join(each for each in (touched, delivery.reason) if each)
