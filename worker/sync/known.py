"""Jobs that are looked at together: what each asks, where it stands, and how one bad kit does no harm to the others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from worker.errors import BadAnswer, CallError, KitFault, LedgerUnavailable, Missing, Rejected
from worker.jobs.states import State
from worker.jobs.verdicts import Verdict, failed, later
from worker.refusals import error_of, unfit, unseen
from worker.sync import reports
from worker.sync.memory import Memory, memory_of
from worker.sync.options import Options, options_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from worker.jobs.model import Job
    from worker.settings import Sync

T = TypeVar("T")
Pairs = list[tuple["Job", Verdict]]
AWAY: Final = 2.0
"""Seconds until a step is tried again that the ledger did not let through."""

ALONE_AFTER: Final = 2
"""So many looks at a kit fail together with others before it is read for alone."""

_OF_ONE_KIT: Final = (KitFault, Rejected, Missing, BadAnswer)
"""What may be wrong with one kit of many that were read together."""


@dataclass(frozen=True, slots=True)
class Known:
    """A sync with all that is known of it."""

    job: Job
    memory: Memory
    options: Options


def known(job: Job, sync: Sync) -> Known:
    """What the job remembers and asks."""
    memory = memory_of(job)
    return Known(job, memory, options_of({**job.arguments, **memory.asked}, sync))


def together(items: Sequence[Known], read: Callable[[Sequence[Known]], T], judge: Callable[[Known, T], Verdict], now: float) -> Pairs:
    """Read for all in one go, then judge each. Where the reading fails for what one of them is, each is read for alone.

    Whose reading failed again and again is read for alone as well: one that the ERP can't answer for must not stop the others.
    """
    stuck = [item for item in items if int(item.job.progress.get("failed_looks", 0)) >= ALONE_AFTER]
    others = [item for item in items if int(item.job.progress.get("failed_looks", 0)) < ALONE_AFTER]
    return [pair for group in (others, *([item] for item in stuck)) for pair in _in_one_go(group, read, judge, now)]


def look(cause: str, memory: Memory | None = None, *, wait: float = 0.0, erp: str | None = None, **progress: Any) -> Verdict:  # noqa: ANN401 - JSON values
    """The job's next step is a look in `wait` seconds, in the lane of `erp` if it is another."""
    kept = {} if memory is None else reports.remembering(memory)
    return Verdict(State.WAITING, cause, wait=wait, progress={"doubt": None, **kept, **progress}, erp=erp)


def _in_one_go(items: Sequence[Known], read: Callable[[Sequence[Known]], T], judge: Callable[[Known, T], Verdict], now: float) -> Pairs:
    if not items:
        return []
    try:
        found = read(items)
    except _OF_ONE_KIT as error:
        if len(items) == 1:
            return [(items[0].job, _refused(items[0], error, now))]
        return [pair for item in items for pair in _in_one_go([item], read, judge, now)]
    except CallError as error:
        return [(item.job, _unseen(item, error, now)) for item in items]
    except LedgerUnavailable:  # where ids are known from
        return [(item.job, _away()) for item in items]
    return [(item.job, _judged(item, found, judge, now)) for item in items]


def _judged(item: Known, found: T, judge: Callable[[Known, T], Verdict], now: float) -> Verdict:
    try:
        verdict = judge(item, found)
    except _OF_ONE_KIT as error:
        return _refused(item, error, now)
    except CallError as error:
        return _unseen(item, error, now)
    except LedgerUnavailable:
        return _away()
    return replace(verdict, progress={"failed_looks": None, "failing_since": None, **verdict.progress})


def _away() -> Verdict:
    return later("the ledger was away", wait=AWAY)


def _unseen(item: Known, error: CallError, now: float) -> Verdict:
    verdict = unseen(item.job, error, now)
    return reports.with_result(verdict, item.memory, item.options) if verdict.state is State.FAILED else verdict


def _refused(item: Known, error: CallError | KitFault, now: float) -> Verdict:
    if isinstance(error, BadAnswer):
        return _unseen(item, error, now)
    why = unfit(error) if isinstance(error, KitFault) else error_of(error)
    return reports.with_result(failed(why), item.memory, item.options)
