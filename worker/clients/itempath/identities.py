"""What a code means in ItemPath and what an id is called: by ids that are known, else by names; and what stands against it.

Names change, in Power Pick, and ids do not (documented): so after the first match the id is believed. A line names its component by id
alone, and nothing tells whether that is a material or a kit.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeVar

from worker.clients.itempath.records import Kit, Material, key_of
from worker.kits.model import Item

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from worker.clients.itempath.finding import Finder

R = TypeVar("R", Kit, Material)
Kind = Literal["item", "kit"]
BOTH: Final = "names both a material and a kit in ItemPath: rename one of them"

KINDS: Final[tuple[Kind, ...]] = ("item", "kit")


class Book(Protocol):
    """What is known of ids and codes, kept between syncs. Ids are asked in capitals (`key_of`), and are one whatever capitals they have."""

    def known(self, ids: Collection[str]) -> Mapping[str, Item]:
        """What these ids are, as far as it is known, by id; `code` as it was learnt last."""

    def learn(self, items: Iterable[Item]) -> None:
        """Remember these, by their id and type."""

    def id_of(self, kind: Kind, code: str) -> str | None:
        """The id that this code was learnt with."""


class Identities:
    """One tenant's codes in ItemPath. Threads share it. Every method raises `CallError`."""

    def __init__(self, finder: Finder, book: Book) -> None:
        self._finder = finder
        self._book = book

    def kits(self, codes: Collection[str]) -> dict[str, list[Kit]]:
        """Kits by code; more than one where the name can't tell them apart."""
        return self._meant("kit", codes, self._finder.kits_named, self._finder.kits_with)

    def materials(self, codes: Collection[str]) -> dict[str, list[Material]]:
        """Materials, likewise."""
        return self._meant("item", codes, self._finder.materials_named, self._finder.materials_with)

    def unmatched(self, kits: Mapping[str, Kit]) -> list[str]:
        """The codes whose kit has no known id: they were found by name alone."""
        return [code for code in kits if self._book.id_of("kit", code) is None]

    def items(self, codes: Collection[str]) -> dict[str, Item]:
        """What may be a component, by code. What can't be chosen, or is blocked, says why not; what is unambiguous is learnt."""
        materials, kits = self.materials(codes), self.kits(codes)
        found = {code: _item(code, materials.get(code, []), kits.get(code, [])) for code in codes if code in materials or code in kits}
        single = {code: item for code, item in found.items() if len(materials.get(code, [])) + len(kits.get(code, [])) == 1}
        self.learn(single.values())
        return found

    def called(self, ids: Iterable[str], at_hand: Collection[Kit] = ()) -> dict[str, Item]:
        """What these ids are, by id: as known, or as the kits at hand tell, or by as few calls as can be. Others are left out.

        Materials are asked before kits: most components are materials, and then kits need not be asked at all.
        """
        wanted = {key_of(each) for each in ids}
        found = self.known(wanted)
        news = {key: item for kit in at_hand if (key := key_of(kit.id)) in wanted and key not in found for item in (item_of_kit(kit),)}
        if left := wanted - found.keys() - news.keys():
            news |= {key: item_of_material(each) for key, each in self._finder.materials_with(left).items()}
        if left := wanted - found.keys() - news.keys():
            news |= {key: item_of_kit(each) for key, each in self._finder.kits_with(left).items()}
        if news:
            self._book.learn(list(news.values()))
        return found | news

    def known(self, ids: Iterable[str]) -> dict[str, Item]:
        """What the book has of these ids, by id. No call."""
        wanted = {key_of(each) for each in ids}
        return {key_of(each): item for each, item in self._book.known(wanted).items()} if wanted else {}

    def learn(self, items: Iterable[Item]) -> None:
        """Remember those that are new or have another code or unit."""
        told = {key_of(item.id): item for item in items}
        known = self.known(told)
        news = [item for key, item in told.items() if key not in known or _differs(known[key], item)]
        if news:
            self._book.learn(news)

    def ids(self, code: str) -> tuple[str, ...]:
        """The ids that this code is known to have, as a material or as a kit."""
        found = (self._book.id_of(kind, code) for kind in KINDS)
        return tuple(each for each in found if each)

    def _meant(
        self,
        kind: Kind,
        codes: Collection[str],
        named: Callable[[Collection[str]], dict[str, list[R]]],
        with_ids: Callable[[Collection[str]], dict[str, R]],
    ) -> dict[str, list[R]]:
        """By name, but where another id is known for the code and still exists: that one, whatever its name is now."""
        found = named(codes)
        known = {code: key_of(each) for code in codes if (each := self._book.id_of(kind, code))}
        for code, key in known.items():
            if same := [record for record in found.get(code, []) if key_of(record.id) == key]:
                found[code] = same
        astray = {code: key for code, key in known.items() if not any(key_of(record.id) == key for record in found.get(code, []))}
        by_id = with_ids(set(astray.values()))
        found |= {code: [by_id[key]] for code, key in astray.items() if key in by_id}
        return found


def item_of_material(material: Material, code: str | None = None) -> Item:
    """A material as a component. A blocked one says why it can't be one."""
    why_not = f"is blocked in ItemPath: {material.block_reason or 'no reason is given'}" if material.is_blocked else None
    return Item(
        material.id,
        material.name if code is None else code,
        "item",
        material.unit_of_measure or None,
        cost=material.value_per_unit,
        why_not=why_not,
    )


def item_of_kit(kit: Kit, code: str | None = None) -> Item:
    """A kit as a component: its quantity multiplies what is in it."""
    return Item(kit.id, kit.name if code is None else code, "kit")


def _item(code: str, materials: list[Material], kits: list[Kit]) -> Item:
    first = item_of_material(materials[0], code) if materials else item_of_kit(kits[0], code)
    if materials and kits:
        return replace(first, why_not=BOTH)
    several = materials or kits
    if len(several) > 1:
        names = ", ".join(sorted(each.name for each in several))
        return replace(first, why_not=f"can't be told apart in ItemPath: {names}")
    return first


def _differs(known: Item, item: Item) -> bool:
    return (known.code, known.unit, known.type) != (item.code, item.unit, item.type)
