"""A connection's limits as rows: slots and calls of the hour, shared by all workers; breaker, pause, and what was learned of the ERP.

A worker holds a share: some of the slots and a grant of calls. Within it no row is touched for a call; the sum of all shares never passes
the limit.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update

from worker.connections import Breaker, Budget, breaker_after, budget_after, budget_left, fair_share
from worker.errors import LedgerUnavailable
from worker.jobs import standstills
from worker.jobs.announcing import tell_of_breaker
from worker.jobs.model import Lane
from worker.jobs.standstills import Cause
from worker.jobs.tables import connections, holdings

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from worker.connections import Limits, Report
    from worker.jobs.engine import Database


@dataclass(frozen=True, slots=True)
class ConnectionState:
    """What the ledger knows of a connection. `slots` and `calls_per_hour` are set where an admin changed the settings' values.

    `stopped` is why no call could be started at the last refresh: one of `standstills.REASONS`.
    """

    paused_by: str | None = None
    slots: int | None = None
    calls_per_hour: int | None = None
    breaker: Breaker = field(default_factory=Breaker)
    budget: Budget = field(default_factory=Budget)
    blocked_until: datetime | None = None
    last_ok_at: datetime | None = None
    ms: int | None = None
    learned: dict[str, Any] = field(default_factory=dict)
    stopped: str | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """What a worker may do until its next refresh: calls under way at once, and calls in all.

    `slots` are held, `room` of them may be filled: fewer than are under way where a limit was lowered, or another worker waits for its
    part.
    `probe`: the breaker asks this worker for one harmless read. `settler`: this worker looks after the waiting jobs. `resume_at`: when
    calls may start again, where none may now and a time is known.
    """

    slots: int
    calls: int
    probe: bool
    settler: bool
    resume_at: datetime | None
    state: ConnectionState
    room: int = 0


def state_of(connection: Connection, lane: Lane) -> ConnectionState:
    """The connection's row, or what it is before anything was known."""
    row = connection.execute(_row(lane)).one_or_none()
    return ConnectionState() if row is None else _state(row)


def states_of(connection: Connection, lanes: Collection[Lane]) -> dict[Lane, ConnectionState]:
    """The same for several, in one question."""
    mine = select(connections).where(connections.c.tenant.in_({lane.tenant for lane in lanes}))
    found = {(row.tenant, row.erp): _state(row) for row in connection.execute(mine)}
    return {lane: found.get((lane.tenant, lane.erp), ConnectionState()) for lane in lanes}


def learned(db: Database, lane: Lane) -> dict[str, Any] | None:
    """What was learned of the connection so far; None while the ledger is away."""
    try:
        with db.read() as connection:
            return state_of(connection, lane).learned
    except LedgerUnavailable:
        return None


def slots_in_use(connection: Connection, lane: Lane, now: datetime) -> int:
    """Slots that workers hold now."""
    return sum(row.slots for row in _holders(connection, lane, now))


def slots_of(connection: Connection, lanes: Collection[Lane], now: datetime) -> Counter[Lane]:
    """The same for several lanes, in one question."""
    mine = select(holdings).where(holdings.c.tenant.in_({lane.tenant for lane in lanes}), holdings.c.until >= now)
    found: Counter[Lane] = Counter()
    for row in connection.execute(mine):
        found[Lane(row.tenant, row.erp)] += row.slots
    return found


def refresh(
    db: Database,
    connection: Connection,
    lane: Lane,
    worker: str,
    limits: Limits,
    report: Report,
    now: datetime,
    until: datetime,
    chance: float,
) -> Share:
    """Hand in what happened since the last refresh and take a new share, good until `until`. Call it in a write transaction."""
    before = _locked(db, connection, lane)
    state = _reported(before, report, now, chance)
    left = budget_left(state.budget, state.calls_per_hour or limits.calls_per_hour, now)
    cause = _cause(state, left, now)
    standstills.note(connection, lane, before.stopped, cause, now)
    state = replace(state, stopped=cause.reason if cause is not None else None)
    if state != before:
        _save(connection, lane, state)
        tell_of_breaker(connection, lane, before.breaker, state.breaker, now)
    others = [row for row in _holders(connection, lane, now) if row.worker != worker]
    settler = all(worker <= row.worker for row in others)
    resume_at = _stopped(state, now)
    if state.paused_by is not None or resume_at is not None or not state.breaker.closed:
        _hold(connection, lane, worker, report.under_way, report.under_way, until)
        probe = settler and state.paused_by is None and state.breaker.asks(now)
        return Share(0, 0, probe, settler, resume_at, state)
    slots = state.slots or limits.slots
    free = slots - sum(row.slots for row in others)
    room = max(0, min(free, fair_share(slots, worker, [row.worker for row in others])))
    mine = max(report.under_way, room)
    begun = report.under_way  # in no report yet, and off the ERP's number perhaps only when they are answered
    calls = limits.grant if left is None else max(0, min(limits.grant, left - begun - sum(row.calls for row in others)))
    _hold(connection, lane, worker, mine, calls + begun, until)
    resume_at = state.budget.resets_at(now) if calls == 0 else None
    return Share(mine, calls, probe=False, settler=settler, resume_at=resume_at, state=state, room=room)


def give_back(connection: Connection, lane: Lane, worker: str) -> None:
    """The worker has nothing more to do here."""
    connection.execute(delete(holdings).where(*_mine(lane, worker)))


