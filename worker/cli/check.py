"""`check`: is everything set up? One line for each thing: ok, or what is wrong and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click
from rich.text import Text

from worker.cli import options
from worker.cli.checking import Finding, clock, database, redis_server, secrets
from worker.cli.connecting import connection, sync
from worker.cli.group import FAILED, WRONG_USE
from worker.cli.opening import load
from worker.cli.output import console, show_json
from worker.cli.receivers import receivers
from worker.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.settings import Settings

COLOURS: Final = {"ok": "green", "warning": "yellow", "wrong": "red"}


@click.command(epilog=options.example("kitrelay check", "kitrelay check --json"))
@options.as_json
def check(as_json: bool) -> None:  # noqa: FBT001 - click gives it by name
    """Look whether everything is set up: settings, database, Redis, clock, and each ERP's token with a harmless read.

    Nothing is changed, and nobody is told: where notices would go is only looked up. Exits 0 when nothing is wrong (a warning is not),
    1 when something is, 2 when the settings are.
    """
    try:
        settings = load()
    except SettingsError as error:
        where = f"{error.source}: " if error.source else ""
        _show([Finding("settings", "wrong", f"{where}{fault}") for fault in error.faults], as_json=as_json)
        raise click.exceptions.Exit(WRONG_USE) from error
    found = list(findings(settings))
    _show(found, as_json=as_json)
    if any(each.state == "wrong" for each in found):
        raise click.exceptions.Exit(FAILED)


def findings(settings: Settings) -> Iterator[Finding]:
    """Every finding, in the order of the line: what stands first is needed for what follows."""
    yield _settings(settings)
    yield from secrets(settings)
    yield from database(settings)
    yield from redis_server(settings)
    times = []
    for tenant in settings.tenants.values():
        broken = set()
        for erp in tenant.erps():
            finding, ahead = connection(settings, tenant, erp)
            times.extend([] if ahead is None else [(f"{tenant.name}/{erp}", ahead)])
            broken |= {erp} if finding.state == "wrong" else set()
            yield finding
        yield from sync(settings, tenant, frozenset(broken))
        yield from receivers(tenant)
    yield from clock(times)


def _settings(settings: Settings) -> Finding:
    if not settings.tenants:
        return Finding("settings", "warning", "no tenant: nothing can be done; write kitrelay.toml (kitrelay.example.toml shows every key)")
    if not settings.api_keys:
        return Finding("settings", "warning", "no API key: only the command line can be used; add [[api_keys]]")
    return Finding("settings", "ok", f"{len(settings.tenants)} tenant(s), {len(settings.api_keys)} API key(s)")


def _show(found: list[Finding], *, as_json: bool) -> None:
    if as_json:
        show_json({"ok": all(each.state != "wrong" for each in found), "items": [each.view() for each in found]})
        return
    for each in found:
        line = Text.assemble((f"{each.state:<8}", COLOURS[each.state]), (f"{each.what}: ", "bold"), each.message)
        console().print(line, soft_wrap=True)
