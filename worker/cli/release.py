"""`release`: one or many kit assemblies as a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from worker.cli import options
from worker.cli.batches import show_made
from worker.cli.making import make_batch
from worker.cli.opening import load, opened, tenant_for
from worker.cli.output import pairs, show_json
from worker.cli.previewing import preview_items, preview_select
from worker.cli.taking import hold, must_not_hold, rows_of_takes
from worker.jobs.batches import NewBatch
from worker.jobs.views import at
from worker.kinds import KINDS

if TYPE_CHECKING:
    from datetime import datetime

    from worker.jobs.engine import Database
    from worker.settings import Settings

KIND = KINDS["release_kit_assembly"]


class Document(click.ParamType):  # type: ignore[type-arg] # older ones of click take none
    """`P/000123`: becomes the arguments of a release."""

    name = "document"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, str]:  # noqa: ANN401 - click's signature
        """Type and number."""
        if isinstance(value, dict):
            return value
        kind, found, ref_no = value.partition("/")
        if not found or kind not in {"P", "D"} or not ref_no:
            self.fail(f"{value!r}: a type, P or D, and a number are expected, such as P/000123", param, ctx)
        return {"type": kind, "ref_no": ref_no}


@click.command(
    epilog=options.example("kitrelay release P/000123 P/000124 --wait", "kitrelay release --status B --type P --created-since 7d --preview")
)
@click.argument("documents", metavar="[TYPE/REFNO…]", nargs=-1, type=Document())
@click.option("--status", type=click.Choice(["B"]), help="Look for balanced ones: the only ones that can be released.")
@click.option("--type", "type_", type=click.Choice(["P", "D"]), help="Look for those of this type; P unless said.")
@options.moment("--created-since", "Look for those made since then.")
@options.moment("--created-until", "Look for those made before then.")
@options.moment("--modified-since", "Look for those changed since then.")
@options.tenant
@click.option("--name", metavar="TEXT", help="What the batch is called.")
@click.option("--preview", is_flag=True, help="Only say what it would do.")
@hold
@click.option("--wait", is_flag=True, help="Follow it, and exit by its result.")
@options.as_json
def release(
    documents: tuple[dict[str, str], ...],
    status: str | None,
    type_: str | None,
    tenant: str | None,
    name: str | None,
    preview: bool,  # noqa: FBT001 - click gives it by name
    hold: bool,  # noqa: FBT001 - likewise
    wait: bool,  # noqa: FBT001 - likewise
    as_json: bool,  # noqa: FBT001 - likewise
    **times: datetime | None,
) -> None:
    """Release kit assemblies, as one batch.

    Name documents, or say which to look for: then a worker asks the ERP for the list. With --hold the batch is made, and what it would take
    is shown; it starts with `kitrelay batches resume`, and `kitrelay batches cancel` drops it.
    """
    must_not_hold(hold=hold, wait=wait, preview=preview)
    given = {"status": status, "type": type_, **times}
    select = {key: value for key, value in given.items() if value is not None}
    _one_of_both(documents, select)
    settings = load()
    tenant = tenant_for(settings, tenant, KIND.erp)
    wanted = None if documents else {"status": "B", "type": type_ or "P", **{key: at(value) for key, value in times.items() if value}}
    with opened(settings) as database:
        if preview:
            _show_preview(_previewed(settings, database, tenant, documents, wanted), as_json=as_json)
            return
        named = name or (
            "release of " + (KIND.reference(documents[0]) if len(documents) == 1 else f"{len(documents) or 'all such'} documents")
        )
        new = NewBatch(tenant=tenant, erp=KIND.erp, kind=KIND.name, name=named, select=wanted, held=hold)
        batch = make_batch(settings, database, new, documents)
        show_made(settings, database, batch.id, hold=hold, wait=wait, as_json=as_json)


def _one_of_both(documents: tuple[dict[str, str], ...], select: dict[str, Any]) -> None:
    """Never everything by accident, never both, and nothing that can't be."""
    if documents and select:
        raise click.UsageError("name documents, or say which to look for: not both")
    since, until = select.get("created_since"), select.get("created_until")
    if since is not None and until is not None and until <= since:
        raise click.UsageError("--created-until must be after --created-since: nothing is made in between")
    if not documents and not select:
        raise click.UsageError("name documents, such as P/000123, or say which to look for, such as --status B --type P")


def _previewed(
    settings: Settings, database: Database, tenant: str, documents: tuple[dict[str, str], ...], select: dict[str, Any] | None
) -> dict[str, Any]:
    if select is None:
        return preview_items(settings, database, tenant, documents)
    return preview_select(settings, database, tenant, select)


def _show_preview(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        show_json(found)
        return
    pairs([("would release", found["would_change"]), *rows_of_takes(found)])
    click.echo("nothing was changed", err=True)
