"""All kits of a source against those of its targets, read by page: which differ, as the jobs of a batch.

A page is one call in the lane of the ERP that is read; what was read is kept in the ledger under the batch's id, so that a restart goes on
where it was and memory stays flat. When all are read, they are compared there, some hundred at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from worker.errors import KitFault, Rejected
from worker.handling import Page
from worker.jobs.overview import failed_last, subjects_with
from worker.jobs.states import OPEN
from worker.kit_ledger.model import FAULT, Snapshot
from worker.kits.codec import from_json
from worker.kits.model import RemoteKit, RemoteLine
from worker.sync.following import KIND, new_sync
from worker.sync.options import Options, handed_on, options_of
from worker.sync.targeting import aim, wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from worker.jobs.engine import Database
    from worker.jobs.model import Batch
    from worker.jobs.verdicts import NewJob
    from worker.kits.model import Recipe
    from worker.settings import Tenant
    from worker.sync.remembering import Remembering
    from worker.sync.system import KitSystem, Traits
    from worker.sync.translation import Translation

PORTION: Final = 250
MOST_PAGES: Final = 3_000
"""Of all systems together; a page has up to a thousand kits."""

SCHEDULED: Final = "scheduled"
"""In a selection: nobody asked for it, so it leaves alone what a person must decide."""

HELD_BACK: Final = timedelta(hours=24)
"""So long does a scheduled comparison leave a kit alone whose last sync failed."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One tenant's comparisons, as far as one ERP has a part in them: read as a source or as a target. `traits`: those of all its ERPs."""

    source: KitSystem
    target: KitSystem
    tenant: Tenant
    book: Remembering
    translation: Translation
    db: Database
    traits: Mapping[str, Traits]
    clock: Callable[[], datetime]

    def plan(self, batch: Batch) -> Page:
        """The next page. Raises `CallError`."""
        if not batch.select:
            raise Rejected("the batch has no selection")
        options = options_of({**batch.select, "kit": ""}, self.tenant.sync)
        order = (options.source, *options.targets)
        stage = int(batch.planned.get("stage", 0))
        place = order[stage] if stage < len(order) else options.source
        if place not in self.traits:  # a lane that nobody serves: settings may have changed since it was asked for
            raise Rejected(f"there is no connection to {place}")
        if place != self.target.traits.erp:
            return Page([], dict(batch.planned), last=False, erp=place)
        if stage < len(order):
            return self._read(batch, order, stage)
        return self._compare(batch, options)

    def _read(self, batch: Batch, order: Sequence[str], stage: int) -> Page:
        erp = self.target.traits.erp
        page = (self.target if stage else self.source).page(batch.planned.get("cursor"))
        dry = bool((batch.select or {}).get("dry_run"))
        self.book.book.keep(erp, [self._seen(kit, batch.id, source=stage == 0) for kit in page.kits], glimpsed=dry)
        pages = int(batch.planned.get("pages", 0)) + 1
        if pages > MOST_PAGES:
            raise Rejected(f"more than {MOST_PAGES} pages of kits, the last in {erp}: do they end?")
        if page.cursor is not None:
            return Page([], {"stage": stage, "cursor": page.cursor, "pages": pages}, last=False)
        self.book.book.drop_unseen(erp, batch.id)
        following = order[stage + 1] if stage + 1 < len(order) else order[0]
        return Page([], {"stage": stage + 1, "pages": pages}, last=False, erp=following)

    def _seen(self, kit: RemoteKit, round_: str, *, source: bool) -> Snapshot:
        """A kit that can't be understood is kept with the reason: its job will say it."""
        try:
            return self.book.snapshot(self.translation.ours(self.target.traits.erp, kit, target=not source), round_)
        except KitFault as fault:
            code = self.translation.codes.ours(self.target.traits.erp, kit.code)
            return Snapshot(code=code, id=kit.id, fingerprint=FAULT, recipe={FAULT: str(fault)}, round=round_)

    def _compare(self, batch: Batch, options: Options) -> Page:
        after = str(batch.planned.get("after", ""))
        portion = self.book.book.walk(options.source, batch.id, after, PORTION)
        recipes = self._with_inner(options, portion)
        scheduled = bool((batch.select or {}).get(SCHEDULED))
        there = {target: self.book.book.snapshots(target, [each.code for each in portion]) for target in options.targets}
        codes = [each.code for each in portion if self._differs(each, recipes, there, options, batch.id, scheduled=scheduled)]
        news = self._jobs(batch, codes, scheduled=scheduled)
        found = int(batch.planned.get("found", 0)) + len(codes)
        last = len(portion) < PORTION
        planned = {**batch.planned, "found": found, "after": portion[-1].code if portion else after}
        return Page(news, planned, last=last, fleeting=scheduled)

    def _differs(
        self,
        kit: Snapshot,
        recipes: Mapping[str, Recipe],
        there: Mapping[str, Mapping[str, Snapshot]],
        options: Options,
        round_: str,
        *,
        scheduled: bool,
    ) -> bool:
        if kit.fingerprint == FAULT:
            return True
        for target in options.targets:
            present = there[target].get(kit.code)
            if present is None or present.round != round_:
                if not scheduled or self.tenant.sync.create_missing:
                    return True
                continue
            if self._differs_from(kit.code, present, recipes, options, target):
                return True
        return False

    def _differs_from(self, code: str, present: Snapshot, recipes: Mapping[str, Recipe], options: Options, target: str) -> bool:
        if present.fingerprint == FAULT:
            return True
        mine = Options(code, options.source, options.targets, options.nested)
        traits = self.traits[target]
        try:
            shaped = wanted(recipes, mine, self.tenant.sync, traits, self.translation)
            return not aim(shaped, _remote(present), self.tenant.sync, traits, self.translation, ours=True).difference.empty
        except KitFault:
            return True

    def _with_inner(self, options: Options, portion: Iterable[Snapshot]) -> dict[str, Recipe]:
        """The recipes of these kits and, where targets get their parts, of all kits in them."""
        found: dict[str, Recipe] = {}
        level = [each for each in portion if each.fingerprint != FAULT]
        asked: set[str] = set()
        while level:
            found |= {each.code: from_json(each.recipe) for each in level}
            asked |= {self.translation.same(each.code) for each in level}
            inside = {code for each in level for code in each.parts or ()} if options.explodes else set()
            fresh = [code for code in inside if self.translation.same(code) not in asked]
            asked |= {self.translation.same(code) for code in fresh}
            level = (
                [each for each in self.book.book.snapshots(options.source, fresh).values() if each.fingerprint != FAULT] if fresh else []
            )
        return found

    def _jobs(self, batch: Batch, codes: Sequence[str], *, scheduled: bool) -> list[NewJob]:
        select = batch.select or {}
        source = options_of({**select, "kit": ""}, self.tenant.sync).source
        more: dict[str, Any] = {"priority": batch.priority, "tags": batch.tags, "batch": batch.id}
        news = [new_sync(self.tenant, source, {"kit": code, **handed_on(select)}, **more) for code in codes]
        if not scheduled or not news:
            return news
        with self.db.read() as connection:
            # One that failed waits for a person: it is not made again every quarter of an hour.
            named = [new.subject for new in news if new.subject]
            taken = subjects_with(connection, self.tenant.name, KIND.name, named, OPEN)
            taken |= failed_last(connection, self.tenant.name, KIND.name, named, self.clock() - HELD_BACK)
        return [new for new in news if new.subject not in taken]


def _remote(snapshot: Snapshot) -> RemoteKit:
    recipe = from_json(snapshot.recipe)
    lines = tuple(RemoteLine(id=str(place), line=line) for place, line in enumerate(recipe.lines))
    return RemoteKit(id=snapshot.id, code=recipe.code, lines=lines, revision=recipe.revision, type=recipe.type, active=recipe.active)
