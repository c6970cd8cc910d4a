"""The pace of the last hours as charts and as tables: how many jobs ended, and how long they took. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from webhooks.dashboard import words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from worker.jobs.paces import Pace

ENDS: Final = ("succeeded", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Range:
    """A stretch of time that a reader may choose: how it is called, in what steps it is shown, and how often it is asked for again."""

    word: str
    name: str
    length: timedelta
    step: timedelta
    every: str

    @property
    def step_name(self) -> str:
        """The step as one says it."""
        return words.span(self.step)


RANGES: Final = (
    Range("3h", "3 hours", timedelta(hours=3), timedelta(minutes=5), "5s"),
    Range("12h", "12 hours", timedelta(hours=12), timedelta(minutes=15), "5s"),
    Range("24h", "24 hours", timedelta(hours=24), timedelta(minutes=15), "15s"),
    Range("7d", "7 days", timedelta(days=7), timedelta(hours=2), "60s"),
)
USUAL: Final = RANGES[1]


def chosen(word: str) -> Range:
    """The range of this word; the usual one for any other."""
    return next((each for each in RANGES if each.word == word), USUAL)


def throughput(found: Sequence[Pace], step: timedelta) -> dict[str, Any]:
    """Jobs ended, by state, for the chart: a bar for each step."""
    series = [
        {"name": words.STATES[state], "colour": f"--f-{state}", "values": [each.counts.get(state, 0) for each in found]} for state in ENDS
    ]
    return {"form": "bars", "unit": "", "step": int(step.total_seconds()), "at": _seconds(found), "series": series}


def latency(found: Sequence[Pace], step: timedelta) -> dict[str, Any]:
    """How long jobs took, for the chart: lines with gaps where nothing ended."""
    series = [
        {"name": "Median", "colour": "--accent", "values": [each.median for each in found]},
        {"name": "95th percentile", "colour": "--wait", "values": [each.p95 for each in found]},
    ]
    return {"form": "lines", "unit": "s", "step": int(step.total_seconds()), "at": _seconds(found), "series": series}


def lines(found: Sequence[Pace]) -> list[Pace]:
    """The steps in which anything ended, newest first: for the table."""
    return [each for each in reversed(found) if any(each.counts.values())]


def ended(found: Sequence[Pace]) -> dict[str, int]:
    """How many ended in all, by state."""
    return {state: sum(each.counts.get(state, 0) for each in found) for state in ENDS}


def since(now: datetime, chosen_range: Range) -> datetime:
    """When the range begins, so that its last step is the one that `now` lies in."""
    return now - chosen_range.length + chosen_range.step


def _seconds(found: Sequence[Pace]) -> list[int]:
    return [int(each.at.timestamp()) for each in found]
