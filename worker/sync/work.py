"""`sync_kit_lines`, on one connection: each step is done where its calls go, and hands the job on to the next connection's lane.

    source ─▶ target ─▶ shown ─▶ … next target … ─▶ recheck ─▶ done
                ▲─────────┘ more to write              │
    source ◀────────────────────────────── it changed ─┘

A dry run, and a run that finds no difference, end after the last target: both were read, and agree.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from worker.errors import CallError, Fault, KitFault, LedgerUnavailable
from worker.jobs.model import JobError
from worker.jobs.states import State
from worker.jobs.verdicts import Verdict, again, done, failed, later
from worker.kits.model import RemoteKit
from worker.sync import reports
from worker.sync.applying import Applying
from worker.sync.following import parents
from worker.sync.memory import Memory, memory_of
from worker.sync.options import options_of
from worker.sync.reading import fingerprint_of, read_whole, recipes_of
from worker.sync.refusals import unfit, unread, unseen
from worker.sync.remembering import Remembering
from worker.sync.showing import Showing, sent_at
from worker.sync.targeting import aim, held, wanted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from worker.jobs.model import Job
    from worker.kit_ledger.book import KitBook
    from worker.settings import Tenant
    from worker.sync.options import Options
    from worker.sync.system import KitSystem
    from worker.sync.targeting import Aim
    from worker.sync.translation import Translation

AWAY: Final = 2.0
MOST_PASSES: Final = 4
"""A source that changes while it is carried over is read again, at most so often."""


class SyncWork:
    """The steps of syncs on one tenant's connection to one ERP; threads share it."""

    def __init__(
        self, system: KitSystem, tenant: Tenant, book: KitBook, translation: Translation, *, source: KitSystem | None = None
    ) -> None:
        """`source`: how its recipes are read, where that is another way than a target is read."""
        self._system = system
        self._source = source or system
        self._erp = system.traits.erp
        self._tenant = tenant
        self._translation = translation
        self._book = Remembering(book, tenant.sync, translation)
        self._applying = Applying(system, tenant.sync, translation)

    def start(self, job: Job, now: float) -> Verdict:
        """Read the source, or bring a target in line. Never raises for what an ERP does."""
        memory, options = memory_of(job), options_of(job.arguments, self._tenant.sync)
        place = options.source if memory.stage in {"source", "recheck"} else options.targets[memory.at]
        if place != self._erp:
            return again(f"its next step is in {place}", erp=place)
        try:
            return (
                self._read(job, memory, options, now) if memory.stage in {"source", "recheck"} else self._bring(job, memory, options, now)
            )
        except KitFault as fault:
            return reports.with_result(failed(unfit(fault)), memory, options)
        except CallError as error:
            return unread(error)
        except LedgerUnavailable:
            return again("the ledger was away while it was read", wait=AWAY)

    def looks(self, jobs: Sequence[Job], now: float) -> list[tuple[Job, Verdict]]:
        """What the ERP shows of many kits, read together. Never raises for what an ERP does."""
        found: list[tuple[Job, Verdict]] = []
        known = [(job, memory_of(job), options_of(job.arguments, self._tenant.sync)) for job in jobs]
        lost = [job for job, memory, _ in known if memory.stage == "source"]
        found += [(job, again("its worker stopped while it read", doubt=None)) for job in lost]
        targets = [each for each in known if each[1].stage in {"target", "shown"}]
        found += self._show(targets, now)
        found += self._recheck([each for each in known if each[1].stage == "recheck"])
        return found

    # -- the source

    def _kits(self, options: Options) -> dict[str, RemoteKit]:
        return read_whole(self._source, self._translation, options.kit, options.revision, deep=options.explodes)

    def _read(self, job: Job, memory: Memory, options: Options, now: float) -> Verdict:
        recipes = self._book.fresh_of(job, options, now)
        changed = False
        if recipes is None:
            kits = self._kits(options)
            recipes, changed = recipes_of(kits), self._book.saw_source(options.source, kits)
        kit = next((code for code in recipes if self._translation.same(code) == self._translation.same(options.kit)), None)
        if kit is None:
            raise KitFault("missing_reference", (Fault(f"{options.source}: {options.kit}", f"there is no such kit in {options.source}"),))
        fresh = Memory(stage="target", recipes=recipes, passes=memory.passes, changed=memory.changed or changed, wrote=memory.wrote)
        if self._book.is_echo(job, options, recipes):
            return done("our own write, and its targets have it already", reports.result_of(fresh, options))
        lines = len(recipes[kit].lines)
        cause = f"{options.source} has {lines} line{'s' if lines != 1 else ''}"
        return again(cause, erp=options.targets[0], doubt=None, **reports.remembering(fresh))

    def _recheck(self, known: Sequence[tuple[Job, Memory, Options]]) -> list[tuple[Job, Verdict]]:
        return [(job, self._rechecked(memory, options)) for job, memory, options in known]

    def _rechecked(self, memory: Memory, options: Options) -> Verdict:
        try:
            return self._rechecked_with(memory, options, self._kits(options))
        except KitFault as fault:
            return reports.with_result(failed(unfit(fault)), memory, options)
        except CallError as error:
            return unseen(error)
        except LedgerUnavailable:
            return later("the ledger was away while it was read", wait=AWAY)

    def _rechecked_with(self, memory: Memory, options: Options, kits: Mapping[str, RemoteKit]) -> Verdict:
        before = fingerprint_of(memory.recipes, self._translation, self._tenant.sync)
        if fingerprint_of(recipes_of(kits), self._translation, self._tenant.sync) == before:
            return self._done(memory, options)
        if memory.passes >= MOST_PASSES:
            message = f"{options.source} changed {memory.passes + 1} times while it was carried over"
            return reports.with_result(failed(JobError("conflict", message)), memory, options)
        anew = Memory(passes=memory.passes + 1, changed=True, wrote=True, reports=memory.reports)
        return again(f"{options.source} has changed meanwhile", **reports.remembering(anew))

    def _done(self, memory: Memory, options: Options) -> Verdict:
        follow = parents(self._book.book, self._tenant, options, self._translation) if memory.changed and not options.dry_run else ()
        cause = "read again: no difference" if memory.wrote else "no difference" if not options.dry_run else "looked at"
        return replace(done(cause, reports.result_of(memory, options), follow=follow), progress={"sync": None})

    # -- a target

    def _bring(self, job: Job, memory: Memory, options: Options, now: float) -> Verdict:
        waited = self._unsure(job, memory, now)
        if waited is not None:
            return waited
        there = self._translation.codes.theirs(self._erp, options.kit)
        kit = self._system.read((there,)).get(there)
        if kit is None:
            made = self._applying.no_kit(job, memory, options)
            if not isinstance(made, RemoteKit):
                return made
            kit = made
        target = self._aim(memory, options, kit)
        memory = reports.found(memory, self._erp, target, edited_there=self._book.edited_there(options, self._erp, memory, target))
        if target.difference.empty:
            return self._next(memory, options, target)
        if options.dry_run:
            return self._next(memory, options, None)
        stop = held(target, self._tenant.sync, options)
        if stop is not None:
            return reports.with_result(failed(JobError("conflict", stop)), memory, options)
        return self._applying.write(job, memory, options, target, now)

    def _unsure(self, job: Job, memory: Memory, now: float) -> Verdict | None:
        """A job that is replayed may have sent something not long ago: it must be seen, or not, before anything is sent."""
        sent_at = job.progress.get("sent_at")
        if not job.progress.get("look_first") or sent_at is None or memory.wrote:
            return None
        left = self._system.traits.second_look - (now - sent_at)
        return again("what was sent before may still be under way", wait=left) if left > 0 else None

    def _show(self, known: Sequence[tuple[Job, Memory, Options]], now: float) -> list[tuple[Job, Verdict]]:
        """Whether targets that were written to are as they should be."""
        showing = Showing(self._system, now, partial(self._translation.codes.ours, self._erp))
        found: list[tuple[Job, Verdict]] = []
        ready: list[tuple[Job, Memory, Options]] = []
        for job, memory, options in known:
            verdict = showing.operation(memory, options)
            if verdict is None:
                ready.append((job, memory, options))
            else:
                found.append((job, verdict))
        if not ready:
            return found
        codes = {self._translation.codes.theirs(self._erp, options.kit) for _, _, options in ready}
        try:
            kits = self._system.read(tuple(codes))
        except CallError as error:
            return [*found, *((job, unseen(error)) for job, _, _ in ready)]
        return [*found, *((job, self._shown(showing, job, memory, options, kits)) for job, memory, options in ready)]

    def _shown(self, showing: Showing, job: Job, memory: Memory, options: Options, kits: Mapping[str, RemoteKit]) -> Verdict:
        there = self._translation.codes.theirs(self._erp, options.kit)
        kit = kits.get(there) or RemoteKit(id="", code=there, lines=())
        if memory.stage == "target":  # its worker stopped while it wrote
            memory = replace(memory, stage="shown", wrote=True, round=memory.round + 1)
        try:
            target = self._aim(memory, options, kit)
            if target.difference.empty:
                return self._next(memory, options, target)
            sent = memory.sent or self._applying.may_have_sent(target, sent_at(job))
            return showing.not_shown(job, memory, options, target, sent)
        except KitFault as fault:
            return reports.with_result(failed(unfit(fault)), memory, options)
        except CallError as error:
            return unseen(error)
        except LedgerUnavailable:
            return later("the ledger was away while it was read", wait=AWAY)

    def _aim(self, memory: Memory, options: Options, kit: RemoteKit) -> Aim:
        traits, sync = self._system.traits, self._tenant.sync
        return aim(wanted(memory.recipes, options, sync, traits, self._translation), kit, sync, traits, self._translation)

    def _next(self, memory: Memory, options: Options, target: Aim | None) -> Verdict:
        """This target is in step, or was only looked at (None): on to the next, back to the source, or done."""
        if target is not None:
            memory = reports.noted(memory, self._erp, in_step=True, **reports.shares_off(target.kit))
            self._book.in_step(options, self._erp, memory, target)
        memory = replace(memory, round=0, sent=(), sent_at=None, operation=None, polls=0)
        if memory.at + 1 < len(options.targets):
            memory = replace(memory, stage="target", at=memory.at + 1)
            following = options.targets[memory.at]
            return again(f"{self._erp} is done", erp=following, doubt=None, **reports.remembering(memory))
        if memory.wrote and not options.dry_run:
            memory = replace(memory, stage="recheck")
            progress: dict[str, Any] = {**reports.remembering(memory), "doubt": None}
            return Verdict(
                State.WAITING, f"{self._erp} shows it; the source is read again", wait=0.0, progress=progress, erp=options.source
            )
        return self._done(memory, options)
