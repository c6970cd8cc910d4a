"""Follow a batch to its end: a progress bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from worker.cli.output import notes, span
from worker.jobs.ledger import utc_now
from worker.jobs.model import Lane
from worker.jobs.progress import progress_of
from worker.jobs.search import find_batch
from worker.jobs.standstills import now_standing
from worker.jobs.states import FINAL, OPEN, BatchState
from worker.jobs.views import batch_view

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker.jobs.engine import Database

EVERY: Final = 0.5
LINE_EVERY: Final = 5.0
OVER: Final = frozenset({BatchState.SUCCEEDED.value, BatchState.FINISHED.value, BatchState.CANCELLED.value})
View = dict[str, Any]
_MOVING: Final = (BatchState.PLANNING, BatchState.RUNNING)


def view_of(database: Database, batch_id: str) -> View:
    """The batch as the API shows it; with `stands_still`, the reason, while its connection takes no call. Raises `NotFound`."""
    now = utc_now()
    with database.read() as connection:
        batch = find_batch(connection, batch_id)
        view = batch_view(batch, progress_of(connection, batch, now))
        stops = now_standing(connection, [Lane(batch.tenant, batch.erp)], now) if batch.state in _MOVING else []
    return {**view, "stands_still": f"{stops[0].erp}: {stops[0].why}"} if stops else view


def watch(database: Database, batch_id: str) -> View:
    """Follow it until it has ended; how it stands then. Ctrl-C stops watching, not the batch."""
    return follow(lambda: view_of(database, batch_id))


def follow(look: Callable[[], View], every: float = EVERY) -> View:
    """The same with any way to look. A cancelled batch has ended when none of its jobs is open."""
    with _shown() as show:
        while True:
            view = look()
            show(view)
            if ended(view):
                return view
            time.sleep(every)


def ended(view: View) -> bool:
    """Whether nothing of it will happen any more."""
    return view["state"] in OVER and not any(view["counts"][state.value] for state in OPEN)


@contextmanager
def _shown() -> Iterator[Callable[[View], None]]:
    console = notes()
    if not console.is_terminal:
        yield _Lines()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.fields[rest]}"))
    with Progress(*columns, console=console, transient=True) as progress:
        yield _Bar(progress)


class _Bar:
    """On a terminal."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID = progress.add_task("", total=None, rest="")

    def __call__(self, view: View) -> None:
        """Show how it stands."""
        self._progress.update(self._task, description=view["state"], total=view["total"] or None, completed=_done(view), rest=_rest(view))


class _Lines:
    """Elsewhere, such as in a log: a line when much time has passed, and one at the end."""

    def __init__(self) -> None:
        self._console = notes()
        self._said = float("-inf")

    def __call__(self, view: View) -> None:
        """Show how it stands."""
        if time.monotonic() - self._said < LINE_EVERY and not ended(view):
            return
        self._said = time.monotonic()
        self._console.print(", ".join(filter(None, (f"{view['state']}: {_done(view)} of {view['total']}", _rest(view)))))


def _done(view: View) -> int:
    return sum(view["counts"][state.value] for state in FINAL)


def _rest(view: View) -> str:
    failed = view["counts"]["failed"]
    told = [f"{failed} failed"] if failed else []
    if "stands_still" in view:
        return ", ".join([*told, f"stands still: {view['stands_still']}"])
    if view["rate_per_minute"]:
        told.append(f"{view['rate_per_minute']:g} a minute")
    if view["eta"]:
        left = (datetime.fromisoformat(view["eta"]) - utc_now()).total_seconds()
        told.append(f"about {span(max(0.0, left))} left")
    return ", ".join(told)
