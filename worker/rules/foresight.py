"""What an outcome would come to, for people who try an event out before anything is done. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from worker.jobs.outcomes import Outcome
    from worker.jobs.verdicts import NewJob

WORDS: Final = {"made": "would make", "refused": "refused", "skipped": "skipped"}
"""The states of outcomes, before anything is done."""


def foreseen(outcome: Outcome) -> dict[str, Any]:
    """As JSON: what the receiver would keep of it, and the job that it would make."""
    kept = {name: value for name, value in outcome.view().items() if name not in ("job", "duplicate")}
    return {**kept, "state": WORDS[outcome.state], "would_make": None if outcome.job is None else wanted(outcome.job)}


def wanted(job: NewJob) -> dict[str, Any]:
    """A job that is asked for and not made yet."""
    return {"kind": job.kind, "reference": job.reference, "arguments": job.arguments, "unique_key": job.unique_key}
