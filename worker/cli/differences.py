"""What syncs found and did, for a person: a table for each kit and target, what was written, what failed and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from worker.cli.output import table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from worker.cli.outcomes import Outcome, Stand, Target
    from worker.cli.syncing import Gathered

MOST: Final = 50
"""So many kits are shown; the others are counted."""

COLUMNS: Final = ("what", "component", "from", "to", "unit")
FIRST: Final[tuple[Stand, ...]] = ("failed", "differs", "written", "in step")
WORDS: Final[Mapping[Stand, str]] = {"failed": "failed", "differs": "with differences", "written": "written", "in step": "in step"}


def show_found(found: Gathered) -> None:
    """Each kit's differences, target by target."""
    for outcome in _shown(found):
        for target in outcome.targets:
            click.echo(f"{outcome.kit} in {target.erp}: {target.summary}")
            if target.rows:
                table(COLUMNS, target.rows, widest="component")
            _say(f"  {note}" for note in target.notes)
        _why(outcome)
        click.echo()
    _rest(found)


def show_applied(applied: Gathered) -> None:
    """What was written for each kit, and that it was seen."""
    for outcome in _shown(applied):
        for target in outcome.targets:
            click.echo(f"{outcome.kit} in {target.erp}: {_written(outcome, target)}")
            if outcome.error is not None:
                _say(f"  {note}" for note in target.notes)
        _why(outcome)
    click.echo()
    _rest(applied)


def _shown(found: Gathered) -> list[Outcome]:
    """Those that need a person first."""
    return [outcome for stand in FIRST for outcome in found.outcomes if outcome.stand == stand][:MOST]


def _written(outcome: Outcome, target: Target) -> str:
    if outcome.error is not None:
        return f"{len(target.applied)} written, {len(target.rows)} wanted"
    return f"{len(target.applied)} written; read again: no difference" if target.applied else "no difference"


def _why(outcome: Outcome) -> None:
    if outcome.error is None:
        return
    click.secho(f"{outcome.kit} failed ({outcome.error.error_class}): {outcome.error.message}", fg="red")
    click.echo(f"  {outcome.advice}")


def _rest(found: Gathered) -> None:
    total = sum(found.counts.values())
    if not total:
        click.echo("no kit differs")
        return
    counted = ", ".join(f"{found.counts[stand]} {WORDS[stand]}" for stand in FIRST if found.counts.get(stand))
    left = f"; {MOST} of them are shown" if total > MOST else ""
    click.echo(f"{total} kit{'' if total == 1 else 's'}: {counted}{left}")


def _say(lines: Iterator[str]) -> None:
    for line in lines:
        click.echo(line)
