"""The states of a job and the one table of allowed moves.

Each state's comment says when a job enters it and when it leaves.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class State(StrEnum):
    """Where a job stands. The first four are open."""

    QUEUED = "queued"  # enters: made, woken to be sent again, backoff over, replayed; leaves when a worker claims it or it is cancelled
    RUNNING = "running"  # enters: a worker holds its lease; leaves with the worker's verdict, or when the lease ends
    WAITING = (
        "waiting"  # enters: the ERP took the work, or may have; leaves by news, list, poll or look; to retrying when the ERP failed at it
    )
    RETRYING = "retrying"  # enters: an attempt failed, here or in the ERP, and another can help; leaves when it is due
    SUCCEEDED = "succeeded"  # final: read back from the ERP and seen, or a person says that it is done
    FAILED = "failed"  # nothing more is tried by itself; leaves by replay, by discard, or when a person says that it is done
    CANCELLED = "cancelled"  # final, but for a replay: a person stopped or discarded it


OPEN: Final = frozenset({State.QUEUED, State.RUNNING, State.WAITING, State.RETRYING})
FINAL: Final = frozenset(State) - OPEN
HOLDS_DOCUMENT: Final = frozenset({State.RUNNING, State.WAITING})
"""While a job is in one of these, no other job may work on the same document."""

MOVES: Final[dict[State, frozenset[State]]] = {
    State.QUEUED: frozenset({State.RUNNING, State.CANCELLED}),
    State.RUNNING: frozenset({State.SUCCEEDED, State.WAITING, State.RETRYING, State.FAILED, State.QUEUED}),
    State.WAITING: frozenset({State.QUEUED, State.RETRYING, State.SUCCEEDED, State.FAILED, State.CANCELLED}),
    State.RETRYING: frozenset({State.QUEUED, State.CANCELLED}),
    State.FAILED: frozenset({State.QUEUED, State.CANCELLED, State.SUCCEEDED}),
    State.SUCCEEDED: frozenset(),
    State.CANCELLED: frozenset({State.QUEUED}),
}
"""From each state, where a job may go. `cancelled` may be replayed, as the contract says."""


def may_move(origin: State, target: State) -> bool:
    """Whether a job may go from `origin` to `target`."""
    return target in MOVES[origin]


class BatchState(StrEnum):
    """Where a batch stands: the sum of its jobs."""

    PLANNING = "planning"  # its jobs are being made
    RUNNING = "running"  # some job is open
    PAUSED = "paused"  # a person stopped it: what runs goes on, nothing new starts
    SUCCEEDED = "succeeded"  # every job succeeded
    FINISHED = "finished"  # no job is open and some did not succeed
    CANCELLED = "cancelled"  # a person ended it: what the ERP has taken is still followed


class ActionState(StrEnum):
    """Where an action on many jobs stands."""

    RUNNING = "running"  # some of its jobs were not looked at yet
    FINISHED = "finished"  # all were
    STOPPED = "stopped"  # a person ended it: what it changed stays so