def set_paused(db: Database, connection: Connection, lane: Lane, by: str | None, now: datetime) -> tuple[ConnectionState, ConnectionState]:
    """Pause (by somebody) or resume (None); holds for all workers within a refresh. What it was, and what it is."""
    state = _locked(db, connection, lane)
    breaker = state.breaker if by is not None else Breaker()  # a person who resumes wants it tried now
    if by is None:
        standstills.note(connection, lane, state.stopped, None, now)
    then = replace(state, paused_by=by, breaker=breaker, stopped=None if by is None else state.stopped)
    _save(connection, lane, then)
    tell_of_breaker(connection, lane, state.breaker, breaker, now)
    return state, then


def set_limits(
    db: Database, connection: Connection, lane: Lane, changes: Mapping[str, int | None]
) -> tuple[ConnectionState, ConnectionState]:
    """Change `slots`, `calls_per_hour` or both until changed again; None: as the settings say. What it was, and what it is."""
    state = _locked(db, connection, lane)
    then = replace(state, slots=changes.get("slots", state.slots), calls_per_hour=changes.get("calls_per_hour", state.calls_per_hour))
    _save(connection, lane, then)
    return state, then


def _stopped(state: ConnectionState, now: datetime) -> datetime | None:
    if state.blocked_until is not None and state.blocked_until > now:
        return state.blocked_until
    return state.breaker.open_until if not state.breaker.closed else None


def _cause(state: ConnectionState, left: int | None, now: datetime) -> Cause | None:
    """Why no worker may start a call now; None where one may."""
    if state.paused_by is not None:
        return Cause(standstills.PAUSED, f"paused by {state.paused_by}")
    if not state.breaker.closed:
        return Cause(standstills.BROKEN, state.breaker.why or "the ERP is down")
    if state.blocked_until is not None and state.blocked_until > now:
        return Cause(standstills.ORDERED, "the ERP ordered a wait", state.blocked_until)
    if left is not None and left <= 0:
        return Cause(standstills.BUDGET, "the calls of the hour are used up", state.budget.resets_at(now))
    return None


def _reported(state: ConnectionState, report: Report, now: datetime, chance: float) -> ConnectionState:
    blocked = max((each for each in (state.blocked_until, report.blocked_until) if each is not None), default=None)
    return replace(
        state,
        breaker=breaker_after(state.breaker, report, now, chance),
        budget=budget_after(state.budget, report, now) if report.calls or report.left is not None else state.budget,
        blocked_until=blocked if blocked is not None and blocked > now else None,
        last_ok_at=report.last_ok_at or state.last_ok_at,
        ms=state.ms if report.ms is None else report.ms,
        learned={**state.learned, **report.learned},
    )


def _row(lane: Lane) -> Any:  # noqa: ANN401 - a Select of this table's row
    return select(connections).where(connections.c.tenant == lane.tenant, connections.c.erp == lane.erp)


def _locked(db: Database, connection: Connection, lane: Lane) -> ConnectionState:
    row = connection.execute(db.for_update(_row(lane))).one_or_none()
    if row is not None:
        return _state(row)
    connection.execute(
        db.insert_if_absent(connections).values(tenant=lane.tenant, erp=lane.erp, failures=0, opened=0, window_calls=0, learned={})
    )
    return _state(connection.execute(db.for_update(_row(lane))).one())


def _state(row: Row[Any]) -> ConnectionState:
    return ConnectionState(
        paused_by=row.paused_by,
        slots=row.slots,
        calls_per_hour=row.calls_per_hour,
        breaker=Breaker(row.failures, row.opened, row.open_until, row.why),
        budget=Budget(row.window_at, row.window_calls, row.remote_left, row.remote_resets_at),
        blocked_until=row.blocked_until,
        last_ok_at=row.last_ok_at,
        ms=row.ms,
        learned=row.learned,
        stopped=row.stopped,
    )


def _save(connection: Connection, lane: Lane, state: ConnectionState) -> None:
    connection.execute(
        update(connections)
        .where(connections.c.tenant == lane.tenant, connections.c.erp == lane.erp)
        .values(
            paused_by=state.paused_by,
            slots=state.slots,
            calls_per_hour=state.calls_per_hour,
            failures=state.breaker.failures,
            opened=state.breaker.opened,
            open_until=state.breaker.open_until,
            why=state.breaker.why,
            blocked_until=state.blocked_until,
            last_ok_at=state.last_ok_at,
            ms=state.ms,
            window_at=state.budget.window_at,
            window_calls=state.budget.calls,
            remote_left=state.budget.remote_left,
            remote_resets_at=state.budget.remote_resets_at,
            learned=state.learned,
            stopped=state.stopped,
        )
    )


def _holders(connection: Connection, lane: Lane, now: datetime) -> Sequence[Row[Any]]:
    statement = select(holdings).where(holdings.c.tenant == lane.tenant, holdings.c.erp == lane.erp, holdings.c.until >= now)
    return connection.execute(statement).all()


def _mine(lane: Lane, worker: str) -> tuple[Any, ...]:
    return (holdings.c.tenant == lane.tenant, holdings.c.erp == lane.erp, holdings.c.worker == worker)


def _hold(connection: Connection, lane: Lane, worker: str, slots: int, calls: int, until: datetime) -> None:
    changed = connection.execute(update(holdings).where(*_mine(lane, worker)).values(slots=slots, calls=calls, until=until))
    if not changed.rowcount:
        connection.execute(insert(holdings).values(tenant=lane.tenant, erp=lane.erp, worker=worker, slots=slots, calls=calls, until=until))
