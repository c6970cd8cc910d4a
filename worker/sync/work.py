"""`sync_kit_lines`, on one connection: each step is done where its calls go, and hands the job on to the next connection's lane.

    source ─▶ target ─▶ write ─▶ shown ─▶ … next target … ─▶ recheck ─▶ done
       ▲                  ▲───────┘ more to write              │
       └─────────────────────────────────── it changed ────────┘

Between the steps the job is `waiting`, so it holds its kit all the while, and what many jobs want to read is read together; it is `queued`
only for what is done alone: to begin, and to write. A dry run, and a run that finds no difference, end after the last target: both sides
were read, and agree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.errors import CallError, KitFault, LedgerUnavailable
from worker.jobs.verdicts import again, failed
from worker.kinds.sides import side_faults
from worker.refusals import before_sending, unfit
from worker.sync import reports
from worker.sync.bringing import Bringing
from worker.sync.known import AWAY, known, look
from worker.sync.remembering import Remembering
from worker.sync.sourcing import Sourcing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.jobs.model import Job
    from worker.jobs.verdicts import Verdict
    from worker.kit_ledger.book import KitBook
    from worker.settings import Retries, Tenant
    from worker.sync.known import Known, Pairs
    from worker.sync.system import KitSystem
    from worker.sync.translation import Translation


class SyncWork:
    """The steps of syncs on one tenant's connection to one ERP; threads share it."""

    def __init__(
        self, system: KitSystem, tenant: Tenant, book: KitBook, translation: Translation, *, source: KitSystem | None = None
    ) -> None:
        """`source`: how its recipes are read, where that is another way than a target is read."""
        remembering = Remembering(book, tenant.sync, translation)
        self._erp = system.traits.erp
        self._tenant = tenant
        self._sync = tenant.sync
        self._retries: Retries = getattr(tenant, system.traits.erp).retries
        self._sourcing = Sourcing(source or system, tenant, remembering, translation)
        self._bringing = Bringing(system, tenant.sync, remembering, translation, self._retries, self._sourcing.done)

    def start(self, job: Job, now: float) -> Verdict:
        """Begin, or write. Never raises for what an ERP does."""
        item = known(job, self._sync)
        try:
            return self._started(item, now)
        except KitFault as fault:
            return reports.with_result(failed(unfit(fault)), item.memory, item.options)
        except CallError as error:
            verdict = before_sending(job, error, now, self._retries)
            return reports.with_result(verdict, item.memory, item.options) if item.memory.reports else verdict
        except LedgerUnavailable:
            return again("the ledger was away", wait=AWAY)

    def looks(self, jobs: Sequence[Job], now: float) -> Pairs:
        """What the ERP shows of many kits, read together. Never raises for what an ERP does."""
        items = [known(job, self._sync) for job in jobs]
        astray = [(item.job, verdict) for item in items if (verdict := self._astray(item)) is not None]
        here = [item for item in items if self._astray(item) is None]
        reading = [item for item in here if item.memory.stage in {"source", "recheck"}]
        bringing = [item for item in here if item.memory.stage not in {"source", "recheck"}]
        return astray + self._sourcing.looks(reading, now) + self._bringing.looks(bringing, now)

    def _started(self, item: Known, now: float) -> Verdict:
        if (verdict := self._astray(item)) is not None:
            return verdict
        if item.memory.stage == "source":
            return self._sourcing.begin(item, now)
        if item.memory.stage == "write":
            return self._bringing.write(item, now)
        return look("to be looked at")

    def _astray(self, item: Known) -> Verdict | None:
        """What becomes of a job that has nothing to do here; None: it has. Settings may have changed since it was made."""
        source, targets = item.options.source, list(item.options.targets)
        if faults := side_faults(self._tenant, {"targets": targets, **({"source": source} if source else {})}):
            return reports.with_result(failed(unfit(KitFault("validation", faults))), item.memory, item.options)
        place = _place(item)
        return None if place == self._erp else look(f"its next step is in {place}", erp=place)


def _place(item: Known) -> str:
    """The ERP in whose lane the job's step is done."""
    return item.options.source if item.memory.stage in {"source", "recheck"} else item.options.targets[item.memory.at]
