"""What a delivery would do, told before it does it: its jobs, what each rule says, and what is there already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from webhooks.dashboard.deliveries.advice import advice_of
from worker.jobs.keys import taken_by
from worker.jobs.uniques import living
from worker.rules.foresight import foreseen, wanted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from webhooks.dashboard.visiting import Visit
    from worker.jobs.arrivals import Arrival
    from worker.jobs.outcomes import Outcome
    from worker.jobs.verdicts import NewJob

MOST_SHOWN: Final = 50
_ORDER: Final = {"made": 0, "refused": 1, "skipped": 2}


def told(visit: Visit, arrival: Arrival) -> dict[str, Any]:
    """For the template: `jobs` that would be made, `there` already, `rules` one by one, and `first`, of which it would be a duplicate."""
    outcomes = sorted(arrival.outcomes or (), key=lambda each: _ORDER[each.state])
    asked = [*arrival.makes, *(each.job for each in outcomes if each.job is not None)]
    with visit.api.database.read() as connection:
        first = taken_by(connection, arrival, visit.now)
        there = living(connection, [job for job in asked if job.unique_key is not None], visit.now)
    named = {"tenant": arrival.tenant, "source": arrival.source, "type": arrival.type, "state": "accepted", "reason": arrival.reason}
    return {
        "type": arrival.type,
        "first": first,
        "fresh": sum(_key(job) not in there for job in asked),
        "there": sum(_key(job) in there for job in asked),
        "makes": [wanted(job) for job in arrival.makes[:MOST_SHOWN]],
        "wakes": [each.job or each.operation for each in arrival.news[:MOST_SHOWN]],
        "rules": [_rule(outcome, there) for outcome in outcomes[:MOST_SHOWN]],
        "more": max(0, len(outcomes) - MOST_SHOWN) + max(0, len(arrival.makes) - MOST_SHOWN),
        "advice": advice_of(visit.api.settings, {**named, "outcomes": _views(outcomes), "jobs": [None] * len(asked)}),
    }


def _rule(outcome: Outcome, there: dict[tuple[str, str, str], str]) -> dict[str, Any]:
    found = None if outcome.job is None else there.get(_key(outcome.job))
    return {**foreseen(outcome), "made": outcome.state, "there": found}


def _views(outcomes: Iterable[Outcome]) -> list[dict[str, Any]]:
    return [outcome.view() for outcome in outcomes]


def _key(job: NewJob) -> tuple[str, str, str]:
    return job.tenant, job.kind, job.unique_key or ""
