"""`kit-components`: read kit components in Sage Intacct, through a connection of the settings."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

import click

from worker.cli import options, queries
from worker.cli.group import Failed
from worker.cli.opening import load, tenant_for
from worker.cli.output import pairs, show_exact_json, table
from worker.cli.reading import intacct_client, plain
from worker.clients.intacct.batches import MOST
from worker.clients.intacct.query import LARGEST
from worker.clients.intacct.schemas import component_of
from worker.kits import quantities

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from decimal import Decimal

    from worker.clients.intacct.client import IntacctClient
    from worker.clients.intacct.query import Query
    from worker.clients.intacct.records import KitComponent, Outcome

ERP: Final = "intacct"


@click.group("kit-components", epilog=options.example("kitrelay kit-components list --kit KIT-1"))
def kit_components() -> None:
    """Read kit components in Sage Intacct. Nothing is changed."""


@kit_components.command(
    "list",
    epilog=options.example(
        "kitrelay kit-components list --kit KIT-1",
        "kitrelay kit-components list --filter numberOfUnits gt 1 --filter component.id startsWith C- --expression '1 or 2'",
        "kitrelay kit-components list --field kit.id --field sum:numberOfUnits",
    ),
)
@options.tenant
@queries.options()
@click.option("--limit", type=click.IntRange(1, 1_000_000), default=50, show_default=True, help="So many in all.")
@click.option("--page-size", type=click.IntRange(1, LARGEST), default=LARGEST, show_default=True, help="So many in a call.")
@click.option("--references", is_flag=True, help="The plain collection: keys alone, without filters or order.")
@options.as_json
def list_(
    tenant: str | None,
    limit: int,
    page_size: int,
    as_of: datetime | None,
    references: bool,  # noqa: FBT001 - click gives it by name
    as_json: bool,  # noqa: FBT001 - likewise
    **asked: Any,  # noqa: ANN401 - the options of a query
) -> None:
    """List kit components, by Intacct's query service.

    A filter is a field, an operator and a value. Operators are Intacct's, such as eq, ne, gt, in, between, contains and startsWith, or
    signs such as '>='. Lists and pairs have commas between their values.
    """
    if references and (as_of or any(asked.values())):
        raise click.UsageError("--references takes no filters: it is the plain collection")
    query = queries.query_of(**asked, as_of=as_of and as_of.date(), size=min(page_size, limit))
    settings = load()
    with closing(intacct_client(settings, tenant_for(settings, tenant, ERP))) as reader:
        if references:
            _show_references(reader.client, limit, as_json=as_json)
        elif asked["fields"]:
            _show_rows(*_read(reader.client, query, _as_it_is, limit), limit, as_json=as_json)
        else:
            _show_components(*_read(reader.client, query, component_of, limit), as_json=as_json)


@kit_components.command(epilog=options.example("kitrelay kit-components show 27", "kitrelay kit-components show 27 28 31"))
@click.argument("keys", metavar="KEY…", nargs=-1, required=True)
@options.tenant
@options.as_json
def show(keys: tuple[str, ...], tenant: str | None, as_json: bool) -> None:  # noqa: FBT001 - click gives it by name
    """Show one kit component, or some as a table, read by one call."""
    if len(keys) > MOST:
        raise click.UsageError(f"at most {MOST} keys are read at once")
    settings = load()
    with closing(intacct_client(settings, tenant_for(settings, tenant, ERP))) as reader:
        if len(keys) == 1:
            _show_one(reader.client.get_kit_component(keys[0]), as_json=as_json)
        else:
            _show_some(keys, reader.client.get_kit_components(keys), as_json=as_json)


def _read(client: IntacctClient, query: Query, load_row: Callable[[object], Any], limit: int) -> tuple[list[Any], int | None]:
    found: list[Any] = []
    total: int | None = None
    for page in client.pages(query, load_row):
        found.extend(page.records)
        total = page.total if total is None else total
        if len(found) >= limit:
            break
    return found[:limit], total


def _as_it_is(row: object) -> object:
    return row


def _show_one(found: KitComponent, *, as_json: bool) -> None:
    told = plain(found)
    if as_json:
        show_exact_json(told)
    else:
        pairs((name.replace("_", " "), value) for name, value in told.items())


def _show_some(keys: Sequence[str], found: Sequence[Outcome[KitComponent]], *, as_json: bool) -> None:
    """What there is, then what there is not. Raises `Failed` for that."""
    there = [each.value for each in found if each.value is not None]
    _show_components(there, len(there), as_json=as_json)
    if bad := [f"{key}: {each.error.message}" for key, each in zip(keys, found, strict=True) if each.error is not None]:
        raise Failed("; ".join(bad))


def _show_components(found: Sequence[KitComponent], total: int | None, *, as_json: bool) -> None:
    if as_json:
        show_exact_json({"items": [plain(each) for each in found], "total": total})
        return
    rows = [
        (each.key, each.kit_id, each.line_number, each.component_id, _units(each.number_of_units), each.unit_of_measure) for each in found
    ]
    table(("key", "kit", "line", "component", "units", "unit"), rows, widest="component")
    _say_more(len(found), total)


def _show_rows(found: Sequence[Mapping[str, Any]], total: int | None, limit: int, *, as_json: bool) -> None:
    """Fields as Intacct names them: some may be aggregates."""
    if as_json:
        show_exact_json({"items": list(found), "total": total})
        return
    names = list(dict.fromkeys(name for row in found for name in row))
    table(names or ["none"], [[row.get(name) for name in names] for row in found])
    _say_more(len(found), total if total is not None and total > limit else None)


def _show_references(client: IntacctClient, limit: int, *, as_json: bool) -> None:
    page = client.list_kit_components()
    found = page.records[:limit]
    if as_json:
        show_exact_json({"items": [plain(each) for each in found], "total": page.total})
        return
    table(("key", "id", "href"), [(each.key, each.id, each.href) for each in found])
    _say_more(len(found), page.total)


def _say_more(shown: int, total: int | None) -> None:
    if total is not None and total > shown:
        click.echo(f"{shown} of {total}: --limit shows more", err=True)


def _units(value: Decimal | None) -> str:
    return "" if value is None else quantities.plain(value)
