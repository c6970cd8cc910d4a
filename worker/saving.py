"""What came back from a lane's calls, written: many ends to a transaction, and each alone where they can't be written together."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from worker.errors import LedgerUnavailable
from worker.jobs import spent
from worker.jobs.changes import Change, apply
from worker.jobs.model import Attempt, JobError, Lane
from worker.jobs.states import State, may_move
from worker.jobs.verdicts import after, failed
from worker.results import Came

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import Connection

    from worker.handling import Finding, Handler
    from worker.jobs.engine import Database
    from worker.planning import Planner

_log = structlog.get_logger("drain")


class Saving:
    """One lane's ends on their way into the ledger; used by its loop alone.

    `unsaved` is what is being written: it stays until `written`. `operations`: ids that ERPs gave to jobs, by operation. `settled`: a job
    has come to its end. The loop empties both when it has done what follows from them.
    """

    def __init__(self, db: Database, lane: Lane, handler: Handler, planner: Planner, worker: str, clock: Callable[[], datetime]) -> None:
        self._db = db
        self._lane = lane
        self._handler = handler
        self._planner = planner
        self._worker = worker
        self._clock = clock
        self._elsewhere: set[Lane] = set()
        self._log = _log.bind(lane=str(lane))
        self.unsaved: list[Came] = []
        self.operations: dict[str, str] = {}
        self.settled = False

    def write(self, connection: Connection, now: datetime) -> bool:
        """Write all that is unsaved; whether a selection may have got jobs to start."""
        calls: Counter[str] = Counter()
        for came in self.unsaved:
            calls.update(came.spent)
        spent.add(connection, calls)
        made = False
        for came in self.unsaved:
            if came.page is not None and (lane := came.page(connection)) is not None:
                self._elsewhere.add(lane)
                made = True
        changes = [self._change(finding, now) for came in self.unsaved for finding in came.findings]
        kept = apply(self._db, connection, changes, now)
        self.operations.update({c.after.erp_id: c.after.id for c in kept if c.after.erp_id and c.after.erp_id != c.before.erp_id})
        self.settled |= any(change.after.finished_at is not None for change in kept)
        self._elsewhere |= {change.after.lane for change in kept if change.after.finished_at is None}
        self._elsewhere |= {Lane(new.tenant, new.erp) for change in kept for new in change.follow}
        return made

    def written(self) -> set[Lane]:
        """It is in the ledger: the other lanes that may have something to do now."""
        lanes, self._elsewhere, self.unsaved = self._elsewhere - {self._lane}, set(), []
        return lanes

    def write_one_by_one(self) -> bool:
        """What still can't be written is given up: its job is found in doubt when its lease ends, and looked at. Answers as `write`."""
        unsaved, made = self.unsaved, False
        for came in unsaved:
            for part in [*(Came((finding,)) for finding in came.findings), replace(came, findings=())]:
                self.unsaved = [part]
                try:
                    with self._db.write() as connection:
                        self._db.serialise(connection, f"lane {self._lane}")
                        made |= self.write(connection, self._clock())
                except Exception as error:  # noqa: BLE001 - one that can't be written must not take others along
                    self._log.exception("a result could not be written", jobs=[finding.job.id for finding in part.findings])
                    if part.page is not None:
                        self._drop_page(error)
        self.unsaved = []
        return made

    def _drop_page(self, why: Exception) -> None:
        try:
            self._planner.drop(why)
        except LedgerUnavailable:
            self._log.warning("a page of a selection was lost; it is read again")

    def _change(self, finding: Finding, now: datetime) -> Change:
        job, verdict = finding.job, finding.verdict
        if verdict.state is not job.state and not may_move(job.state, verdict.state):
            self._log.error("a handler asked for a move that the table does not allow", job=job.id, origin=job.state, target=verdict.state)
            verdict = failed(JobError("bug", f"a {job.state} job can't become {verdict.state}: {verdict.cause}"), **verdict.progress)
        then = after(job, verdict, now, self._handler.rules, random.random())  # noqa: S311 - jitter
        attempt = None
        if finding.exchanges or job.state is State.RUNNING:
            started = job.claimed_at if job.state is State.RUNNING and job.claimed_at else now
            attempt = Attempt(job.starts, started, now, verdict.cause, finding.exchanges)
        return Change(job, then, verdict.cause, f"worker {self._worker}", attempt, verdict.follow, note=then.erp != job.erp)
