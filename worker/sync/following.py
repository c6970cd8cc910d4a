"""Syncs that follow from a sync: kits that take this one apart must be written anew when it changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker.jobs.verdicts import NewJob
from worker.kinds import KINDS

if TYPE_CHECKING:
    from worker.kit_ledger.book import KitBook
    from worker.settings import Tenant
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


def parents(book: KitBook, tenant: Tenant, options: Options, translation: Translation) -> tuple[NewJob, ...]:
    """One sync for each kit that has this one in it, however deep, for the targets that get its parts."""
    targets = [target for target in options.targets if options.nesting(target) == "explode"]
    if not targets:
        return ()
    mine = translation.same(options.kit)
    above = [code for code in book.ancestors(options.source, options.kit) if translation.same(code) != mine]
    given: dict[str, Any] = {"source": options.source, "targets": targets, "nested": dict.fromkeys(targets, "explode")}
    return tuple(new_sync(tenant, options.source, {"kit": code, **given}) for code in above)
