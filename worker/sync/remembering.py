"""What syncs keep in the ledger about kits: what was seen last, what agreed last, and what we wrote ourselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from worker.kit_ledger.model import Snapshot
from worker.kits.codec import from_json, to_json
from worker.kits.explosion import inner
from worker.kits.fingerprint import fingerprint
from worker.sync.reading import fingerprint_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from worker.jobs.model import Job
    from worker.kit_ledger.book import KitBook
    from worker.kits.model import Recipe, RemoteKit
    from worker.settings import Sync
    from worker.sync.aims import Aim
    from worker.sync.memory import Memory
    from worker.sync.options import Options
    from worker.sync.translation import Translation

ECHO: Final = timedelta(hours=6)
"""So long is an event whose kit is as we wrote it taken for an echo of our write."""

FRESH: Final = timedelta(minutes=5)
"""A kit read by a comparison is not read again so soon for the sync that follows; the source is read once more at its end anyway."""

ANNOUNCED: Final = "a delivery"
"""What made a job that an ERP's own announcement asked for."""


@dataclass(frozen=True, slots=True)
class Remembering:
    """One tenant's kits in the ledger, as syncs use them. Raises `LedgerUnavailable`."""

    book: KitBook
    sync: Sync
    translation: Translation

    def saw_source(self, source: str, kits: Mapping[str, RemoteKit], *, told: bool) -> tuple[str, ...]:
        """Keep what was read; the codes of what is another than when a sync last told of it, as far as that is known.

        `told`: this one tells all whom it concerns, so that it is no news for the next.
        """
        before = {code: each.followed or each.fingerprint for code, each in self.book.snapshots(source, kits).items()}
        seen = [self.snapshot(kit) for kit in kits.values()]
        self.book.keep(source, seen, glimpsed=not told)
        return tuple(each.code for each in seen if before.get(each.code, each.fingerprint) != each.fingerprint)

    def glimpsed(self, erp: str, kits: Iterable[RemoteKit], revision: str | None) -> None:
        """Keep what a look or a dry run read: a change stays news for the next sync, since more follows from it.

        Read by its revision, a kit may be none of what is in use: that is not kept.
        """
        if revision is None:
            self.book.keep(erp, [self.snapshot(kit) for kit in kits], glimpsed=True)

    def snapshot(self, kit: RemoteKit, round_: str | None = None) -> Snapshot:
        """A kit in our words, as it is kept."""
        recipe = kit.recipe()
        return Snapshot(
            code=kit.code,
            id=kit.id,
            fingerprint=self._print(recipe),
            recipe=to_json(recipe),
            revision=kit.revision,
            parts=tuple(inner(recipe)),
            round=round_,
        )

    def fresh_of(self, job: Job, options: Options, now: float) -> dict[str, Recipe] | None:
        """What a comparison read a moment ago, if this job was made by it."""
        if job.batch is None or options.revision is not None:
            return None
        found: dict[str, Recipe] = {}
        wanted = [options.kit]
        while wanted:
            seen = self.book.snapshots(options.source, wanted)
            if any(code not in seen or not self._is_fresh(seen[code], job.batch, now) for code in wanted):
                return None
            found |= {each.code: from_json(each.recipe) for each in seen.values()}
            known = {self.translation.same(code) for code in found}
            inside = {code for each in seen.values() for code in each.parts or ()} if options.explodes else set()
            wanted = [code for code in inside if self.translation.same(code) not in known]
        return found

    def is_echo(self, job: Job, options: Options, recipes: Mapping[str, Recipe]) -> bool:
        """Whether an ERP announced nothing but what we wrote there ourselves, and all targets agreed with just that."""
        mine = {self.translation.same(code): recipe for code, recipe in recipes.items()}.get(self.translation.same(options.kit))
        if mine is None or job.made_by != ANNOUNCED:
            return False
        if not self.book.is_echo(options.source, options.kit, self._print(mine), ECHO):
            return False
        whole = fingerprint_of(recipes, self.translation, self.sync)
        agreed = [self.book.agreed(options.source, target, [options.kit]).get(options.kit) for target in options.targets]
        return all(each is not None and each.source_fingerprint == whole for each in agreed)

    def edited_there(self, options: Options, erp: str, memory: Memory, target: Aim) -> bool:
        """Whether the target's kit is another than when source and target last agreed: somebody changed it there, and it is put right."""
        agreed = self.book.agreed(options.source, erp, [options.kit]).get(options.kit)
        return agreed is not None and not memory.wrote and agreed.target_fingerprint != self._print(target.seen.recipe())

    def agreed_there(self, source: str, erp: str, code: str, kit: RemoteKit) -> tuple[datetime, bool] | None:
        """When source and target last agreed on a kit, and whether the target's, as it is now, is another since."""
        agreed = self.book.agreed(source, erp, [code]).get(code)
        return None if agreed is None else (agreed.at, agreed.target_fingerprint != self._print(kit.recipe()))

    def in_step(self, options: Options, erp: str, memory: Memory, target: Aim) -> None:
        """Source and target do not differ."""
        there = self._print(target.seen.recipe())
        if options.dry_run:
            self.glimpsed(erp, [target.seen], options.revision)
        elif target.kit.id:
            self.book.keep(erp, [self.snapshot(target.seen)])
        if memory.wrote:
            self.book.wrote(erp, options.kit, there)
        whole = fingerprint_of(memory.recipes, self.translation, self.sync)
        self.book.agree(options.source, erp, options.kit, whole, there)

    def _print(self, recipe: Recipe) -> str:
        return fingerprint(recipe, places=self.sync.places, order=self.sync.order, same=self.translation.same)

    def _is_fresh(self, snapshot: Snapshot, batch: str, now: float) -> bool:
        return snapshot.round == batch and snapshot.seen_at is not None and now - snapshot.seen_at.timestamp() < FRESH.total_seconds()
