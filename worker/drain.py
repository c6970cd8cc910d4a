"""Drain a lane: claim what may start, make the calls, write what came of them, until there is nothing more to do now.

One loop for a lane in a process. Calls run in threads (`worker.doing`); everything that is written is written by the loop, many jobs to a
transaction: what came back since the last round (`worker.saving`), the claims for the slots that it freed and for the few that come free
meanwhile (`worker.line`), the next looks. So a busy lane costs few transactions, and an idle one none.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic, sleep
from typing import TYPE_CHECKING, Final

import structlog

from worker.doing import Doing
from worker.errors import LedgerUnavailable
from worker.handling import Finding
from worker.jobs import arrivals, batches, claims, limits
from worker.jobs.verdicts import again
from worker.line import Line
from worker.planning import Planner
from worker.results import Came, Results
from worker.saving import Saving

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Event

    from sqlalchemy import Connection

    from worker.calls import CallThreads
    from worker.connections import Report
    from worker.handling import Handler, Look
    from worker.jobs.engine import Database
    from worker.jobs.limits import Share
    from worker.jobs.model import Batch, Job, Lane
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
    claimed: list[Job] = field(default_factory=list)
    groups: list[str | None] = field(default_factory=list)


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
        self._line = Line()
        self._doing = Doing(lane, handler, self._planner, threads, self._results, self._line, stop, clock)
        self._saving = Saving(db, lane, handler, self._planner, worker, clock)
        self._round = _Round()
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
        if not self._saving.unsaved:  # what the last round could not write comes first, and alone
            self._saving.unsaved = self._results.portion()
        worked = bool(self._saving.unsaved)
        try:
            looks, plan, probe = self._commit()
        except LedgerUnavailable as error:
            self._log.warning("the ledger is away; results are kept and written when it is back", error=str(error))
            self._roll_back()
            return self._rest()
        except Exception:  # noqa: BLE001 - one thing that can't be written must not hold up the lane, nor take others along
            self._log.exception("a round could not be written; each of its results is tried alone")
            self._roll_back()
            self._look_no_longer()
            memory.more |= self._saving.write_one_by_one()
            return True if worked else self._rest()  # with nothing to write, the fault is no result's: it may come again at once
        for look in looks:
            ids = tuple(job.id for job in look.jobs)
            memory.looking.update(ids)
            memory.looked = monotonic()
            self._take_slot()
            self._doing.look(look, ids)
        if plan is not None:
            self._take_slot()
            self._doing.plan(plan)
        if probe:
            self._take_slot()
            self._doing.probe()
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
        if not self._saving.unsaved and not tick and not self._may_claim():
            return [], None, False
        now = self._clock()
        with self._db.write() as connection:
            self._db.serialise(connection, f"lane {self._lane}")
            memory.more |= self._saving.write(connection, now)
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
        if self._doing.may_start() and self._limit() > 0:
            return
        cause = "a stop came before it was sent" if self._stop.is_set() else "no slot for it now: not sent"
        left = tuple(Finding(job, again(cause)) for job in self._line.clear())
        if left:
            self._saving.unsaved.append(Came(left))

    def _fill(self) -> None:
        """Give the free slots to those in line, and let threads go on by themselves where no look waits for a slot."""
        for job in self._line.take(self._free() if self._doing.may_start() else 0):
            self._take_slot()
            self._doing.start(job)
        self._line.open = self._doing.may_start() and not self._round.slot_wanted and self._free() >= 0

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
        arrivals.adopt_orphans(connection, self._lane.tenant, self._saving.operations, now)
        claims.requeue_due(connection, self._lane, now)
        memory.groups = claims.groups(connection, self._lane, now)
        if self._saving.settled:
            batches.close_finished(connection, now, self._lane)

    def _claim(self, connection: Connection, now: datetime, taken_up: int) -> None:
        memory = self._round
        wanted = min(self._wanted() - taken_up, memory.calls - len(self._line))
        if wanted <= 0 or not self._doing.may_start():
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
        self._look_no_longer()
        memory.report = None
        for lane in self._saving.written():
            self._ring(lane)
        self._line.add(memory.claimed)  # only now: what was rolled back was not claimed
        memory.claimed = []
        if tick:
            memory.ticked = monotonic()
            self._saving.settled = False
            self._saving.operations = {}

    def _look_no_longer(self) -> None:
        self._round.looking.difference_update(*(came.looked for came in self._saving.unsaved))

    def _take_slot(self) -> None:
        self._round.under_way += 1
        self._round.calls -= 1

    def _may_claim(self) -> bool:
        return self._round.more and self._wanted() > 0 and self._doing.may_start()

    def _free(self) -> int:
        return self._limit() - self._round.under_way

    def _limit(self) -> int:
        """Calls that this worker may have under way on the connection."""
        share = self._round.share
        return 0 if share is None else min(share.room, self._threads.room())

    def _roll_back(self) -> None:
        """What was not written did not happen; a wait that the ERP ordered must not be forgotten."""
        memory = self._round
        if memory.report is not None:
            self._handler.meter.saw(memory.report)
            memory.report = None
        memory.claimed = []

    def _rest(self) -> bool:
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
