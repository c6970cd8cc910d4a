"""`kit-lines`: read kit lines in ItemPath, through a connection of the settings."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import click

from worker.cli import options
from worker.cli.conditions import condition, flag, number, text
from worker.cli.kit_names import Names
from worker.cli.opening import load, tenant_for
from worker.cli.output import pairs, show_exact_json, table
from worker.cli.reading import itempath_client, plain
from worker.clients.itempath.filters import MOST, KitLineFilter
from worker.clients.itempath.finding import Finder
from worker.clients.itempath.records import key_of
from worker.kits import quantities

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from worker.clients.itempath.filters import Condition
    from worker.clients.itempath.records import KitLine

ERP: Final = "itempath"
ORDERS: Final = ("number", "quantity", "kitId", "materialId", "hasStock", "id")


@click.group("kit-lines", epilog=options.example("kitrelay kit-lines list --kit KIT-1"))
def kit_lines() -> None:
    """Read kit lines in ItemPath. Nothing is changed."""


@kit_lines.command(
    "list", epilog=options.example("kitrelay kit-lines list --kit KIT-1", "kitrelay kit-lines list --quantity '[gt]1' --quantity '[lt]10'")
)
@options.tenant
@condition("--kit", text, "In this kit: its name or id.")
@condition("--material", text, "Of this material or inner kit: its name or id.")
@condition("--quantity", number, "Such as 2 or '[gt]1'.")
@condition("--number", number, "The line's number.")
@condition("--has-stock", flag, "1: there is enough of it.")
@condition("--id", text, "The line's own id.")
@click.option("--order-by", type=click.Choice(ORDERS), multiple=True, help="By number unless said.")
@click.option("--limit", type=click.IntRange(1, MOST), default=50, show_default=True, help="So many a page.")
@click.option("--page", type=click.IntRange(0), default=0, show_default=True, help="Counted from 0.")
@click.option("--count", "only_count", is_flag=True, help="Only say how many there are.")
@options.as_json
def list_(
    tenant: str | None,
    order_by: tuple[str, ...],
    limit: int,
    page: int,
    only_count: bool,  # noqa: FBT001 - click gives it by name
    as_json: bool,  # noqa: FBT001 - likewise
    **asked: tuple[Condition, ...],
) -> None:
    """List kit lines, in their order.

    A filter takes a value, perhaps behind an operator of ItemPath's: [or] [nor] [not] [gt] [lt] [like] [notlike]. The values of [or] and
    [nor] have semicolons between them. A filter that is given several times holds each time: that is how a range is written.
    """
    settings = load()
    with closing(itempath_client(settings, tenant_for(settings, tenant, ERP))) as reader:
        names = Names(Finder(reader.client))
        wanted = _filter(asked, names)
        if only_count:
            _show_count(reader.client.count_kit_lines(wanted), as_json=as_json)
            return
        found = reader.client.list_kit_lines(wanted, limit=limit, page=page, order_by=order_by or None)
        if as_json:
            show_exact_json({"items": [plain(line) for line in found]})
            return
        _show_lines(found, names.of_lines(found), one_kit=len({line.kit_id for line in found}) == 1)
    if len(found) == limit:
        click.echo(f"there may be more: --page {page + 1}", err=True)


@kit_lines.command(epilog=options.example("kitrelay kit-lines show 37E70F65-C2C5-4B34-A7B6-3F051E96F9D1"))
@click.argument("line_id", metavar="ID")
@options.tenant
@options.as_json
def show(line_id: str, tenant: str | None, as_json: bool) -> None:  # noqa: FBT001 - click gives it by name
    """Show one kit line."""
    settings = load()
    with closing(itempath_client(settings, tenant_for(settings, tenant, ERP))) as reader:
        line = reader.client.get_kit_line(line_id)
        if as_json:
            show_exact_json(plain(line))
            return
        names = Names(Finder(reader.client)).of_lines([line])
    told = {"id": line.id, "kit": _name(names, line.kit_id), "component": line.material_name or _name(names, line.material_id)}
    more = {"number": line.number, "quantity": _plain(line.quantity), "has stock": line.has_stock, "target": line.target}
    pairs((name, value) for name, value in {**told, **more}.items() if value is not None)


def _filter(asked: Mapping[str, tuple[Condition, ...]], names: Names) -> KitLineFilter:
    given: dict[str, Any] = {name: asked[name] for name in ("id", "quantity", "number", "has_stock") if asked[name]}
    found = KitLineFilter(**given)
    if asked["kit"]:
        found = replace(found, kit_id=names.with_ids(asked["kit"], "kit"))
    return replace(found, material_id=names.with_ids(asked["material"], "material")) if asked["material"] else found


def _show_count(count: int, *, as_json: bool) -> None:
    if as_json:
        show_exact_json({"count": count})
    else:
        click.echo(f"{count} kit line{'' if count == 1 else 's'}")


def _show_lines(lines: Sequence[KitLine], names: Mapping[str, str], *, one_kit: bool) -> None:
    kit = () if one_kit else ("kit",)
    rows = []
    for line in lines:
        component = line.material_name or _name(names, line.material_id)
        row = (line.id, line.number, component, _plain(line.quantity))
        rows.append(row if one_kit else (*row, _name(names, line.kit_id)))
    if one_kit:
        click.echo(f"kit {_name(names, lines[0].kit_id)}")
    table(("line", "no.", "component", "quantity", *kit), rows, widest="component")


def _name(names: Mapping[str, str], record_id: str | None) -> str:
    return names.get(key_of(record_id), record_id) if record_id else ""


def _plain(quantity: Decimal | None) -> str | None:
    return None if quantity is None else quantities.plain(quantity)
