"""`read_kit`: one kit in every system, side by side, for an operator who waits. Nothing is written, and no kit is held.

The job goes from lane to lane, the source's first, and reads one side in each; a system that does not answer is a side, too, and a lane
that takes no call is passed by (`worker.sync.passing`). When all sides are there they are compared, with no further call. The result:

    {"kit": "CHAIR", "revision": null, "source": "visma" | null,
     "sides": [side, …],                 as `worker.sync.side` says: one for each system, the source first
     "comparisons": [comparison, …]}     as `worker.sync.beside` says: one for each target

Its job succeeds whatever it finds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from worker.errors import CallError, KitFault, LedgerUnavailable, Rejected
from worker.jobs.verdicts import again, done
from worker.jobs.views import at
from worker.kinds.sides import places_of
from worker.kits.codec import from_json, remote_from_json, remote_to_json, to_json
from worker.kits.explosion import inner
from worker.sync.beside import Beside, Seen
from worker.sync.known import AWAY
from worker.sync.options import options_of
from worker.sync.reading import read_whole, recipes_of
from worker.sync.side import with_kit, without_kit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.jobs.model import Job
    from worker.jobs.verdicts import Verdict
    from worker.kits.model import Recipe, RemoteKit
    from worker.settings import Tenant
    from worker.sync.remembering import Remembering
    from worker.sync.system import KitSystem, Traits
    from worker.sync.translation import Translation

KEY: Final = "look"


@dataclass(frozen=True, slots=True)
class Steps:
    """How a look goes on, on whichever connection it is."""

    tenant: Tenant
    beside: Beside

    def place(self, seen: Seen) -> str | None:
        """The system that is read next; None: all were."""
        return next((erp for erp in places_of(self.tenant) if erp not in seen.sides), None)

    def after(self, job: Job, seen: Seen, cause: str) -> Verdict:
        """To the next system, or done."""
        following = self.place(seen)
        if following is not None:
            kept: dict[str, Any] = {KEY: to_memory(seen), "doubt": None}
            return again(cause, erp=following, **kept)
        kit, revision = str(job.arguments["kit"]), job.arguments.get("revision")
        result = {
            "kit": kit,
            "revision": revision,
            "source": self.tenant.sync.source,
            "sides": [seen.sides[erp] for erp in places_of(self.tenant)],
            "comparisons": self.beside.comparisons(kit, revision, seen),
        }
        return replace(done(cause, result), progress={KEY: None})

    def passed_by(self, job: Job, erp: str, why: str) -> Verdict:
        """The look goes on without this system."""
        seen = seen_of(job)
        code = self.beside.translation.codes.theirs(erp, str(job.arguments["kit"]))
        side = without_kit(self.tenant, erp, code, "unreachable", None, why)
        return self.after(job, replace(seen, sides={**seen.sides, erp: side}), f"{erp} is passed by: {why}")


class KitLooking:
    """The `SingleWork` of `read_kit` on one connection. `source`, `target`: its kits, as a sync reads them in either part."""

    def __init__(
        self,
        source: KitSystem,
        target: KitSystem,
        tenant: Tenant,
        book: Remembering,
        translation: Translation,
        traits: Mapping[str, Traits],
    ) -> None:
        self._erp = target.traits.erp
        self._is_source = self._erp == tenant.sync.source
        self._system = source if self._is_source else target
        self._tenant = tenant
        self._book = book
        self._translation = translation
        self._steps = Steps(tenant, Beside(tenant, translation, traits))

    def start(self, job: Job, now: float) -> Verdict:
        """Read this side."""
        seen = seen_of(job)
        place = self._steps.place(seen)
        if place is not None and place != self._erp:
            return again(f"its next step is in {place}", erp=place)
        try:
            then = seen if place is None else self._read(job, seen, now)
        except LedgerUnavailable:
            return again("the ledger was away", wait=AWAY)
        return self._steps.after(job, then, f"{self._erp} was read: {then.sides[self._erp]['state']}")

    def look(self, job: Job, now: float) -> Verdict:  # noqa: ARG002 - the protocol's
        """Only one whose worker stopped waits: a read does no harm twice."""
        return again(f"{self._erp} is read again", doubt=None)

    def _read(self, job: Job, seen: Seen, now: float) -> Seen:
        code, revision = str(job.arguments["kit"]), job.arguments.get("revision")
        there = self._translation.codes.theirs(self._erp, code)
        seen_at = at(datetime.fromtimestamp(now, UTC)) or ""
        try:
            kit = self._system.read((there,), revision).get(there)
        except KitFault as fault:
            return self._without(seen, there, "ambiguous", seen_at, *(each.message for each in fault.faults))
        except CallError as error:
            if _is_ambiguous(error):
                return self._without(seen, there, "ambiguous", seen_at, error.message)
            return self._without(seen, there, "unreachable", None, error.message)
        if kit is None:
            return self._without(seen, there, "absent", seen_at)
        return self._with(job, seen, kit, seen_at)

    def _without(self, seen: Seen, code: str, state: str, seen_at: str | None, *trouble: str) -> Seen:
        return replace(seen, sides={**seen.sides, self._erp: without_kit(self._tenant, self._erp, code, state, seen_at, *trouble)})

    def _with(self, job: Job, seen: Seen, kit: RemoteKit, seen_at: str) -> Seen:
        ours, stuck = self._ours(kit)
        agreed = None
        if ours is not None:
            self._book.glimpsed(self._erp, [ours], job.arguments.get("revision"))
            agreed = self._agreed(str(job.arguments["kit"]), ours)
        side = with_kit(self._tenant, self._erp, kit, self._translation, seen_at, agreed)
        found = replace(seen, sides={**seen.sides, self._erp: side}, kits={**seen.kits, self._erp: kit})
        if not self._is_source:
            return found
        recipes, more = self._recipes(job, ours)
        return replace(found, recipes=recipes, stuck=(*stuck, *more))

    def _ours(self, kit: RemoteKit) -> tuple[RemoteKit | None, tuple[str, ...]]:
        """The kit in our words, or why it can't be said in them."""
        try:
            return self._translation.ours(self._erp, kit, target=not self._is_source), ()
        except KitFault as fault:
            return None, tuple(str(each) for each in fault.faults)

    def _recipes(self, job: Job, kit: RemoteKit | None) -> tuple[dict[str, Recipe], tuple[str, ...]]:
        """The source's recipe and, where a target gets their parts, those of the kits in it; or what stands against reading them."""
        if kit is None:
            return {}, ()
        recipe = kit.recipe()
        inside = inner(recipe) if options_of(job.arguments, self._tenant.sync).explodes else ()
        try:
            kits = read_whole(self._system, self._translation, list(inside), None, deep=True) if inside else {}
        except KitFault as fault:
            return {}, tuple(str(each) for each in fault.faults)
        except CallError as error:
            return {}, (f"{self._erp}: the kits in it can't be read: {error.message}",)
        return {**recipes_of(kits), kit.code: recipe}, ()

    def _agreed(self, code: str, ours: RemoteKit) -> dict[str, Any] | None:
        source = self._tenant.sync.source
        found = None if source is None or self._is_source else self._book.agreed_there(source, self._erp, code, ours)
        return None if found is None else {"at": at(found[0]), "edited_since": found[1]}


def seen_of(job: Job) -> Seen:
    """What the job has seen so far."""
    kept: dict[str, Any] = job.progress.get(KEY) or {}
    return Seen(
        kept.get("sides", {}),
        {erp: remote_from_json(kit) for erp, kit in kept.get("kits", {}).items()},
        {code: from_json(recipe) for code, recipe in kept.get("recipes", {}).items()},
        tuple(kept.get("stuck", ())),
    )


def to_memory(seen: Seen) -> dict[str, Any]:
    """The same for the job's progress."""
    return {
        "sides": dict(seen.sides),
        "kits": {erp: remote_to_json(kit) for erp, kit in seen.kits.items()},
        "recipes": {code: to_json(recipe) for code, recipe in seen.recipes.items()},
        "stuck": list(seen.stuck),
    }


def _is_ambiguous(error: CallError) -> bool:
    """Whether our own adapter says that the code means several things there; an ERP's refusal has a status."""
    return isinstance(error, Rejected) and error.status is None and error.error_class == "conflict"
