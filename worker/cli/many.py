"""Do one thing to all jobs that a filter names: as an action that can be followed and stopped, carried out here and by any scheduler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from worker.cli import options
from worker.cli.opening import actor, opened
from worker.cli.output import counting, pairs, show_json
from worker.errors import Fault, InvalidArguments
from worker.jobs import actions
from worker.jobs.ledger import utc_now
from worker.jobs.search import JobFilter
from worker.jobs.states import ActionState, State
from worker.jobs.views import action_view, counted
from worker.kinds import KINDS
from worker.settings import SEND_NOTICE

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.jobs.actions import Action
    from worker.jobs.engine import Database
    from worker.settings import Settings

_FILTERS: Final = (
    options.tenant_filter,
    click.option("--kind", type=click.Choice([*KINDS, SEND_NOTICE])),
    click.option("--state", type=click.Choice([state.value for state in State]), multiple=True, help="May be given several times."),
    click.option("--batch", metavar="ID"),
    click.option("--tag", metavar="WORD"),
    click.option("--erp-id", metavar="ID", help="The ERP's id of the operation."),
    click.option("--reference", metavar="TYPE/REFNO", help="The document."),
    options.error_class,
    click.option("--failure", metavar="ID", help="A group of failures; a replay takes those that no later job made good."),
    click.option("-q", "--q", metavar="TEXT", help="Beginnings of words of reference, arguments, tags or error; or an id."),
    options.moment("--since", "Made since then."),
    options.moment("--until", "Made before then."),
)


def filters(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which jobs; `filter_of` reads them."""
    for option in reversed(_FILTERS):
        command = option(command)
    return command


def preview(command: Callable[..., Any]) -> Callable[..., Any]:
    """Only look."""
    return click.option("--preview", is_flag=True, help="Only say how many it would change, and how many not and why.")(command)


def filter_of(state: tuple[str, ...] = (), **given: Any) -> JobFilter:  # noqa: ANN401 - as click gives them
    """The filter that the options say."""
    return JobFilter(state=state or None, **given)


def is_empty(wanted: JobFilter) -> bool:
    """Whether it names nothing, and so everything."""
    return wanted == JobFilter()


def on_many(settings: Settings, action: str, wanted: JobFilter, *, only_look: bool, as_json: bool) -> None:
    """Do it to the jobs that the filter names now, or only say to how many. Raises `InvalidArguments` for an empty filter."""
    if is_empty(wanted):
        raise InvalidArguments((Fault("", "name jobs, or say what they have in common, such as --state failed"),))
    with opened(settings) as database:
        if only_look:
            _show(_forecast(database, action, wanted), as_json=as_json)
            return
        begun = actions.begin(database, action, wanted, actor(), utc_now())
        _show(action_view(_to_end(database, begun)), as_json=as_json)


def _forecast(database: Database, action: str, wanted: JobFilter) -> dict[str, Any]:
    with database.read() as connection:
        seen = actions.forecast(connection, action, wanted)
    return {"preview": True, "would_change": seen.changes, "would_skip": counted(seen.skips), "calls": seen.calls, "eta": None}


def _to_end(database: Database, action: Action) -> Action:
    """Ctrl-C leaves the rest to the scheduler."""
    try:
        with counting(action.action, action.total) as done:
            while action.state is ActionState.RUNNING:
                action = actions.carry_on(database, action.id, utc_now())
                done(action.done)
    except KeyboardInterrupt:
        click.echo(f"the scheduler carries on with action {action.id}", err=True)
        raise
    return action


def _show(view: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        show_json(view)
        return
    left_out = view.get("would_skip", view.get("skipped", []))
    done = [("would change", view["would_change"])] if "preview" in view else [("action", view["id"]), ("changed", view["done"])]
    pairs([*done, *(("left out", f"{each['count']}: {each['reason']}") for each in left_out)])
