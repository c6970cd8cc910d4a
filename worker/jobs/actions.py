"""Actions: replay, cancel or discard many jobs at once, tracked like a batch.

The jobs are those that the filter names when the action is asked for: what is made or fails later is not caught. They are walked from
the newest to the oldest in chunks, a transaction each, which also holds how far it came: whoever goes on after a kill begins where the
last chunk ended. A job that somebody else moved in the meantime is left as it is, and one that somebody replays is not cancelled.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert, select, update

from worker.errors import Conflict, NotFound
from worker.jobs import acts, queue, search
from worker.jobs.changes import Change, apply
from worker.jobs.estimates import CALLS_EACH, CALLS_OF_SYNC
from worker.jobs.filters import JobFilter
from worker.jobs.model import new_id
from worker.jobs.reopening import reopen, reopening
from worker.jobs.states import ActionState, State
from worker.jobs.tables import actions, moves
from worker.jobs.tallies import tally
from worker.jobs.uniques import superseded
from worker.jobs.views import filter_view

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from sqlalchemy import Connection, Row

    from worker.jobs.engine import Database
    from worker.jobs.model import Job

CHUNK: Final = 500
MOVED_ON: Final = "it moved on in the meantime"
MADE_GOOD: Final = "a later job did what it was to do"
DONE_SINCE: Final = "another job has its unique key now"
MOST_LOOKED_AT: Final = 2_000
"""Actions of all tenants that are read for one page of a list."""

_PORTION: Final = 200
_INSTANT: Final = timedelta(microseconds=1)
_TIMES: Final = ("since", "until")
_LISTS: Final = ("state", "ids")
_DISCARDED: Final = "it was cancelled: a replay must name the state cancelled"


@dataclass(frozen=True, slots=True)
class Verb:
    """What an action does to one job, and to jobs in which states; `unless_named` only where the filter names states, or jobs."""

    act: Callable[[Job, datetime], tuple[Job, str]]
    states: tuple[State, ...]
    unless_named: tuple[State, ...] = ()
    after_failure: bool = False
    """Only jobs that came to their end before the action was asked for."""

    open_of_group: bool = False
    """Of a group of failures only those that no later job made good: to do the others again would be for nothing."""


VERBS: Final[Mapping[str, Verb]] = {
    "replay": Verb(
        queue.replayed, (State.FAILED, State.CANCELLED), unless_named=(State.CANCELLED,), after_failure=True, open_of_group=True
    ),
    "cancel": Verb(queue.cancelled, (State.QUEUED, State.WAITING, State.RETRYING)),
    "discard": Verb(queue.discarded, (State.FAILED,), after_failure=True),
}
_WHY_NOT: Final[Mapping[str, str]] = {"replay": "can't be replayed", "cancel": "can't be cancelled", "discard": "can't be discarded"}


@dataclass(frozen=True, slots=True)
class Action:
    """Something that a person does to many jobs. `total` is how many it was to change when it was asked for, `done` how many it did.

    `tenants` is what may be touched, None for all; `cursor` is the last job looked at. `skipped` counts what is left out, by reason:
    what was no part of `total` from the beginning, and of `total` what was left out then. So at its end every job of `total` was done, or
    moved on, or its unique key is another's.
    """

    id: str
    action: str
    filter: JobFilter
    made_by: str
    created_at: datetime
    tenants: tuple[str, ...] | None = None
    state: ActionState = ActionState.RUNNING
    total: int = 0
    done: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    cursor: str | None = None
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Forecast:
    """What an action would do: how many it would change, and how many not and why; `calls` to ERPs follow from it, at least."""

    changes: int
    skips: dict[str, int]
    calls: int


def forecast(connection: Connection, action: str, wanted: JobFilter) -> Forecast:
    """Count, by state and kind, what the filter names now. A replay of a group of failures takes those that are open."""
    verb = VERBS[action]
    changes, calls = 0, 0.0
    skips: Counter[str] = Counter()
    if verb.open_of_group and wanted.failure is not None:
        skips[MADE_GOOD] += sum(tally(connection, replace(wanted, closed=True)).values())
        wanted = replace(wanted, closed=False)
    for (state, kind), count in tally(connection, wanted).items():
        why = _why_not(action, verb, state, wanted)
        if why is not None:
            skips[why] += count
            continue
        changes += count
        calls += count * (CALLS_OF_SYNC if kind == "sync_kit_lines" else CALLS_EACH) if action == "replay" else 0
    return Forecast(changes, dict(+skips), ceil(calls))


def begin(db: Database, action: str, wanted: JobFilter, made_by: str, now: datetime) -> Action:
    """Write down what is to be done. `carry_on` does it. What it will come to is counted first, while others may write."""
    with db.read() as connection:
        seen = forecast(connection, action, wanted)
    with db.write() as connection:
        return _begun(connection, action, wanted, seen, made_by, now)


def _begun(connection: Connection, action: str, wanted: JobFilter, seen: Forecast, made_by: str, now: datetime) -> Action:
    begun = Action(new_id(), action, wanted, made_by, now, wanted.within, total=seen.changes, skipped=seen.skips)
    connection.execute(
        insert(actions).values(
            id=begun.id,
            tenants=None if begun.tenants is None else list(begun.tenants),
            made_by=made_by,
            action=action,
            filter=filter_view(wanted),
            state=begun.state.value,
            total=begun.total,
            done=0,
            skipped=begun.skipped,
            created_at=now,
            touched_at=now,
        )
    )
    told = {"action": action, "filter": filter_view(wanted), "count": begun.total}
    acts.record_for(connection, made_by, begun.tenants, "action.begun", begun.id, told, now)
    return begun


def carry_on(db: Database, action_id: str, now: datetime) -> Action:
    """Do the next chunk of it, and remember how far it came. Several may do so at once: each chunk is done by one."""
    return reopening(db, lambda connection: _carried_on(db, connection, action_id, now), now)


def _carried_on(db: Database, connection: Connection, action_id: str, now: datetime) -> Action:
    action = find(connection, action_id, db.for_update)
    if action.state is not ActionState.RUNNING:
        return action
    found = search.find_jobs(connection, _reach(action), CHUNK, action.cursor)
    then = _worked(db, connection, action, found, now)
    if len(found) < CHUNK:
        then = replace(_whole(then), state=ActionState.FINISHED, finished_at=now)
    _keep(connection, then, now)
    return then


def stop(db: Database, connection: Connection, action_id: str, by: str, now: datetime) -> Action:
    """Change no more jobs; what was changed stays so. Raises `Conflict` for one that is over."""
    action = find(connection, action_id, db.for_update)
    if action.state is not ActionState.RUNNING:
        raise Conflict(f"a {action.state} action can't be stopped")
    stopped = replace(action, state=ActionState.STOPPED, finished_at=now)
    _keep(connection, stopped, now)
    told = {"action": action.action, "done": action.done, "total": action.total}
    acts.record_for(connection, by, action.tenants, "action.stopped", action.id, told, now)
    return stopped


def find(connection: Connection, action_id: str, lock: Callable[[Any], Any] = lambda statement: statement) -> Action:
    """The action, or `NotFound`."""
    row = connection.execute(lock(select(actions).where(actions.c.id == action_id))).one_or_none()
    if row is None:
        raise NotFound(f"there is no action {action_id}")
    return _action_of(row)


def find_actions(connection: Connection, tenants: Collection[str] | None, limit: int, after: str | None = None) -> list[Action]:
    """Up to `limit` actions, newest first, older than the action `after`: those that touch no others than these tenants (None: all).

    They are looked for among the 2,000 newest of all tenants before `after`: who sees few tenants of many may not be shown what is older.
    """
    found: list[Action] = []
    for _ in range(0, MOST_LOOKED_AT, _PORTION):
        older = select(actions).order_by(actions.c.id.desc()).limit(_PORTION)
        rows = connection.execute(older if after is None else older.where(actions.c.id < after)).all()
        found += (action for action in map(_action_of, rows) if touches_only(action, tenants))
        if len(found) >= limit or len(rows) < _PORTION:
            break
        after = rows[-1].id
    return found[:limit]


def touches_only(action: Action, tenants: Collection[str] | None) -> bool:
    """Whether who sees these tenants (None: all) sees every tenant that the action may touch."""
    return tenants is None or (action.tenants is not None and set(action.tenants) <= set(tenants))


def running(connection: Connection) -> list[str]:
    """The ids of actions that are not over, the one that was touched longest ago first."""
    statement = select(actions.c.id).where(actions.c.state == ActionState.RUNNING.value).order_by(actions.c.touched_at, actions.c.id)
    return list(connection.execute(statement).scalars())


def _worked(db: Database, connection: Connection, action: Action, found: list[Job], now: datetime) -> Action:
    """The action after these jobs."""
    if not found:
        return action
    verb = VERBS[action.action]
    able = [job for job in found if not verb.after_failure or (job.finished_at or now) <= action.created_at]
    taken: dict[str, str] = {}
    if action.action == "replay":
        taken = superseded(db, connection, able)
        able = [job for job in able if job.id not in taken]
        reopen(connection, (job.batch for job in able if job.batch is not None), now)
    spared = _replayed_since(connection, action, able) if action.action == "cancel" else set()
    kept = apply(db, connection, [_change(action, verb, job, now) for job in able if job.id not in spared], now)
    lost = len(able) - len(kept)
    skipped = _skipped(action, {MOVED_ON: lost, DONE_SINCE: len(taken)})
    return replace(action, done=action.done + len(kept), skipped=skipped, cursor=found[-1].id)


def _whole(action: Action) -> Action:
    """At its end: what was to be changed and was not found any more had moved on before it was looked at."""
    seen = action.done + action.skipped.get(MOVED_ON, 0) + action.skipped.get(DONE_SINCE, 0)
    return replace(action, skipped=_skipped(action, {MOVED_ON: max(0, action.total - seen)}))


def _skipped(action: Action, more: Mapping[str, int]) -> dict[str, int]:
    return dict(+(Counter(action.skipped) + Counter(more)))


def _replayed_since(connection: Connection, action: Action, found: list[Job]) -> set[str]:
    """Those that were over when the action was asked for: somebody wanted them to run after that."""
    again = select(moves.c.job).where(
        moves.c.job.in_([job.id for job in found]),
        moves.c.at > action.created_at,
        moves.c.origin.in_([State.FAILED.value, State.CANCELLED.value]),
        moves.c.target == State.QUEUED.value,
    )
    return set(connection.execute(again).scalars())


def _change(action: Action, verb: Verb, job: Job, now: datetime) -> Change:
    then, cause = verb.act(job, now)
    return Change(job, then, f"{cause}, by action {action.id}", action.made_by)


def _reach(action: Action) -> JobFilter:
    """The jobs that are still to be looked at: those in a state that it changes, made before it was asked for."""
    wanted = action.filter
    until = action.created_at + _INSTANT
    verb = VERBS[action.action]
    states = tuple(state.value for state in verb.states if _why_not(action.action, verb, state, wanted) is None)
    if wanted.state is not None:
        states = tuple(state for state in states if state in wanted.state)
    closed = False if verb.open_of_group and wanted.failure is not None else wanted.closed
    return replace(wanted, state=states, closed=closed, until=until if wanted.until is None else min(until, wanted.until))


def _why_not(action: str, verb: Verb, state: State, wanted: JobFilter) -> str | None:
    """Why a job in this state is left out, if it is. Who names jobs by their ids names those in every state."""
    if state in verb.unless_named and wanted.ids is None and (wanted.state is None or state.value not in wanted.state):
        return _DISCARDED
    if state in verb.states:
        return None
    return f"a {state} job {_WHY_NOT[action]}"


def _keep(connection: Connection, action: Action, now: datetime) -> None:
    connection.execute(
        update(actions)
        .where(actions.c.id == action.id)
        .values(
            state=action.state.value,
            done=action.done,
            skipped=action.skipped,
            cursor=action.cursor,
            touched_at=now,
            finished_at=action.finished_at,
        )
    )


def _action_of(row: Row[Any]) -> Action:
    tenants = None if row.tenants is None else tuple(row.tenants)
    return Action(
        id=row.id,
        action=row.action,
        filter=_filter_of(row.filter, tenants),
        made_by=row.made_by,
        created_at=row.created_at,
        tenants=tenants,
        state=ActionState(row.state),
        total=row.total,
        done=row.done,
        skipped=row.skipped,
        cursor=row.cursor,
        finished_at=row.finished_at,
    )


def _filter_of(given: Mapping[str, Any], tenants: tuple[str, ...] | None) -> JobFilter:
    times = {name: datetime.fromisoformat(given[name]) for name in _TIMES if name in given}
    lists = {name: tuple(given[name]) for name in _LISTS if name in given}
    return JobFilter(tenants=tenants, **{**given, **times, **lists})
