"""The source's side of a sync: its recipe is read at the beginning, and once more at the end."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from worker.errors import Fault, KitFault
from worker.jobs.model import JobError
from worker.jobs.verdicts import done, failed
from worker.sync import reports
from worker.sync.following import fillings, parents, reaches_all
from worker.sync.known import look, together
from worker.sync.memory import KEY, Memory
from worker.sync.options import settled
from worker.sync.reading import fingerprint_of, part_of, read_whole, recipes_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from worker.jobs.verdicts import Verdict
    from worker.kits.model import Recipe, RemoteKit
    from worker.settings import Tenant
    from worker.sync.known import Known, Pairs
    from worker.sync.remembering import Remembering
    from worker.sync.system import KitSystem
    from worker.sync.translation import Translation

MOST_PASSES: Final = 4
"""A source that changes while it is carried over is read again, at most so often."""


@dataclass(frozen=True, slots=True)
class Sourcing:
    """One tenant's kits in one ERP, as a source."""

    system: KitSystem
    tenant: Tenant
    book: Remembering
    translation: Translation

    def begin(self, item: Known, now: float) -> Verdict:
        """Read the recipe, unless it was read a moment ago, or is better read together with those of the job's batch.

        Raises `CallError`, `KitFault` and `LedgerUnavailable`.
        """
        recipes = self.book.fresh_of(item.job, item.options, now)
        if recipes is not None:
            return self._go(item, recipes)
        if item.job.batch is not None:
            return look("to be read together with others of its batch", item.memory)
        return self._read(item, self._kits([item]))

    def looks(self, items: Sequence[Known], now: float) -> Pairs:
        """Read for many at once: those that begin, and those whose targets show it."""
        groups: dict[tuple[bool, str | None], list[Known]] = defaultdict(list)
        for item in items:
            groups[item.options.explodes, item.options.revision].append(item)
        return [pair for group in groups.values() for pair in together(group, self._kits, self._judge, now)]

    def done(self, item: Known, memory: Memory) -> Verdict:
        """Everything was read, and does not differ (any more)."""
        options = item.options
        cause = "read again: no difference" if memory.wrote else "looked at" if options.dry_run else "no difference"
        follow = fillings(self.tenant, options, memory, self.translation)
        return replace(done(cause, reports.result_of(memory, options), follow=follow), progress={KEY: None})

    def _kits(self, items: Sequence[Known]) -> dict[str, RemoteKit]:
        first = items[0].options
        codes = list(dict.fromkeys(item.options.kit for item in items))
        return read_whole(self.system, self.translation, codes, first.revision, deep=first.explodes)

    def _judge(self, item: Known, found: Mapping[str, RemoteKit]) -> Verdict:
        kits = part_of(found, item.options.kit, self.translation, deep=item.options.explodes)
        return self._recheck(item, kits) if item.memory.stage == "recheck" else self._read(item, kits)

    def _read(self, item: Known, kits: Mapping[str, RemoteKit]) -> Verdict:
        """What follows from a change is made when it is seen: the next reading finds nothing new, and a target may lack the kit."""
        if item.options.dry_run:
            self.book.glimpsed(item.options.source, kits.values(), item.options.revision)
            return self._go(item, recipes_of(kits))
        changed = self.book.saw_source(item.options.source, kits, told=reaches_all(item.options, self.tenant.sync))
        if item.job.progress.get("doubt"):  # its worker stopped, perhaps between seeing a change and telling of it
            changed = (*changed, *kits)
        follow = parents(self.book.book, self.tenant, item.options, self.translation, changed)
        return replace(self._go(item, recipes_of(kits)), follow=follow)

    def _go(self, item: Known, recipes: Mapping[str, Recipe]) -> Verdict:
        options, memory = item.options, item.memory
        recipe = next((each for code, each in recipes.items() if self.translation.same(code) == self.translation.same(options.kit)), None)
        if recipe is None:
            raise KitFault("missing_reference", (Fault(f"{options.source}: {options.kit}", f"there is no such kit in {options.source}"),))
        fresh = Memory(
            stage="target",
            recipes=recipes,
            passes=memory.passes,
            wrote=memory.wrote,
            reports=memory.reports,
            asked=settled(options),
        )
        if self.book.is_echo(item.job, options, recipes):
            return done("our own write, and its targets have it already", reports.result_of(fresh, options))
        lines = len(recipe.lines)
        return look(f"{options.source} has {lines} line{'s' if lines != 1 else ''}", fresh, erp=options.targets[0])

    def _recheck(self, item: Known, kits: Mapping[str, RemoteKit]) -> Verdict:
        memory, options, sync = item.memory, item.options, self.tenant.sync
        before = fingerprint_of(memory.recipes, self.translation, sync)
        if fingerprint_of(recipes_of(kits), self.translation, sync) == before:
            return self.done(item, memory)
        if memory.passes >= MOST_PASSES:
            message = f"{options.source} changed {memory.passes + 1} times while it was carried over"
            return reports.with_result(failed(JobError("conflict", message)), memory, options)
        anew = replace(item, memory=Memory(passes=memory.passes + 1, wrote=True, reports=memory.reports, asked=memory.asked))
        return self._read(anew, kits)
