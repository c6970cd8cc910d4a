"""A job's timeline as it is read: its moves, and between them why it took so long. Pure."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, Literal

from worker.jobs.spells import lasting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.jobs.gaps import Gap
    from worker.jobs.model import Attempt, Exchange, Job, Move

FIRST: Final = 20
LAST: Final = 40
"""Of a long timeline the beginning and the end are shown; the middle when it is asked for."""

MOST_GAPS: Final = 3
"""Between two moves; of more, those of one cause are told together."""

MOST: Final = 2_000
"""So many lines are shown at most, also then: the newest of the middle go first."""

_WORKER: Final = re.compile(r"^worker [0-9a-f-]{24,28}([0-9a-f]{8})$")
_READS: Final = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class Line:
    """A move, a gap, or a note that lines are left out. `seconds`: how long until the next move, or how long the gap was."""

    what: Literal["move", "gap", "left_out"]
    at: datetime
    text: str
    state: str = ""
    by: str = ""
    seconds: float | None = None
    count: int = 0


@dataclass(frozen=True, slots=True)
class Doubt:
    """What is known of a job of which nobody can tell whether it happened: when it was sent last, and what the ERP said to it."""

    sent_at: datetime | None
    operation: str | None
    write: Exchange | None
    newest: Exchange | None


def lines_of(moves: Sequence[Move], gaps: Sequence[Gap], now: datetime | None, *, whole: bool) -> list[Line]:
    """Moves and gaps in order of time, of which one that goes on until `now` has not ended; `whole`: also the middle of a long one."""
    told = _moves(moves)
    told += [line for stretch in _stretches(moves, gaps) for line in _waits(stretch, now)]
    told.sort(key=lambda line: line.at)  # a gap begins with its move, which stands before it
    last = MOST - FIRST if whole else LAST
    if len(told) <= FIRST + last:
        return told
    left_out = told[FIRST:-last]
    return [*told[:FIRST], Line("left_out", left_out[0].at, "", count=len(left_out)), *told[-last:]]


def doubt_of(job: Job, attempts: Sequence[Attempt]) -> Doubt:
    """For a person who has to decide."""
    calls = [exchange for attempt in attempts for exchange in attempt.exchanges]
    sent: Any = job.progress.get("sent_at")
    return Doubt(
        sent_at=datetime.fromtimestamp(sent, UTC) if isinstance(sent, (int, float)) else None,
        operation=job.erp_id,
        write=next((call for call in reversed(calls) if call.method not in _READS), None),
        newest=calls[-1] if calls else None,
    )


def _stretches(moves: Sequence[Move], gaps: Sequence[Gap]) -> list[list[Gap]]:
    """The gaps between one move and the next, together."""
    begins = [move.at for move in moves]
    return [list(stretch) for _, stretch in groupby(gaps, key=lambda gap: bisect_right(begins, gap.since))]


def _waits(stretch: Sequence[Gap], now: datetime | None) -> list[Line]:
    """A line for each gap; where they are many, as when calls are let through a few at a time, one for each cause with its sum."""
    if len(stretch) <= MOST_GAPS:
        return [Line("gap", gap.since, _said(gap, now), state=gap.cause, seconds=gap.seconds) for gap in stretch]
    alike: dict[tuple[str, ...], list[Gap]] = {}
    for gap in stretch:
        before, _, after = gap.sentence.partition(lasting(gap.seconds))
        alike.setdefault((gap.cause, before, after), []).append(gap)
    return [_sum(stretch[0].since, cause, before, after, each) for (cause, before, after), each in alike.items()]


def _sum(at: datetime, cause: str, before: str, after: str, gaps: Sequence[Gap]) -> Line:
    seconds = sum(gap.seconds for gap in gaps)
    times = f", in {len(gaps)} parts" if len(gaps) > 1 else ""
    return Line("gap", at, f"{before}{lasting(seconds)}{after}{times}", state=cause, seconds=seconds)


def _said(gap: Gap, now: datetime | None) -> str:
    return f"{gap.sentence}, so far" if now is not None and gap.until >= now else gap.sentence


def _moves(moves: Sequence[Move]) -> list[Line]:
    lines = [Line("move", move.at, move.cause, move.target.value, _WORKER.sub(r"worker \1", move.by)) for move in moves]
    ends = [*(line.at for line in lines[1:]), None]
    spans = [None if end is None else max(0.0, (end - line.at).total_seconds()) for line, end in zip(lines, ends, strict=True)]
    return [replace(line, seconds=seconds) for line, seconds in zip(lines, spans, strict=True)]
