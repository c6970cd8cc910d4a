"""Drain a lane: claim what may start, make the calls, write what came of them, until there is nothing more to do now.

One loop for a lane in a process. Calls run in threads; everything that is written is written here, many jobs to a transaction: what came
back since the last round, the claims for the slots that it freed and for the few that come free meanwhile (`worker.line`), the next looks.
So a busy lane costs few transactions, and an idle one none.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from time import monotonic, sleep
from typing import TYPE_CHECKING, Final

import structlog

from worker.clients.exchanges import counted
from worker.errors import LedgerUnavailable
from worker.handling import Finding
from worker.jobs import arrivals, batches, claims, limits, spent
from worker.jobs.changes import Change, apply
from worker.jobs.model import Attempt, JobError, Lane
from worker.jobs.states import State, may_move
from worker.jobs.verdicts import after, again, failed
from worker.line import Line
from worker.planning import Planner
from worker.results import Came, Results

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from threading import Event

    from sqlalchemy import Connection

    from worker.calls import CallThreads
    from worker.connections import Report
    from worker.handling import Handler, Look
    from worker.jobs.engine import Database
    from worker.jobs.limits import Share
    from worker.jobs.model import Batch, Job
    from worker.settings import Timing

TICK: Final = 0.25
"""Seconds between two looks at the connection's row: so soon a pause or a changed limit acts."""

LOOK_SPACING: Final = 1.0
"""Seconds between two rounds of looks while there is work to start; each round costs a list call at least."""

IDLE_SPACING: Final = 0.15
LINGER: Final = 1.5
"""An idle lane stays so long: the next notification finds it awake."""

AWAY: Final = 1.0
"""Seconds between two tries to write while the ledger is away."""

MOST_LOOKED_AT: Final = 5_000
_log = structlog.get_logger("drain")


@dataclass(slots=True)
class _Round:
    """What this loop remembers between rounds."""

    share: Share | None = None
    ticked: float = float("-inf")
    looked: float = float("-inf")
    busy: float = field(default_factory=monotonic)
    under_way: int = 0
    calls: int = 0
    looking: set[str] = field(default_factory=set)
    slot_wanted: bool = False
    report: Report | None = None
    more: bool = True
    settled: bool = False
    operations: dict[str, str] = field(default_factory=dict)
    elsewhere: set[Lane] = field(default_factory=set)
    claimed: list[Job] = field(default_factory=list)
    groups: list[str | None] = field(default_factory=list)
    unsaved: list[Came] = field(default_factory=list)


