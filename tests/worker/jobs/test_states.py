"""The table of moves, and that nothing passes it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.worker.jobs.acting import NOW, claim, make, moves_of, read, wanted, whole
from worker.errors import Conflict
from worker.jobs.changes import Change, apply
from worker.jobs.making import job_from
from worker.jobs.states import FINAL, HOLDS_DOCUMENT, MOVES, OPEN, State, may_move

if TYPE_CHECKING:
    from worker.jobs.engine import Database

PAIRS = [(origin, target) for origin in State for target in State if origin is not target]


def test_states_are_parted() -> None:
    """Four states are open, three are not, and the table has a row for each."""
    assert {State.QUEUED, State.RUNNING, State.WAITING, State.RETRYING} == OPEN
    assert set(State) - OPEN == FINAL
    assert set(MOVES) == set(State)
    assert HOLDS_DOCUMENT <= OPEN


def test_success_is_final() -> None:
    """What was read back and seen is never done again."""
    assert not MOVES[State.SUCCEEDED]


@pytest.mark.parametrize("state", sorted(OPEN))
def test_open_leads_out(state: State) -> None:
    """From each open state a success, a failure and a cancellation can be reached."""
    reached, fresh = {state}, {state}
    while fresh:
        fresh = {target for origin in fresh for target in MOVES[origin]} - reached
        reached |= fresh
    assert reached >= FINAL


@pytest.mark.parametrize("state", sorted(FINAL - {State.SUCCEEDED}))
def test_ends_only_replay(state: State) -> None:
    """What failed or was cancelled goes nowhere but back to the queue; what failed is also discarded, or said to be done."""
    also = {State.CANCELLED, State.SUCCEEDED} if state is State.FAILED else set()
    assert MOVES[state] == {State.QUEUED, *also}


@pytest.mark.parametrize("origin", sorted(State))
def test_only_claims_start(origin: State) -> None:
    """Nothing but a queued job starts running."""
    assert may_move(origin, State.RUNNING) is (origin is State.QUEUED)


@pytest.mark.parametrize(("origin", "target"), [pair for pair in PAIRS if not may_move(*pair)])
def test_table_refuses(origin: State, target: State, sqlite_db: Database) -> None:
    """A move that the table does not list is refused before any row is read, whatever the job."""
    job = replace(job_from(wanted(), "ops", NOW), state=origin)
    with sqlite_db.write() as connection, pytest.raises(Conflict, match=f"a {origin} job can't become {target}"):
        apply(sqlite_db, connection, [Change(job, replace(job, state=target), "", "")], NOW)


def test_refused_move_writes_nothing(db: Database) -> None:
    """One forbidden move among good ones and none is written."""
    make(db, wanted(1), wanted(2))
    good, bad = claim(db, 2)
    changes = [Change(job, replace(job, state=state), "", "") for job, state in ((good, State.SUCCEEDED), (bad, State.CANCELLED))]
    with pytest.raises(Conflict), db.write() as connection:
        apply(db, connection, changes, NOW)
    assert {read(db, job).state for job in (good, bad)} == {State.RUNNING}


@pytest.mark.parametrize(("origin", "target"), [pair for pair in PAIRS if may_move(*pair)])
def test_table_allows(origin: State, target: State, sqlite_db: Database) -> None:
    """A listed move is written, and the timeline goes on from where the job stood."""
    path = {
        State.QUEUED: [],
        State.RUNNING: [State.RUNNING],
        State.WAITING: [State.RUNNING, State.WAITING],
        State.RETRYING: [State.RUNNING, State.RETRYING],
        State.FAILED: [State.RUNNING, State.FAILED],
        State.CANCELLED: [State.CANCELLED],
        State.SUCCEEDED: [State.RUNNING, State.SUCCEEDED],
    }[origin]
    (job,) = make(sqlite_db)
    for state in [*path, target]:
        then = replace(job, state=state)
        with sqlite_db.write() as connection:
            assert len(apply(sqlite_db, connection, [Change(job, then, "because", "ops")], NOW)) == 1
        job = then
    assert whole(moves_of(sqlite_db, job), target)
