"""What holds a batch up, in sentences."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from webhooks.dashboard.batches.holdups import halted, holdups, stood_still
from worker.jobs.model import Batch
from worker.jobs.standstills import BROKEN, BUDGET, Standstill
from worker.jobs.states import BatchState, State

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def batch(state: BatchState, *, held: bool = False) -> Batch:
    """A batch in a state."""
    return Batch("id", "acme", "visma", "release_kit_assembly", "many", state, "ops", NOW, held=held)


def counts(**given: int) -> dict[str, int]:
    """Jobs by state."""
    return {state.value: 0 for state in State} | given


def link(**changes: Any) -> dict[str, Any]:
    """A connection as the API tells it."""
    return {"erp": "visma", "state": "up", "why": None, "calls_left": 9, "resets_at": None, **changes}


@pytest.mark.parametrize(
    ("state", "jobs", "said"),
    [
        (BatchState.RUNNING, {"queued": 3}, ""),
        (BatchState.RUNNING, {"retrying": 2}, "2 jobs wait to be tried again"),
        (BatchState.PAUSED, {"queued": 3, "waiting": 1}, "the 1 job under way goes on to the end"),
        (BatchState.CANCELLED, {"cancelled": 3}, ""),
        (BatchState.CANCELLED, {"waiting": 2}, "2 jobs that the ERP may have taken are followed"),
        (BatchState.SUCCEEDED, {"succeeded": 2}, ""),
    ],
)
def test_states_are_explained(state: BatchState, jobs: dict[str, int], said: str) -> None:
    """A batch that goes its way needs no words; one that does not says why."""
    found = " ".join(each.text for each in holdups(batch(state), counts(**jobs), [link()], NOW))
    assert said in found
    assert bool(found) is bool(said)


def test_connections_hold_up() -> None:
    """A connection that is not up is named while there is something to do; when its calls come back is told."""
    resets = (NOW + timedelta(minutes=9)).isoformat()
    links = [link(state="slow", why="the hour's calls are used up", calls_left=0, resets_at=resets), link(erp="intacct")]
    (found,) = holdups(batch(BatchState.RUNNING), counts(queued=1), links, NOW)
    assert (found.text, found.until) == ("Visma Net is slow: the hour's calls are used up.", NOW + timedelta(minutes=9))
    assert holdups(batch(BatchState.FINISHED), counts(failed=1), links, NOW) == []


def test_held_speaks_for_itself() -> None:
    """The page of a held batch says so elsewhere, and more."""
    assert holdups(batch(BatchState.PAUSED, held=True), counts(queued=1), [], NOW) == []


def test_standstills_are_summed() -> None:
    """Stretches of one reason are one, cut to the batch's own time; one that lasts counts to its end."""
    since, until = NOW, NOW + timedelta(hours=1)
    stops = [
        Standstill("acme", "visma", BROKEN, "down", NOW - timedelta(hours=1), NOW + timedelta(minutes=5)),
        Standstill("acme", "visma", BUDGET, "used up", NOW + timedelta(minutes=50), None),
        Standstill("acme", "visma", BROKEN, "down", NOW + timedelta(minutes=10), NOW + timedelta(minutes=12)),
    ]
    told = [("Visma Net had no calls left in the hour", 600.0), ("Visma Net was broken", 420.0)]
    assert stood_still(stops, since, until) == told


@pytest.mark.parametrize(
    ("erps", "state", "said"),
    [
        (("visma",), "broken", "Visma Net is broken"),
        (("visma", "itempath"), "paused", "Visma Net is paused"),
        (("visma",), "slow", ""),
        (("itempath",), "broken", ""),
    ],
)
def test_halt_is_named(erps: tuple[str, ...], state: str, said: str) -> None:
    """Only a connection that the batch calls, and that takes no call at all, stops it."""
    assert halted(erps, [link(state=state), link(erp="itempath")]) == said