class Drain:
    """One lane's loop in this process. `poke` from any thread makes it look at once."""

    def __init__(
        self,
        db: Database,
        lane: Lane,
        handler: Handler,
        threads: CallThreads,
        worker: str,
        timing: Timing,
        stop: Event,
        clock: Callable[[], datetime],
        ring: Callable[[Lane], None] = lambda _lane: None,
    ) -> None:
        self._db = db
        self._lane = lane
        self._handler = handler
        self._threads = threads
        self._worker = worker
        self._timing = timing
        self._stop = stop
        self._clock = clock
        self._ring = ring
        self._planner = Planner(db, lane, handler, clock)
        self._results = Results()
        self._round = _Round()
        self._line = Line()
        self._log = _log.bind(lane=str(lane))

    def poke(self) -> None:
        """Something may have changed: a ring, a notification, a stop."""
        self._results.poke()

    def run(self) -> None:
        """Work until nothing may start and nothing is under way. A database that is away is waited for."""
        self._threads.enter(self._lane)
        try:
            while self._turn():
                pass
            self._leave()
        finally:
            self._threads.leave(self._lane)

    def _turn(self) -> bool:
        memory = self._round
        self._gather()
        if not memory.unsaved:  # what the last round could not write comes first, and alone
            memory.unsaved = self._results.portion()
        worked = bool(memory.unsaved)
        try:
            looks, plan, probe = self._commit()
        except LedgerUnavailable as error:
            self._log.warning("the ledger is away; results are kept and written when it is back", error=str(error))
            if memory.report is not None:  # it was not handed in: a wait that the ERP ordered must not be forgotten
                self._handler.meter.saw(memory.report)
                memory.report = None
            memory.claimed = []
            return self._wait_for_ledger()
        except Exception:  # noqa: BLE001 - one thing that can't be written must not hold up the lane, nor take others along
            self._log.exception("a round could not be written; each of its results is tried alone")
            memory.claimed = []
            self._save_one_by_one()
            return True
        for look in looks:
            ids = tuple(job.id for job in look.jobs)
            memory.looking.update(ids)
            memory.looked = monotonic()
            self._call(partial(self._looked, look, ids))
        if plan is not None:
            self._planner.begin(plan)
            self._call(partial(self._planned, plan))
        if probe:
            self._call(self._probe)
        self._fill()
        if worked or memory.under_way or (memory.share is not None and memory.share.slots and memory.more):
            memory.busy = monotonic()
        return bool(memory.under_way or len(self._results) or len(self._line)) or not (
            self._stop.is_set() or monotonic() - memory.busy > LINGER
        )

    def _gather(self) -> None:
        """Take what came back: it no longer uses a slot, unless its thread went on with the next job."""
        memory = self._round
        wait = 0.0 if len(self._results) else max(0.0, memory.ticked + TICK - monotonic())
        real, poked = self._results.gather(wait, behind=len(self._line) > 0)
        went_on = sum(1 for came in real if came.went_on)
        memory.under_way -= len(real) - went_on
        memory.calls -= went_on
        if poked or (real and self._handler.meter.failing()):
            memory.ticked = float("-inf")

    def _commit(self) -> tuple[list[Look], Batch | None, bool]:
        memory = self._round
        tick = monotonic() - memory.ticked >= TICK
        self._send_back()
        if not memory.unsaved and not tick and not self._may_claim():
            return [], None, False
        now = self._clock()
        with self._db.write() as connection:
            self._db.serialise(connection, f"lane {self._lane}")
            self._save(connection, now)
            if tick:
                self._tick(connection, now)
            looks = self._looks(connection, now)
            plan = self._next_plan(connection, len(looks)) if tick else None
            self._claim(connection, now, len(looks) + (plan is not None))
        self._saved(tick)
        probe = tick and memory.share is not None and memory.share.probe and not self._stop.is_set() and memory.under_way == 0
        return looks, plan, probe

    def _send_back(self) -> None:
        """Jobs in line that may not be started now go back to the queue, at no cost."""
        if self._may_start() and self._limit() > 0:
            return
        cause = "a stop came before it was sent" if self._stop.is_set() else "no slot for it now: not sent"
        left = tuple(Finding(job, again(cause)) for job in self._line.clear())
        if left:
            self._round.unsaved.append(Came(left))

    def _fill(self) -> None:
        """Give the free slots to those in line, and let threads go on by themselves where no look waits for a slot."""
        for job in self._line.take(self._free() if self._may_start() else 0):
            self._round.under_way += 1
            self._round.calls -= 1
            self._threads.run(partial(self._start_one_after_another, job))
        self._line.open = self._may_start() and not self._round.slot_wanted and self._free() >= 0

    def _start_one_after_another(self, job: Job) -> None:
        following: Job | None = job
        while following is not None:
            began = monotonic()
            came = self._guarded(partial(self._started, following))
            self._line.took(monotonic() - began)
            following = self._line.follow() if self._may_start() else None
            self._results.put(replace(came, went_on=following is not None))

    def _may_start(self) -> bool:
        meter = self._handler.meter
        return not self._stop.is_set() and meter.blocked_until() is None and not meter.failing()

    def _save(self, connection: Connection, now: datetime) -> None:
        memory = self._round
        calls: Counter[str] = Counter()
        for came in memory.unsaved:
            calls.update(came.spent)
        spent.add(connection, calls)
        for came in memory.unsaved:
            if came.page is not None and (lane := came.page(connection)) is not None:
                memory.elsewhere.add(lane)
                memory.more = True
        findings = [finding for came in memory.unsaved for finding in came.findings]
        changes = [self._change(finding, now) for finding in findings]
        kept = apply(self._db, connection, changes, now)
        memory.operations.update({c.after.erp_id: c.after.id for c in kept if c.after.erp_id and c.after.erp_id != c.before.erp_id})
        memory.settled |= any(change.after.finished_at is not None for change in kept)
        memory.elsewhere |= {change.after.lane for change in kept if change.after.finished_at is None}
        memory.elsewhere |= {Lane(new.tenant, new.erp) for change in kept for new in change.follow}

    def _save_one_by_one(self) -> None:
        """What still can't be written is given up: its job is found in doubt when its lease ends, and looked at."""
        unsaved, self._round.unsaved = self._round.unsaved, []
        for came in unsaved:
            self._round.looking.difference_update(came.looked)
            for part in [*(Came((finding,)) for finding in came.findings), replace(came, findings=())]:
                self._round.unsaved = [part]
                try:
                    with self._db.write() as connection:
                        self._db.serialise(connection, f"lane {self._lane}")
                        self._save(connection, self._clock())
                except Exception as error:  # noqa: BLE001 - likewise
                    self._log.exception("a result could not be written", jobs=[finding.job.id for finding in part.findings])
                    if part.page is not None:
                        self._drop_page(error)
        self._round.unsaved = []

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

    def _tick(self, connection: Connection, now: datetime) -> None:
        memory = self._round
        report = memory.report = self._handler.meter.take(memory.under_way)
        until = now + timedelta(seconds=self._timing.dead_after)
        memory.share = limits.refresh(
            self._db,
            connection,
            self._lane,
            self._worker,
            self._handler.limits,
            report,
            now,
            until,
            random.random(),  # noqa: S311 - jitter
        )
        memory.calls = memory.share.calls
        arrivals.adopt_orphans(connection, self._lane.tenant, memory.operations, now)
        claims.requeue_due(connection, self._lane, now)
        memory.groups = claims.groups(connection, self._lane, now)
        if memory.settled:
            batches.close_finished(connection, now, self._lane)

    def _claim(self, connection: Connection, now: datetime, taken_up: int) -> None:
        memory = self._round
        wanted = min(self._wanted() - taken_up, memory.calls - len(self._line))
        if wanted <= 0 or not self._may_start():
            return
        lease = now + timedelta(seconds=self._timing.lease)
        taken, memory.groups = claims.claim_among(connection, self._lane, memory.groups, self._worker, now, lease, wanted)
        memory.more = len(taken) == wanted
        memory.claimed = taken

    def _wanted(self) -> int:
        """How many jobs the free slots and the line can take."""
        limit = self._limit()
        return max(0, self._free()) + self._line.length(limit) - len(self._line) if limit > 0 else 0

    def _looks(self, connection: Connection, now: datetime) -> list[Look]:
        """Looks come before starts: what the ERP has done already should not wait for what it has still to do."""
        memory = self._round
        share = memory.share
        memory.slot_wanted = False
        if self._stop.is_set() or share is None or not share.settler or memory.calls <= 0:
            return []
        if monotonic() - memory.looked < (LOOK_SPACING if memory.more else IDLE_SPACING):
            return []
        if self._free() <= 0:
            memory.slot_wanted = self._limit() > 0
            return []
        due = [job for job in claims.waiting(connection, self._lane, now, MOST_LOOKED_AT) if job.id not in memory.looking]
        return self._handler.looks(due, share.state, now)[: self._free()] if due else []

    def _next_plan(self, connection: Connection, taken_up: int) -> Batch | None:
        share = self._round.share
        if self._stop.is_set() or share is None or not share.settler or self._free() <= taken_up:
            return None
        return self._planner.next(connection)

    def _saved(self, tick: bool) -> None:  # noqa: FBT001 - one flag, one caller
        memory = self._round
        for came in memory.unsaved:
            memory.looking.difference_update(came.looked)
        memory.unsaved = []
        memory.report = None
        for lane in memory.elsewhere - {self._lane}:
            self._ring(lane)
        memory.elsewhere = set()
        self._line.add(memory.claimed)  # only now: what was rolled back was not claimed
        memory.claimed = []
        if tick:
            memory.ticked = monotonic()
            memory.settled = False
            memory.operations = {}

    def _may_claim(self) -> bool:
        return self._round.more and self._wanted() > 0 and self._may_start()

    def _free(self) -> int:
        return self._limit() - self._round.under_way

    def _limit(self) -> int:
        """Calls that this worker may have under way on the connection."""
        share = self._round.share
        return 0 if share is None else min(share.room, self._threads.room())

    def _call(self, work: Callable[[], Came]) -> None:
        self._round.under_way += 1
        self._round.calls -= 1
        self._threads.run(lambda: self._results.put(self._guarded(work)))

    def _guarded(self, work: Callable[[], Came]) -> Came:
        try:
            return work()
        except Exception:  # noqa: BLE001 - the loop must hear of every end
            self._log.exception("a call's thread failed")
            return Came()

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

    def _probe(self) -> Came:
        self._handler.probe()
        return Came()

    def _wait_for_ledger(self) -> bool:
        """A moment's rest; results stay in memory. A stop does not wait for ever: what is unsaved is found in doubt later."""
        if self._stop.wait(AWAY):
            sleep(AWAY / 4)
        stopped_for = monotonic() - self._round.busy
        return not (self._stop.is_set() and stopped_for > self._timing.call)

    def _leave(self) -> None:
        try:
            with self._db.write() as connection:
                limits.refresh(
                    self._db,
                    connection,
                    self._lane,
                    self._worker,
                    self._handler.limits,
                    self._handler.meter.take(0),
                    self._clock(),
                    self._clock(),
                    0.0,
                )
                limits.give_back(connection, self._lane, self._worker)
                batches.close_finished(connection, self._clock(), self._lane)
        except LedgerUnavailable as error:
            self._log.warning("the slots could not be given back; they lapse by themselves", error=str(error))
