"""Syncs that follow from a sync: of kits that take this one apart, when it changes; and of kits that were made empty to stand in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker.jobs.verdicts import NewJob
from worker.kinds import KINDS
from worker.kits.explosion import inner
from worker.sync.options import options_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from worker.kit_ledger.book import KitBook
    from worker.settings import Sync, Tenant
    from worker.sync.memory import Memory
    from worker.sync.options import Options
    from worker.sync.translation import Translation

KIND = KINDS["sync_kit_lines"]


def new_sync(tenant: Tenant, source: str, arguments: dict[str, Any], **more: Any) -> NewJob:  # noqa: ANN401 - fields of NewJob
    """A sync of one kit, to be started in its source's lane."""
    checked = KIND.check(arguments)
    connection = getattr(tenant, source)
    return NewJob(
        tenant=tenant.name,
        erp=source,
        kind=KIND.name,
        arguments=checked,
        reference=KIND.reference(checked),
        subject=KIND.subject(checked),
        max_attempts=connection.retries.attempts,
        **more,
    )


def reaches_all(options: Options, sync: Sync) -> bool:
    """Whether it goes to all targets that get the parts of this source's kits: a sync of some of them leaves the others behind."""
    usual = options_of({"source": options.source}, sync)
    return all(target in options.targets and options.nesting(target) == "explode" for target in _exploding(usual))


def parents(book: KitBook, tenant: Tenant, options: Options, translation: Translation, changed: Collection[str]) -> tuple[NewJob, ...]:
    """One sync for each kit that has one of the changed kits in it, however deep, for the targets that get its parts.

    The kit that is being synced is none of them: it is at it.
    """
    targets = _exploding(options)
    if not targets:
        return ()
    mine = translation.same(options.kit)
    above = {translation.same(code): code for each in changed for code in book.ancestors(options.source, each)}
    given: dict[str, Any] = {"source": options.source, "targets": targets, "nested": dict.fromkeys(targets, "explode")}
    return tuple(new_sync(tenant, options.source, {"kit": code, **given}) for key, code in above.items() if key != mine)


def fillings(tenant: Tenant, options: Options, memory: Memory, translation: Translation) -> tuple[NewJob, ...]:
    """One sync for each inner kit that a target lacked and was made there, without lines."""
    parts = dict.fromkeys(code for recipe in memory.recipes.values() for code in inner(recipe))
    found: list[NewJob] = []
    for target in options.targets:
        made = {translation.same(code) for code in memory.reports.get(target, {}).get("made", ())}
        given: dict[str, Any] = {"source": options.source, "targets": [target], "nested": {target: options.nesting(target)}}
        lacked = [code for code in parts if translation.same(translation.codes.theirs(target, code)) in made]
        found += [new_sync(tenant, options.source, {"kit": code, **given}) for code in lacked]
    return tuple(found)


def _exploding(options: Options) -> list[str]:
    return [target for target in options.targets if options.nesting(target) == "explode"]
