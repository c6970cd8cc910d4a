"""`sync`: make kit lines in the targets equal to the source's. The difference is shown first, then applied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from worker.cli import options
from worker.cli.batches import show_made
from worker.cli.differences import MOST, show_applied, show_found
from worker.cli.group import FAILED
from worker.cli.opening import load, opened, syncing_tenant
from worker.cli.output import show_json
from worker.cli.syncing import Syncs
from worker.cli.taking import hold, must_not_hold
from worker.kinds.syncs import NESTED
from worker.settings import ERPS

if TYPE_CHECKING:
    from worker.cli.syncing import Gathered, Made


@click.command(
    epilog=options.example(
        "kitrelay sync KIT-1 --dry-run", "kitrelay sync KIT-1 KIT-2 --source intacct --target itempath", "kitrelay sync --all --hold"
    )
)
@click.argument("kits", metavar="[KIT…]", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Every kit of the source that differs in a target.")
@click.option("--source", type=click.Choice(ERPS), help="Whose kits are right; the settings say it unless given.")
@click.option("--target", "targets", type=click.Choice(ERPS), multiple=True, help="What follows it; may be given several times.")
@click.option("--nested", type=click.Choice(NESTED), help="Inner kits stay lines, or their parts are written instead.")
@click.option("--revision", metavar="R", help="Visma's revision of the kit; the active one unless given.")
@click.option("--dry-run", is_flag=True, help="Only show the difference.")
@click.option("--force", is_flag=True, help="Also where so many lines would be deleted that it is held otherwise.")
@options.tenant
@click.option("--name", metavar="TEXT", help="What the batch is called.")
@hold
@click.option("--wait/--no-wait", default=True, show_default=True, help="Show and follow it, or only have it made.")
@options.as_json
def sync(
    kits: tuple[str, ...],
    tenant: str | None,
    name: str | None,
    every: bool,  # noqa: FBT001 - click gives it by name
    dry_run: bool,  # noqa: FBT001 - likewise
    hold: bool,  # noqa: FBT001 - likewise
    wait: bool,  # noqa: FBT001 - likewise
    as_json: bool,  # noqa: FBT001 - likewise
    **given: Any,  # noqa: ANN401 - the options that are arguments of the job
) -> None:
    """Make kits' lines in the targets equal to the source's.

    Kits are named by their business code. First a dry run finds the difference, which is shown; then it is applied, and read again until
    nothing differs. A worker does both: one must be running. With --no-wait nothing is shown; a worker applies it when it comes to it.
    With --hold it is made as a batch, with --all of all kits that differ, and what that would take is shown: `kitrelay batches resume`
    starts it, `kitrelay batches cancel` drops it.
    """
    must_not_hold(hold=hold, dry_run=dry_run)
    kits = tuple(dict.fromkeys(kits))
    _one_of_both(kits, given["revision"], every=every)
    settings = load()
    tenant = syncing_tenant(settings, tenant)
    with opened(settings) as database:
        syncs = Syncs(settings, database, tenant, _arguments(given), name, hold)
        if hold or not wait:
            more = {"dry_run": True} if dry_run else {}
            made = syncs.make_all(**more) if every else syncs.make(kits, **more)
            if hold and wait:
                show_made(settings, database, str(made.batch), hold=True, wait=False, as_json=as_json)
            else:
                _show_made(made, hold=hold, as_json=as_json)
            return
        most = None if as_json else MOST
        looked = syncs.make_all(dry_run=True) if every else syncs.make(kits, dry_run=True)
        found = syncs.ended(looked, most)
        if not as_json:
            show_found(found)
        written = None if dry_run or not found.differing else syncs.make(found.differing)
        applied = None if written is None else syncs.ended(written, most)
        if applied is not None and not as_json:
            click.echo()
            show_applied(applied)
    ok = not any(each.counts.get("failed") for each in (found, applied) if each is not None)
    if as_json:
        show_json({"ok": ok, "dry_run": dry_run, "tenant": tenant, "found": _view(looked, found), "applied": _view(written, applied)})
    if not ok:
        raise click.exceptions.Exit(FAILED)


def _one_of_both(kits: tuple[str, ...], revision: str | None, *, every: bool) -> None:
    """Never everything by accident, and never both."""
    if every and kits:
        raise click.UsageError("name kits, or say --all: not both")
    if not every and not kits:
        raise click.UsageError("name kits by their code, or say --all")
    if revision is not None and len(kits) != 1:
        raise click.UsageError("--revision is for one kit")


def _arguments(given: dict[str, Any]) -> dict[str, Any]:
    """Only what was said: the settings say the rest."""
    named = {name: value for name, value in given.items() if value}
    return {**named, "targets": list(named["targets"])} if "targets" in named else named


def _show_made(made: Made, *, hold: bool, as_json: bool) -> None:
    named = {"batch": made.batch} if made.batch is not None else {"job": made.job}
    if as_json:
        show_json(named)
    elif hold:
        click.echo(f"what it would take: kitrelay batches show {made.batch}")
    else:
        click.echo(
            f"follow it: kitrelay batches watch {made.batch}" if made.batch is not None else f"look at it: kitrelay jobs show {made.job}"
        )


def _view(made: Made | None, found: Gathered | None) -> dict[str, Any] | None:
    if made is None or found is None:
        return None
    return {"job": made.job, "batch": made.batch, "counts": dict(found.counts), "kits": [each.view() for each in found.outcomes]}
