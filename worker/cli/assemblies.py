"""`kit-assemblies`: read kit assemblies in the ERP, through a connection of the settings."""

from __future__ import annotations

from contextlib import closing
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import click

from worker.assemblies.planning import filters_of
from worker.assemblies.visma_clock import LEARNED
from worker.cli import options
from worker.cli.group import Failed
from worker.cli.opening import load, sqlite_file, tenant_for
from worker.cli.output import pairs, show_exact_json, table
from worker.cli.reading import plain, visma_client
from worker.cli.release import Document
from worker.clients.visma.records import Accepted
from worker.errors import LedgerUnavailable
from worker.jobs import limits
from worker.jobs.engine import Database
from worker.jobs.model import Lane
from worker.jobs.views import at

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from worker.cli.reading import Reader
    from worker.clients.visma.client import VismaClient
    from worker.clients.visma.lists import KitAssemblyFilter
    from worker.clients.visma.records import KitAssembly, KitAssemblyStatus
    from worker.settings import Settings

ERP: Final = "visma"
PAGE: Final = 1_000
LINES: Final = ("stock_component_lines", "non_stock_component_lines")


@click.group("kit-assemblies", epilog=options.example("kitrelay kit-assemblies list --status B --created-since 7d"))
def kit_assemblies() -> None:
    """Read kit assemblies in the ERP. Nothing is changed."""


@kit_assemblies.command("list", epilog=options.example("kitrelay kit-assemblies list --status B --type P --created-since 7d"))
@options.tenant
@click.option("--type", "type_", type=click.Choice(["P", "D"]), help="Production or disassembly.")
@click.option("--status", type=click.Choice(["H", "B", "R"]), help="On hold, balanced or released.")
@options.moment("--created-since", "Made since then.")
@options.moment("--created-until", "Made before then; not beside --created-since.")
@options.moment("--modified-since", "Changed since then.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True)
@options.as_json
def list_(
    tenant: str | None,
    type_: str | None,
    status: str | None,
    limit: int,
    as_json: bool,  # noqa: FBT001 - click gives it by name
    **times: datetime | None,
) -> None:
    """List kit assemblies, in the ERP's order."""
    if times["created_since"] and times["created_until"]:
        raise click.UsageError("the ERP's list takes one border for the time of making: --created-since or --created-until")
    settings = load()
    tenant = tenant_for(settings, tenant, ERP)
    given = {"type": type_, "status": status, **{name: at(moment) for name, moment in times.items()}}
    wanted = filters_of({name: value for name, value in given.items() if value is not None}, _minutes(settings, tenant))
    with closing(visma_client(settings, tenant)) as reader:
        found, total = _read(reader, wanted, limit)
    if as_json:
        show_exact_json({"items": [plain(record) for record in found], "total": total})
        return
    rows = [(f"{each.type}/{each.ref_no}", each.status, each.item_id, each.quantity, (each.last_modified or "")[:19]) for each in found]
    table(("document", "status", "item", "quantity", "changed (the ERP's time)"), rows)
    if total is not None and total > len(found):
        click.echo(f"{len(found)} of {total}: --limit shows more", err=True)


@kit_assemblies.command(epilog=options.example("kitrelay kit-assemblies show P/000123"))
@click.argument("document", metavar="TYPE/REFNO", type=Document())
@options.tenant
@options.as_json
def show(document: dict[str, str], tenant: str | None, as_json: bool) -> None:  # noqa: FBT001 - click gives it by name
    """Show one kit assembly with its lines."""
    settings = load()
    with closing(visma_client(settings, tenant_for(settings, tenant, ERP))) as reader:
        found = reader.client.get_kit_assembly(document["type"], document["ref_no"])
    if isinstance(found, Accepted):
        raise Failed("the ERP queued the read instead of answering it")
    if as_json:
        show_exact_json(plain(found))
    else:
        _show(found)


def _read(reader: Reader[VismaClient], wanted: KitAssemblyFilter, limit: int) -> tuple[list[KitAssemblyStatus], int | None]:
    found: list[KitAssemblyStatus] = []
    number, total = 1, None
    while len(found) < limit:
        page = reader.client.list_statuses(wanted, page_number=number, page_size=min(PAGE, limit))
        found.extend(page.records)
        total = page.total_count if total is None else total
        number += 1
        if page.last:
            break
    return found[:limit], total


def _minutes(settings: Settings, tenant: str) -> int:
    """How far the ERP's clock is from UTC, if the workers have learned it. A look at the ERP must not need the ledger."""
    file = sqlite_file(settings)
    if file is not None and not file.exists():
        return 0
    database = Database(settings.database_url)
    try:
        with database.read() as connection:
            found: int = limits.state_of(connection, Lane(tenant, ERP)).learned.get(LEARNED, 0)
            return found
    except LedgerUnavailable:
        return 0
    finally:
        database.close()


def _show(document: KitAssembly) -> None:
    told = plain(document)
    pairs((name.replace("_", " "), value) for name, value in told.items() if not isinstance(value, list))
    for name in LINES:
        if told.get(name):
            click.echo(f"\n{name.replace('_', ' ')}")
            table(("line", "item", "quantity", "uom", "description"), list(_lines(told[name])))


def _lines(lines: list[dict[str, Any]]) -> Iterator[tuple[object, ...]]:
    for line in lines:
        quantity = line.get("quantity")
        shown = f"{quantity:f}" if isinstance(quantity, Decimal) else quantity
        yield (line.get("line_nbr"), line.get("item_id"), shown, line.get("uom"), line.get("description"))
