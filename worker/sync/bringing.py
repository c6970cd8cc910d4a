"""A target's side of a sync: it is read, told what it lacks, and read again until it shows that."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from worker.errors import Fault, KitFault
from worker.jobs.model import JobError
from worker.jobs.verdicts import again, failed
from worker.kits.model import RemoteKit
from worker.sync import reports
from worker.sync.applying import Applying
from worker.sync.known import look, together
from worker.sync.showing import Showing, sent_at
from worker.sync.targeting import aim, held, wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from worker.jobs.verdicts import Verdict
    from worker.settings import Retries, Sync
    from worker.sync.aims import Aim
    from worker.sync.known import Known, Pairs
    from worker.sync.memory import Memory
    from worker.sync.options import Options
    from worker.sync.remembering import Remembering
    from worker.sync.system import KitSystem
    from worker.sync.translation import Translation

STALE: Final = 30.0
"""Seconds after which a target that was read is read again before it is written to."""


@dataclass(frozen=True, slots=True)
class Bringing:
    """One tenant's kits in one ERP, as a target. `done` ends a sync that needs no second reading."""

    system: KitSystem
    sync: Sync
    book: Remembering
    translation: Translation
    retries: Retries
    done: Callable[[Known, Memory], Verdict]

    def looks(self, items: Sequence[Known], now: float) -> Pairs:
        """Read the kits of many jobs at once: those that are to be compared, and those that were written to."""
        showing = Showing(self.system, now, partial(self.translation.codes.ours, self._erp))
        found: Pairs = []
        ready: list[Known] = []
        for item in items:
            verdict = showing.operation(item.job, item.memory, item.options)
            if verdict is None:
                ready.append(item)
            else:
                found.append((item.job, verdict))
        revisions = dict.fromkeys(item.options.revision for item in ready)
        groups = ([item for item in ready if item.options.revision == revision] for revision in revisions)
        return found + [pair for group in groups for pair in together(group, self._read, partial(self._judge, showing), now)]

    def write(self, item: Known, now: float) -> Verdict:
        """Send what is missing. Raises `CallError` for reads, and `KitFault` for what can't be written.

        A kit that stood in line for long is read again here, alone: if it stood in line anew for that, a long line would never get shorter.
        """
        memory, options = item.memory, item.options
        kit: RemoteKit | Verdict | None = memory.kit
        if kit is None or memory.read_at is None or now - memory.read_at > STALE:
            kit = self._kit_in(item, self._read([item]), now)
        if not isinstance(kit, RemoteKit):
            return kit
        target = self._aim(memory, options, kit)
        memory = replace(memory, kit=None, read_at=None)
        if target.difference.empty and kit.id:
            return self._next(item, memory, target)
        if (stop := held(target, self.sync, options)) is not None:  # once more: a second round does not come by the first look
            return reports.with_result(failed(JobError("conflict", stop)), memory, options)
        return self._applying.write(item.job, memory, options, target, now)

    @property
    def _erp(self) -> str:
        return self.system.traits.erp

    def _read(self, items: Sequence[Known]) -> dict[str, RemoteKit]:
        """Of many, all ask for one revision."""
        return self.system.read(tuple({self._there(item.options) for item in items}), items[0].options.revision)

    def _there(self, options: Options) -> str:
        return self.translation.codes.theirs(self._erp, options.kit)

    def _kit_in(self, item: Known, kits: Mapping[str, RemoteKit], now: float) -> RemoteKit | Verdict:
        there = self._there(item.options)
        return kits[there] if there in kits else self._none_there(item, there, now)

    def _judge(self, showing: Showing, item: Known, kits: Mapping[str, RemoteKit]) -> Verdict:
        kit = self._kit_in(item, kits, showing.now)
        if not isinstance(kit, RemoteKit):
            return kit
        self._check(kit, item.options)
        target = self._aim(item.memory, item.options, kit)
        if target.difference.empty and kit.id:
            return self._next(item, item.memory, target)
        if self._is_to_be_compared(item, kit, showing.now):
            return self._compared(item, target, showing.now)
        memory = item.memory
        if memory.stage != "shown":
            memory = replace(memory, stage="shown", wrote=True, round=memory.round + 1, kit=None, read_at=None)
        sent = memory.sent or self._applying.may_have_sent(target, sent_at(item.job))
        return showing.not_shown(item.job, memory, item.options, target, sent)

    def _check(self, kit: RemoteKit, options: Options) -> None:
        """What a person must look at first: a kit that is retired there, and lines whose component nobody knows."""
        if not kit.active:
            raise KitFault("conflict", (Fault(f"{self._erp}: {options.kit}", f"it is retired in {self._erp}: make it active there first"),))
        unknown: Sequence[str] = kit.facts.get("unknown", ())
        if unknown and not options.force:
            what = "its component is not known there: it would be deleted; look at it, or force it"
            raise KitFault("conflict", tuple(Fault(f"{self._erp}: {options.kit}: line {line}", what) for line in unknown))

    def _is_to_be_compared(self, item: Known, kit: RemoteKit, now: float) -> bool:
        """Whether nothing sent before may still be on its way: a dry run sends nothing, and what is not there has no lines."""
        if item.options.dry_run or (not kit.id and self.system.traits.makes_kits == "empty"):
            return True
        return item.memory.stage == "target" and not self._may_have_been_sent(item, now)

    def _compared(self, item: Known, target: Aim, now: float) -> Verdict:
        """It was read, and differs."""
        memory, options = item.memory, item.options
        edited = self.book.edited_there(options, self._erp, memory, target)
        memory = reports.found(memory, self._erp, target, edited_there=edited)
        stop = held(target, self.sync, options)
        if target.kit.id and (options.dry_run or stop is not None):  # else it is kept when it is as it is to be
            self.book.glimpsed(self._erp, [target.seen], options.revision)
        if options.dry_run:
            return self._next(item, memory if stop is None else reports.noted(memory, self._erp, held=stop), None)
        if stop is not None:
            return reports.with_result(failed(JobError("conflict", stop)), memory, options)
        count = target.difference.size
        memory = replace(memory, stage="write", kit=target.kit, read_at=now, least=count if memory.least is None else memory.least)
        return again(f"{self._erp} differs in {count} line{'s' if count != 1 else ''}", doubt=None, **reports.remembering(memory))

    def _none_there(self, item: Known, there: str, now: float) -> Verdict | RemoteKit:
        """The target has no such kit: an empty one to begin with, where it may be made."""
        traits = self.system.traits
        if not self.sync.create_missing or traits.makes_kits == "no":
            raise KitFault("missing_reference", (Fault(f"{self._erp}: {item.options.kit}", f"there is no such kit in {self._erp}"),))
        if there in item.memory.reports.get(self._erp, {}).get("made", ()):
            return self._applying.not_there_yet(item.memory, there, now)
        return RemoteKit(id="", code=there, lines=(), revision=item.options.revision)

    def _may_have_been_sent(self, item: Known, now: float) -> bool:
        """A job that is replayed, or whose worker stopped, may have sent something not long ago: that must be seen, or not, first."""
        at = item.job.progress.get("sent_at")
        if at is None or item.memory.wrote or item.job.progress.get("decided"):
            return False
        if item.job.progress.get("doubt"):
            return True
        longest = self.system.traits.import_timeout if self.system.traits.imports else self.system.traits.second_look
        return bool(item.job.progress.get("look_first")) and now - at < longest

    def _aim(self, memory: Memory, options: Options, kit: RemoteKit) -> Aim:
        shaped = wanted(memory.recipes, options, self.sync, self.system.traits, self.translation)
        return aim(shaped, kit, self.sync, self.system.traits, self.translation)

    @property
    def _applying(self) -> Applying:
        return Applying(self.system, self.sync, self.translation, self.retries, self.book.book)

    def _next(self, item: Known, memory: Memory, target: Aim | None) -> Verdict:
        """This target is in step, or was only looked at (None): on to the next, back to the source, or done."""
        options = item.options
        if target is not None:
            memory = reports.found(memory, self._erp, target, edited_there=False)
            memory = reports.noted(memory, self._erp, in_step=True, **reports.shares_off(target.kit))
            self.book.in_step(options, self._erp, memory, target)
        memory = memory.for_next_target()
        if memory.at + 1 < len(options.targets):
            memory = replace(memory, stage="target", at=memory.at + 1)
            return look(f"{self._erp} is done", memory, erp=options.targets[memory.at])
        if memory.wrote and not options.dry_run:
            return look(f"{self._erp} shows it; the source is read again", replace(memory, stage="recheck"), erp=options.source)
        return self.done(item, memory)
