"""Why a batch does not go faster: what holds it up now, and what stood still in its time. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from webhooks.dashboard import words
from worker.jobs.standstills import BROKEN, BUDGET, ORDERED, PAUSED
from worker.jobs.states import BatchState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from worker.jobs.model import Batch
    from worker.jobs.standstills import Standstill

_STOPS: Final = {
    PAUSED: "was paused",
    BROKEN: "was broken",
    ORDERED: "ordered a wait",
    BUDGET: "had no calls left in the hour",
}


_HALTED: Final = ("paused", "broken")


@dataclass(frozen=True, slots=True)
class Holdup:
    """One thing, in a sentence; `until` is when it ends, where that is known."""

    text: str
    tone: str = "warn"
    until: datetime | None = None


def holdups(batch: Batch, counts: Mapping[str, int], links: Iterable[Mapping[str, Any]], now: datetime) -> list[Holdup]:
    """What holds it up now; nothing of a batch that has nothing more to do."""
    still = sum(counts[state] for state in ("queued", "running", "waiting", "retrying"))
    found = _of_state(batch, counts)
    if batch.state in {BatchState.PLANNING, BatchState.RUNNING} or still:
        found += [holdup for link in links if (holdup := _of_link(link, now)) is not None]
    return found


def halted(erps: Sequence[str], links: Iterable[Mapping[str, Any]]) -> str:
    """Which of these connections takes no call at all now, in words; "" when none: no end can be told from the pace of before."""
    stands = {link["erp"]: link["state"] for link in links if link["erp"] in erps}
    return next((f"{words.ERPS.get(erp, erp)} is {state}" for erp, state in stands.items() if state in _HALTED), "")


def _of_state(batch: Batch, counts: Mapping[str, int]) -> list[Holdup]:
    away = counts["running"] + counts["waiting"]
    left = counts["queued"] + counts["retrying"]
    if batch.state is BatchState.PLANNING:
        waits = "; it is held: nothing starts until somebody says so" if batch.held else ""
        return [Holdup(f"What it is about is being looked for: {_jobs(sum(counts.values()))} so far{waits}.", "")]
    if batch.state is BatchState.PAUSED and batch.held:
        return []  # the page says more of it
    if batch.state is BatchState.PAUSED:
        rest = f"; the {_jobs(away)} under way {'goes' if away == 1 else 'go'} on to the end" if away else ""
        return [Holdup(f"Paused: nothing more of it is started until somebody resumes it{rest}.")]
    if batch.state is BatchState.CANCELLED:
        told = [f"{_jobs(away)} that the ERP may have taken {'is' if away == 1 else 'are'} followed to the end"] if away else []
        told += [f"{_jobs(left)} {'is' if left == 1 else 'are'} being cancelled"] if left else []
        return [Holdup(f"Cancelled, but not yet over: {'; '.join(told)}.")] if told else []
    if batch.state is BatchState.RUNNING and counts["retrying"] and not counts["queued"] + away:
        return [Holdup(f"All that is left failed before: {_jobs(counts['retrying'])} wait to be tried again.")]
    return []


def _of_link(link: Mapping[str, Any], now: datetime) -> Holdup | None:
    if link["state"] == "up":
        return None
    name = words.ERPS.get(link["erp"], link["erp"])
    text = f"{name} is {link['state']}: {link['why']}."
    resets = words.instant(link["resets_at"]) if link["calls_left"] == 0 else None
    return Holdup(text, "bad" if link["state"] == "broken" else "warn", resets if resets is not None and resets > now else None)


def stood_still(stops: Sequence[Standstill], since: datetime, until: datetime) -> list[tuple[str, float]]:
    """What stood still between two moments, and for how many seconds in all, the longest first."""
    found: Counter[str] = Counter()
    for stop in stops:
        seconds = (min(stop.until or until, until) - max(stop.since, since)).total_seconds()
        found[f"{words.ERPS.get(stop.erp, stop.erp)} {_STOPS.get(stop.reason, stop.reason)}"] += max(0, round(seconds))
    return [(text, float(seconds)) for text, seconds in found.most_common() if seconds]


def _jobs(count: int) -> str:
    return f"{words.number(count)} {'job' if count == 1 else 'jobs'}"
