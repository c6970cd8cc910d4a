"""`rules test`: what an event would do, rule by rule, without doing it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from worker.cli import options
from worker.cli.group import FAILED, WrongUse
from worker.cli.opening import load
from worker.cli.output import compact, show_json, table
from worker.rules import Rulebook, exact
from worker.rules.events import NoEvent, any_event
from worker.rules.foresight import WORDS, foreseen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker.jobs.outcomes import Outcome
    from worker.settings import Settings, Tenant

LARGEST: Final = 1024 * 1024
"""The receiver takes no larger one."""


@click.group(epilog=options.example("kitrelay rules test order.json --source webshop"))
def rules() -> None:
    """Try rules out."""


@rules.command("test", epilog=options.example("kitrelay rules test order.json --source webshop", "jq .event.json | kitrelay rules test -"))
@click.argument("event", metavar="EVENT.json|-", type=click.File("rb"))
@click.option("--source", metavar="NAME", help="Whose event it is; every source's rules are tried unless given.")
@options.tenant
@options.as_json
def test(
    event: Any,  # noqa: ANN401 - click gives an open file
    source: str | None,
    tenant: str | None,
    as_json: bool,  # noqa: FBT001 - click gives it by name
) -> None:
    """Show what an event would do, rule by rule, without doing it: nothing is stored, and no ERP is called.

    The file holds the event as the source sends it: {"type": "order.paid", "data": {…}}, or a CloudEvent. For visma, itempath and intacct
    type is their event's (BACKGROUND_API_RESPONSE, DATA_PUSH, PLATFORM_TRIGGER) and data their webhook's body. It exits 1 where a rule
    refuses something.
    """
    found = _event(event)
    settings = load()
    home = _tenant(settings, tenant)
    book = Rulebook(settings)
    outcomes = [(name, outcome) for name in _sources(home, source) for outcome in book.judged(home.name, name, found)]
    if as_json:
        show_json(
            {"tenant": home.name, "type": found["type"], "outcomes": [{"source": name, **foreseen(outcome)} for name, outcome in outcomes]}
        )
    else:
        _show(home.name, str(found["type"]), outcomes)
    if any(outcome.state == "refused" for _, outcome in outcomes):
        raise click.exceptions.Exit(FAILED)


def _event(file: Any) -> dict[str, Any]:  # noqa: ANN401 - an open file
    """The event in a file. Raises `WrongUse`."""
    raw = file.read(LARGEST + 1)
    if len(raw) > LARGEST:
        raise WrongUse(f"the event is larger than {LARGEST} bytes")
    try:
        return any_event(exact.loads(raw))
    except NoEvent as error:
        raise WrongUse(str(error)) from error
    except ValueError as error:
        raise WrongUse(f"the event is no JSON: {error}") from error


def _tenant(settings: Settings, named: str | None) -> Tenant:
    """The tenant that was named, or the only one with rules. Raises `WrongUse`."""
    able = [name for name, tenant in settings.tenants.items() if tenant.rules]
    if named is None and len(able) == 1:
        return settings.tenants[able[0]]
    if named in able:
        return settings.tenants[str(named)]
    known = f"there are {', '.join(able)}" if able else "the settings have no rules"
    raise WrongUse(f"--tenant is needed: {known}" if named is None else f"there is no tenant {named!r} with rules: {known}")


def _sources(tenant: Tenant, named: str | None) -> Iterable[str]:
    """The sources that rules are for, in their order, or the one that was named. Raises `WrongUse`."""
    able = list(dict.fromkeys(rule.source for rule in tenant.rules))
    if named is None:
        return able
    if named not in able:
        raise WrongUse(f"{tenant.name} has no rule for {named!r}: there are rules for {', '.join(able)}")
    return [named]


def _show(tenant: str, kind: str, outcomes: list[tuple[str, Outcome]]) -> None:
    rows = [
        (source, outcome.rule, "" if outcome.item is None else outcome.item, WORDS[outcome.state], line)
        for source, outcome in outcomes
        for line in _lines(outcome)
    ]
    table(("source", "rule", "item", "", "what"), rows)
    made = sum(outcome.state == "made" for _, outcome in outcomes)
    click.echo(f"\n{kind} would make {made} job{'' if made == 1 else 's'} for {tenant}; nothing was done")


def _lines(outcome: Outcome) -> list[str]:
    if outcome.job is not None:
        key = f", once for {outcome.job.unique_key}" if outcome.job.unique_key else ""
        return [f"{outcome.kind} {compact(outcome.job.arguments)}{key}"]
    return [outcome.why] if outcome.why else [str(fault) for fault in outcome.faults]
