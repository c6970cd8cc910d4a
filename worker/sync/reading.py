"""Read recipes from a source: a kit and, where its parts are wanted, the kits in it, a level to a call."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from worker.errors import Fault, KitFault
from worker.kits.explosion import inner
from worker.kits.fingerprint import fingerprint

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from worker.kits.model import Recipe, RemoteKit
    from worker.settings import Sync
    from worker.sync.system import KitSystem
    from worker.sync.translation import Translation

DEEPEST: Final = 20
MOST_KITS: Final = 2_000


def read_kits(system: KitSystem, translation: Translation, codes: Collection[str], revision: str | None = None) -> dict[str, RemoteKit]:
    """The kits with these codes, in our words, by our codes; those that do not exist are left out. Raises `CallError` or `KitFault`."""
    theirs = translation.theirs(system.traits.erp, codes)
    found = system.read(tuple(theirs.values()), revision)
    return {code: translation.ours(system.traits.erp, found[there]) for code, there in theirs.items() if there in found}


def read_whole(
    system: KitSystem, translation: Translation, kits: Collection[str], revision: str | None, *, deep: bool
) -> dict[str, RemoteKit]:
    """The kits and, if `deep`, all kits in them, by code; those that do not exist are left out. Raises `CallError` or `KitFault`.

    Inner kits that have no recipe are left out: what can't do without them says so. `revision` is that of the outer kits.
    """
    found: dict[str, RemoteKit] = {}
    asked: set[str] = set()
    level, wanted = 0, list(kits)
    while wanted:
        asked |= {translation.same(code) for code in wanted}
        _within_bounds(", ".join(list(kits)[:3]), level, len(asked))
        read = read_kits(system, translation, wanted, revision if level == 0 else None)
        found |= read
        wanted = _unasked((code for remote in read.values() for code in inner(remote.recipe())), asked, translation)
        wanted, level = (wanted, level + 1) if deep else ([], level)
    return found


def part_of(kits: Mapping[str, RemoteKit], kit: str, translation: Translation, *, deep: bool) -> dict[str, RemoteKit]:
    """Of what was read for many: one kit and, if `deep`, all kits in it; empty where it does not exist."""
    by_key = {translation.same(code): (code, remote) for code, remote in kits.items()}
    found: dict[str, RemoteKit] = {}
    wanted = [translation.same(kit)]
    while wanted:
        key = wanted.pop()
        if key not in by_key or by_key[key][0] in found:
            continue
        code, remote = by_key[key]
        found[code] = remote
        wanted += [translation.same(code) for code in inner(remote.recipe())] if deep else []
    return found


def recipes_of(kits: Mapping[str, RemoteKit]) -> dict[str, Recipe]:
    """What they consist of."""
    return {code: kit.recipe() for code, kit in kits.items()}


def fingerprint_of(recipes: Mapping[str, Recipe], translation: Translation, sync: Sync) -> str:
    """One fingerprint for a kit with all its inner kits."""
    each = sorted(
        f"{translation.same(code)}={fingerprint(recipe, places=sync.places, order=sync.order, same=translation.same)}"
        for code, recipe in recipes.items()
    )
    return hashlib.sha256("\n".join(each).encode()).hexdigest()


def _unasked(codes: Iterable[str], asked: set[str], translation: Translation) -> list[str]:
    fresh = {translation.same(code): code for code in codes}
    return [code for key, code in fresh.items() if key not in asked]


def _within_bounds(kit: str, level: int, kits: int) -> None:
    if level > DEEPEST:
        raise KitFault("validation", (Fault(kit, f"kits in kits go deeper than {DEEPEST} levels"),))
    if kits > MOST_KITS:
        raise KitFault("validation", (Fault(kit, f"there are more than {MOST_KITS} kits in it"),))
