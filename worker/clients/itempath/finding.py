"""Kits and materials by name or id, several to a call where the installation can.

`[or]` is in the newer guide alone (documented): one that refuses it with 400, or looks for it as for a word, is asked one by one from then
on. What an answer holds is held against what was asked again, since a server may ignore a filter that it does not know.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar
from urllib.parse import quote

from worker.clients.itempath.filters import MOST, KitFilter, MaterialFilter, any_of
from worker.clients.itempath.records import Kit, Material, key_of
from worker.errors import Missing, Rejected

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from worker.clients.itempath.client import ItemPathClient

R = TypeVar("R", Kit, Material)
LONGEST: Final = 3500
"""Characters of a list's values in a query, encoded: request lines above 8 KB are refused by many servers."""

PROBES: Final = 3
"""So many of a list that shows nothing are asked for alone, until it is known that lists work."""

MANY: Final = 4
"""From so many calls on, it is asked first whether reading all of them is cheaper."""


@dataclass(frozen=True, slots=True)
class _Source(Generic[R]):
    """How one kind of record is read."""

    wanted: Callable[..., Any]
    all: Callable[[Any], Iterator[R]]
    count: Callable[[], int]
    one: Callable[[str], R]


class Finder:
    """Threads share it. Every method raises `CallError`; what is not there is left out."""

    def __init__(self, client: ItemPathClient) -> None:
        self._kits: _Source[Kit] = _Source(KitFilter, client.kits, client.count_kits, client.get_kit)
        self._materials: _Source[Material] = _Source(MaterialFilter, client.materials, client.count_materials, client.get_material)
        self._several = True
        self._proven = False

    def kits_named(self, names: Collection[str]) -> dict[str, list[Kit]]:
        """Kits by the name that was asked; more than one where names differ in capitals alone and none is spelt as asked."""
        return self._named(self._kits, names)

    def materials_named(self, names: Collection[str]) -> dict[str, list[Material]]:
        """Materials, likewise."""
        return self._named(self._materials, names)

    def kits_with(self, ids: Collection[str]) -> dict[str, Kit]:
        """Kits by id, its capitals as `key_of` has them."""
        return self._with(self._kits, ids)

    def materials_with(self, ids: Collection[str]) -> dict[str, Material]:
        """Materials, likewise."""
        return self._with(self._materials, ids)

    def _named(self, source: _Source[R], names: Collection[str]) -> dict[str, list[R]]:
        by_name: dict[str, list[R]] = {}
        for record in self._read(source, "name", names):
            by_name.setdefault(name_key(record.name), []).append(record)
        found = {name: by_name[name_key(name)] for name in names if name_key(name) in by_name}
        return {name: [each for each in records if each.name == name.strip()] or records for name, records in found.items()}

    def _with(self, source: _Source[R], ids: Collection[str]) -> dict[str, R]:
        keys = sorted({key_of(each) for each in ids if each.strip()})
        if len(keys) <= 1 or not self._several:
            return {key: record for key in keys if (record := _one(source, key)) is not None}
        parts = list(_chunks(keys))
        if len(parts) > MANY and source.count() <= (len(parts) - 2) * MOST:
            records: Iterable[R] = source.all(source.wanted())
        else:
            records = self._read(source, "id", keys)
        return {key_of(record.id): record for record in records if key_of(record.id) in keys}

    def _read(self, source: _Source[R], field: Literal["id", "name"], values: Collection[str]) -> list[R]:
        """All that the filter gives, each once."""
        askable = list(dict.fromkeys(value.strip() for value in values if _askable(value)))
        together = [value for value in askable if ";" not in value] if self._several and len(askable) > 1 else []
        found: dict[str, R] = {}
        for part in _chunks(together):
            try:
                shown = {key_of(record.id): record for record in source.all(source.wanted(**{field: any_of(*part)}))}
                if not shown and self._takes_it_literally(source, field, part):
                    self._several, together, found = False, [], {}
                    break
                self._proven = self._proven or bool(shown)
                found |= shown
            except Rejected as error:
                if error.status != HTTPStatus.BAD_REQUEST:
                    raise
                self._several, together, found = False, [], {}
                break
        for value in (value for value in askable if value not in together):
            found |= {key_of(record.id): record for record in _each(source, field, value)}
        return list(found.values())

    def _takes_it_literally(self, source: _Source[R], field: Literal["id", "name"], part: Sequence[str]) -> bool:
        """Whether a list of several that came back empty was looked for as one odd word, as an installation might that does not know it.

        To believe that would be to take what is there for missing. A few are asked for alone, as long as no list has ever shown anything.
        """
        return not self._proven and any(_each(source, field, value) for value in part[:PROBES])


def name_key(name: str) -> str:
    """A name as names are compared: Power Pick's database mostly knows no capitals (inferred)."""
    return unicodedata.normalize("NFC", name).strip().casefold()


def _each(source: _Source[R], field: Literal["id", "name"], value: str) -> list[R]:
    """The records of one name or id, asked for alone."""
    if field == "name":
        return list(source.all(source.wanted(name=value)))
    return [record for record in (_one(source, value),) if record is not None]


def _one(source: _Source[R], record_id: str) -> R | None:
    try:
        return source.one(record_id)
    except Missing:
        return None


def _askable(value: str) -> bool:
    """Whether a filter can hold it: a blank would ask for all, and one with an operator in front for something else."""
    return bool(value.strip()) and not value.lstrip().startswith("[")


def _chunks(values: Collection[str]) -> Iterator[list[str]]:
    part: list[str] = []
    length = 0
    for value in values:
        more = len(quote(value, safe="")) + 3
        if part and length + more > LONGEST:
            yield part
            part, length = [], 0
        part.append(value)
        length += more
    if part:
        yield part
