"""A lane's calls, each in a thread of its own: whatever happens in it, the loop hears of its end.

A thread that ends a start takes the next job from the line by itself, as long as it may (`worker.line`).
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

import structlog

from worker.clients.exchanges import counted
from worker.handling import Finding
from worker.jobs import spent
from worker.jobs.model import JobError
from worker.jobs.verdicts import again, failed
from worker.results import Came

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from threading import Event

    from worker.calls import CallThreads
    from worker.handling import Handler, Look
    from worker.jobs.model import Batch, Job, Lane
    from worker.line import Line
    from worker.planning import Planner
    from worker.results import Results

_log = structlog.get_logger("drain")


class Doing:
    """Starts, looks, pages and probes of one lane. Each call takes a slot until its end is in `results`. Called by the loop alone."""

    def __init__(
        self,
        lane: Lane,
        handler: Handler,
        planner: Planner,
        threads: CallThreads,
        results: Results,
        line: Line,
        stop: Event,
        clock: Callable[[], datetime],
    ) -> None:
        self._handler = handler
        self._planner = planner
        self._threads = threads
        self._results = results
        self._line = line
        self._stop = stop
        self._clock = clock
        self._log = _log.bind(lane=str(lane))

    def may_start(self) -> bool:
        """Whether a write may go out now. Any thread may ask."""
        meter = self._handler.meter
        return not self._stop.is_set() and meter.blocked_until() is None and not meter.failing()

    def start(self, job: Job) -> None:
        """Do a running job's calls, and after it those of the jobs in line."""
        self._threads.run(partial(self._start_one_after_another, job))

    def look(self, look: Look, ids: tuple[str, ...]) -> None:
        """Look at the jobs with these ids."""
        self._run(partial(self._looked, look, ids))

    def plan(self, batch: Batch) -> None:
        """Read the next page of a selection."""
        self._planner.begin(batch)
        self._run(partial(self._planned, batch))

    def probe(self) -> None:
        """See whether the ERP is back."""
        self._run(self._probed)

    def _run(self, work: Callable[[], Came]) -> None:
        self._threads.run(lambda: self._results.put(self._guarded(work)))

    def _guarded(self, work: Callable[[], Came]) -> Came:
        try:
            return work()
        except Exception:  # noqa: BLE001 - the loop must hear of every end
            self._log.exception("a call's thread failed")
            return Came()

    def _start_one_after_another(self, job: Job) -> None:
        following: Job | None = job
        while following is not None:
            began = monotonic()
            came = self._guarded(partial(self._started, following))
            self._line.took(monotonic() - began)
            following = self._line.follow() if self.may_start() else None
            self._results.put(replace(came, went_on=following is not None))

    def _started(self, job: Job) -> Came:
        with counted() as count:
            finding = self._start(job)
        return Came((finding,), spent=spent.shared([job], count.calls))

    def _looked(self, look: Look, ids: tuple[str, ...]) -> Came:
        with counted() as count:
            findings = tuple(self._look(look))
        return Came(findings, ids, spent=spent.shared(look.jobs, count.calls))

    def _planned(self, batch: Batch) -> Came:
        with counted() as count:
            page = self._planner.read(batch)
        return Came(page=page, spent={batch.id: count.calls})

    def _probed(self) -> Came:
        self._handler.probe()
        return Came()

    def _start(self, job: Job) -> Finding:
        if self._stop.is_set():
            return Finding(job, again("a stop came before it was sent"))
        try:
            return self._handler.start(job)
        except Exception as error:  # noqa: BLE001 - a fault of ours ends one job, not the lane
            self._log.exception("a handler failed", job=job.id)
            return Finding(job, failed(JobError("bug", f"{type(error).__name__}: {error}"), sent_at=self._clock().timestamp()))

    def _look(self, look: Look) -> Sequence[Finding]:
        try:
            return look.run()
        except Exception as error:  # noqa: BLE001 - likewise
            self._log.exception("a look failed", jobs=[job.id for job in look.jobs][:10])
            return [Finding(job, failed(JobError("bug", f"{type(error).__name__}: {error}"))) for job in look.jobs]
