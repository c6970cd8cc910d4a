"""What people and programs read: tables that fit 80 columns, JSON, and times of the local zone."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import click
import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from worker.clients.codec import write_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

COLOURS: Final = {
    "succeeded": "green",
    "failed": "red",
    "finished": "yellow",
    "retrying": "yellow",
    "paused": "yellow",
    "cancelled": "dim",
    "running": "cyan",
    "waiting": "cyan",
}
"""Of states, of jobs and batches alike."""

NARROW: Final = 80
STEP: Final = 200
WIDE: Final = 110
"""From so many columns on, tables show more."""

_BETWEEN: Final = 2
_SHORT: Final = 20
_LEAST: Final = 10
"""Columns up to so many letters are never cut; longer ones keep at least these."""


def console() -> Console:
    """Standard output; 80 columns where it is no terminal."""
    return Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else NARROW)


def notes() -> Console:
    """Standard error: progress and remarks, so that standard output stays clean."""
    return Console(file=sys.stderr, highlight=False, width=None if sys.stderr.isatty() else NARROW)


def show_json(value: object) -> None:
    """A JSON value, indented."""
    click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2, default=str).decode())


def show_exact_json(value: object) -> None:
    """The same for a value of an ERP, whose decimals stay as they are."""
    click.echo(write_json(value).decode())


def show_json_line(value: object) -> None:
    """A JSON value on one line, at once."""
    click.echo(orjson.dumps(value, default=str).decode())
    sys.stdout.flush()


def wide() -> bool:
    """Whether there is room for more."""
    return console().width >= WIDE


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, widest: str | None = None) -> None:
    """Columns side by side; the last one, or `widest`, takes what is left of the line.

    The first column and short ones are whole: an id that is cut is none. Where there is little room, long ones between them are cut.
    """
    cells = [[_cell(each) for each in row] for row in rows]
    free = columns.index(widest or columns[-1])
    whole = [max(len(name), *(row[place].cell_len for row in cells), 0) for place, name in enumerate(columns)]
    cut = [place for place, width in enumerate(whole) if place not in {0, free} and width > _SHORT]
    kept = sum(width for place, width in enumerate(whole) if place not in {free, *cut}) + min(whole[free], _SHORT)
    room = max(_LEAST, (console().width - kept - _BETWEEN * len(columns)) // max(1, len(cut)))
    shown = Table(box=None, padding=(0, _BETWEEN, 0, 0), header_style="bold", expand=False)
    for place, name in enumerate(columns):
        if place == free:
            shown.add_column(name, overflow="fold")
        elif place in cut:
            shown.add_column(name, overflow="ellipsis", no_wrap=True, max_width=room)
        else:
            shown.add_column(name, no_wrap=True, min_width=whole[place])
    for row in cells:
        shown.add_row(*row)
    console().print(shown)


def pairs(rows: Iterable[tuple[str, object]]) -> None:
    """Names and values, one a line."""
    shown = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    shown.add_column(style="bold", no_wrap=True)
    shown.add_column(overflow="fold")
    for name, value in rows:
        shown.add_row(name, _cell(value))
    console().print(shown)


@contextmanager
def counting(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """On a terminal, a bar for something that takes long: tell it how many are done. Elsewhere nothing."""
    shown = notes()
    if not shown.is_terminal:
        yield lambda _count: None
        return
    with Progress(TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=shown, transient=True) as progress:
        task = progress.add_task(what, total=total)

        def done(count: int) -> None:
            if count % STEP == 0 or count == total:
                progress.update(task, completed=count)

        yield done


def local(moment: datetime | str | None) -> str:
    """A time in the local zone, short; empty for none."""
    if moment is None:
        return ""
    when = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return when.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def clock(moment: datetime) -> str:
    """The time of day in the local zone."""
    return moment.astimezone().strftime("%H:%M:%S")


def compact(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """A JSON value on one line, for a table."""
    return orjson.dumps(value, default=str).decode()


def span(seconds: float) -> str:
    """A length of time: 0.8 s, 42 s, 3 min 20 s, 2 h 5 min."""
    if seconds < 10:  # noqa: PLR2004 - below ten, tenths matter
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:  # noqa: PLR2004 - a minute
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:  # noqa: PLR2004 - an hour
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def _cell(value: object) -> Text:
    text = "" if value is None else str(value)
    return Text(text, style=COLOURS.get(text, ""))
